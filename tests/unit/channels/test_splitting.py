import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.limits import measure
from channels.splitting import grapheme_start, split_markdown, split_text
from channels.types import TextUnit

UNITS: list[TextUnit] = ["characters", "utf16", "utf8_bytes"]
FAMILY = "👨‍👩‍👧‍👦"
FLAG = "🇨🇳"
FRAGMENTS = st.sampled_from(
    [
        "word",
        "你好",
        "。",
        "，",
        ". ",
        "! ",
        "\n",
        "\n\n",
        " ",
        FAMILY,
        FLAG,
        "👍🏽",
        "e\u0301",
        "한",
        "🏴\U000e0067\U000e007f",
        "x" * 30,
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=120).map("".join)
LINES = st.lists(
    st.sampled_from(
        ["```python", "```", "~~~", "````", "", "x = 1  # 注释", "Some prose here.", "你好，世界。", "    indented"]
    ),
    max_size=60,
).map("\n".join)


def dense(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(TEXTS, st.integers(40, 200), st.sampled_from(UNITS))
def test_parts_fit_and_nothing_but_white_space_is_lost(text: str, limit: int, unit: TextUnit) -> None:
    parts = [text[start:end] for start, end in split_text(text, limit=limit, unit=unit)]
    assert all(part.strip() and measure(part, unit) <= limit for part in parts)
    assert dense("".join(parts)) == dense(text)


@given(TEXTS, st.integers(40, 200), st.sampled_from(UNITS), st.data())
def test_the_same_holds_with_code_blocks_and_atoms(text: str, limit: int, unit: TextUnit, data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    ranges = list(zip(edges[::2], edges[1::2], strict=False))
    for code, atoms in ((ranges, []), ([], ranges), (ranges[::2], ranges[1::2])):
        parts = [text[a:b] for a, b in split_text(text, limit=limit, unit=unit, code=code, atoms=atoms)]
        assert all(measure(part, unit) <= limit for part in parts)
        assert dense("".join(parts)) == dense(text)


@given(TEXTS, st.integers(40, 200))
def test_no_part_begins_or_ends_inside_a_character(text: str, limit: int) -> None:
    for start, end in split_text(text, limit=limit, unit="utf16"):
        for edge in (start, end):
            if 0 < edge < len(text):
                assert "\u200d" not in text[edge - 1 : edge + 1]
                assert not unicodedata.combining(text[edge])
                assert text[edge] not in "🏻🏼🏽🏾🏿\ufe0f"


def test_flags_are_split_between_pairs_only() -> None:
    text = FLAG * 10
    parts = [text[start:end] for start, end in split_text(text, limit=6, unit="utf16")]
    assert parts == [FLAG] * 10


def test_a_cluster_without_end_is_split_after_all() -> None:
    text = "e" + "\u0301" * 500
    assert grapheme_start(text, 300, 0) == 300
    assert dense("".join(text[a:b] for a, b in split_text(text, limit=100, unit="utf8_bytes"))) == text


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One one one.\n\nTwo two two two two two.\nThree three three.", "One one one."),
        ("One one one.\nTwo two two two. Two two two. Three three.", "One one one."),
        ("One one one. Two two two two two two. Three three three.", "One one one. Two two two two two two."),
        (
            "第一句很长很长很长。第二句也很长很长很长！第三句更长更长更长更长更长更长更长更长更长",
            "第一句很长很长很长。第二句也很长很长很长！",
        ),
        (
            "一句很长很长很长，没有句号的话，只有逗号，一直一直一直说下去，就是不停下来休息一会儿啊啊啊",
            "一句很长很长很长，没有句号的话，只有逗号，一直一直一直说下去，",
        ),
        ("word " * 20, "word word word word word word word word"),
    ],
)
def test_a_part_ends_where_a_person_would_end_it(text: str, first: str) -> None:
    start, end = split_text(text, limit=40, unit="characters")[0]
    assert text[start:end] == first


def test_a_code_block_that_fits_into_one_part_is_kept_whole() -> None:
    text = "Intro.\n\n" + "x = 1\n" * 10 + "\nAfter it."
    block = (8, 8 + 60)
    parts = [text[a:b] for a, b in split_text(text, limit=64, unit="characters", code=[block])]
    assert parts == ["Intro.", "x = 1\n" * 10, "After it."]


def test_a_long_code_block_is_split_between_lines_and_keeps_its_indentation() -> None:
    text = "\n".join(f"    line {number}" for number in range(100))
    parts = [text[a:b] for a, b in split_text(text, limit=100, unit="characters", code=[(0, len(text))])]
    assert "\n".join(parts) == text
    assert all(line.startswith("    line") for part in parts for line in part.split("\n"))


def test_a_link_is_not_split_where_there_is_a_choice() -> None:
    text = "Some words before it and then a link with many words in it goes on"
    link = (text.index("a link"), text.index(" goes on"))
    parts = [text[a:b] for a, b in split_text(text, limit=45, unit="characters", atoms=[link])]
    assert parts == ["Some words before it and then", "a link with many words in it goes on"]


def test_a_split_code_block_is_closed_and_opened_again_in_markdown() -> None:
    code = "\n".join(f"value_{number} = {number}" for number in range(40))
    parts = split_markdown(f"Before.\n\n```python\n{code}\n```\n\nAfter.", limit=300, unit="utf8_bytes")
    blocks = [part for part in parts if "```python\n" in part]
    assert len(blocks) >= 2
    assert all(part.count("```") == 2 for part in blocks)
    lines = [line for part in parts for line in part.split("\n") if line.startswith("value_")]
    assert "\n".join(lines) == code


@given(LINES, st.integers(60, 200), st.sampled_from(UNITS))
@example("```python\n" + "x = 1\n" * 30, 60, "utf8_bytes")
def test_markdown_parts_fit_and_keep_every_line_that_is_no_fence(text: str, limit: int, unit: TextUnit) -> None:
    parts = split_markdown(text, limit=limit, unit=unit)
    assert all(measure(part, unit) <= limit for part in parts)

    def content(of: str) -> str:
        return dense("\n".join(line for line in of.split("\n") if not line.strip().startswith(("```", "~~~"))))

    assert content("\n".join(parts)) == content(text)
