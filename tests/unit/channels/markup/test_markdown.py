import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.markup.markdown import parse_markdown
from channels.markup.styled import Span, StyledText

WORDS = st.lists(st.sampled_from(["alpha", "你好", "beta2", "世界", "42", "γάμμα"]), min_size=1, max_size=4).map(
    " ".join
)
LINES = st.tuples(
    st.sampled_from(["", "# ", "- ", "1. ", "> ", "  - ", "> - ", "    ", "* * ", "| ", "[注意]: ", "+ 3) "]),
    st.sampled_from(
        ["{}", "**{}**", "_{}", "`{}`", "~~{}~~", "[{}](https://e.com)", "![{}](x.png)", "{} | {}", "<b>{}", "*{}**"]
    ),
    WORDS,
).map(lambda made: made[0] + made[1].replace("{}", made[2]))
DOCUMENTS = st.lists(st.one_of(LINES, st.sampled_from(["", "```", "---", "|-|-|", "==="])), max_size=25).map("\n".join)


def styles(source: str) -> list[tuple[str, str, str]]:
    styled = parse_markdown(source)
    return [(span.style, styled.text[span.start : span.end], span.value) for span in styled.spans]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        (
            "**bold** and *both **nested***",
            "bold and both nested",
            [("bold", "bold", ""), ("bold", "nested", ""), ("italic", "both nested", "")],
        ),
        ("~~gone~~ `code`", "gone code", [("strike", "gone", ""), ("code", "code", "")]),
        ("# A title\ntext", "A title\n\ntext", [("bold", "A title", "")]),
        ("[a](https://e.com/?a=1&b=2)", "a", [("link", "a", "https://e.com/?a=1&b=2")]),
        ("[](https://e.com)", "https://e.com", [("link", "https://e.com", "https://e.com")]),
        ("[a](guide.md)", "a (guide.md)", []),
        ("[write](mailto:a@e.com)", "write (a@e.com)", []),
        ("[join](tg://resolve?domain=e)", "join", [("link", "join", "tg://resolve?domain=e")]),
        ("![a picture](https://e.com/p.png)", "a picture", [("link", "a picture", "https://e.com/p.png")]),
        ("```python\nx < 1\n```", "x < 1", [("pre", "x < 1", "python")]),
        ("```python\nx < 1", "x < 1", [("pre", "x < 1", "python")]),
        ("> one\n> two", "one\ntwo", [("quote", "one\ntwo", "")]),
        ("> one\n>> two", "one\n\ntwo", [("quote", "one\n\ntwo", "")]),
        ("- a\n- b\n  - c", "• a\n• b\n  ◦ c", []),
        ("3. a\n4. b", "3. a\n4. b", []),
        ("- a\n\n- b", "• a\n\n• b", []),
        ("a\n\n---\n\nb", "a\n\n———\n\nb", []),
        ("<b>raw</b> &lt; &amp;amp;", "<b>raw</b> < &amp;", []),
        ("one\ntwo", "one\ntwo", []),
        ("**never closed", "**never closed", []),
        ("[注意]: 请勿重启", "[注意]: 请勿重启", []),
        ("a\r\nb\x00\u202ec\ud83d", "a\nbc", []),
    ],
)
def test_markdown_becomes_text_with_styles(source: str, text: str, expected: list[tuple[str, str, str]]) -> None:
    assert parse_markdown(source).text == text
    assert styles(source) == expected


def test_a_table_is_laid_out_in_columns_also_with_wide_characters() -> None:
    assert parse_markdown("|名称|N|\n|---|--:|\n|你好|1|\n|b|[x](https://y.z)|").text == (
        "名称 |               N\n-----+----------------\n你好 |               1\nb    | x (https://y.z)"
    )


def test_a_table_that_the_parser_would_blow_up_stays_small() -> None:
    source = "a|" * 100 + "\n" + "-|" * 100 + "\n" + "c|\n" * 700
    assert len(parse_markdown(source).text) < 3 * len(source)


def test_a_long_text_with_a_small_table_keeps_it() -> None:
    source = "word\n" * 2000 + "\n|a|b|c|\n|-|-|-|\n|1|2|3|\n\n" + "word\n" * 2000
    assert [span.style for span in parse_markdown(source).spans] == ["pre"]


@given(DOCUMENTS)
def test_no_word_is_lost_and_none_is_doubled(source: str) -> None:
    text = parse_markdown(source).text
    expected = re.findall(
        r"[^\W_]+", re.sub(r"https://e\.com|x\.png|<b>|^ *\d[.)]|```.*", " ", source, flags=re.MULTILINE)
    )
    found = re.findall(r"[^\W_]+", re.sub(r"\(x\.png\)|<b>", " ", text))
    missing = [word for word in expected if word not in found]
    assert not missing


@given(DOCUMENTS)
def test_spans_lie_inside_the_text(source: str) -> None:
    styled = parse_markdown(source)
    assert all(0 <= span.start < span.end <= len(styled.text) for span in styled.spans)


def test_what_is_nested_too_deeply_for_the_parser_is_shown_as_it_is() -> None:
    source = "> " * 60 + "deep"
    assert parse_markdown(source).text == source


HOSTILE = [
    "[" * 30_000,
    "![](" * 8000,
    "*a **b " * 4000,
    "|a\n" * 9000,
    "`" * 30_000,
    "_a" * 15_000,
    "a|" * 100 + "\n" + "-|" * 100 + "\n" + "c|\n" * 700,
    "a|" * 2000 + "\n" + "-|" * 2000 + "\n" + "c\n" * 2000,
]


@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: source[:8])
@pytest.mark.timeout(30)  # seconds where its cost grows with the square of its length, hours where it explodes
def test_hostile_markdown_does_not_explode(source: str) -> None:
    assert len(parse_markdown(source).text) <= len(source) * 3


def test_a_piece_of_a_styled_text_keeps_its_styles() -> None:
    styled = StyledText("one two three", (Span(0, 7, "bold"), Span(4, 13, "link", "https://e.com")))
    assert styled.cut(4, 9) == StyledText("two t", (Span(0, 3, "bold"), Span(0, 5, "link", "https://e.com")))


def test_texts_are_joined_with_a_gap_only_between_two() -> None:
    bold = StyledText("b", (Span(0, 1, "bold"),))
    assert StyledText("a").joined(bold) == StyledText("a\n\nb", (Span(3, 4, "bold"),))
    assert StyledText().joined(bold) == bold
    assert bold.joined(StyledText()) == bold


def test_a_split_code_block_is_code_in_every_part() -> None:
    code = "\n".join(f"line {number}" for number in range(50))
    parts = parse_markdown(f"Intro.\n\n```sql\n{code}\n```\nEnd.").split(120, "utf16")
    assert len(parts) > 3
    assert all(("pre", "sql") in {(span.style, span.value) for span in part.spans} for part in parts[1:-1])
