from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from knowledge.ingest.chunking import chunks, sentences
from knowledge.types import Block

_TEXT = st.text(alphabet=st.sampled_from("年假天数一二三。！？；，、：“”（）abc XYZ.,!?12\n \t|—"), max_size=400)
_BLOCKS = st.lists(
    st.builds(
        Block,
        text=_TEXT,
        headings=st.lists(st.sampled_from(["甲", "B"]), max_size=2).map(tuple),
        place=st.sampled_from(["", "p. 1"]),
    ),
    max_size=6,
)


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(_BLOCKS, st.integers(min_value=5, max_value=120))
def test_nothing_is_lost_and_no_chunk_is_too_long(blocks: list[Block], size: int) -> None:
    made = chunks(blocks, size=size)
    assert all(0 < len(chunk.text) <= size for chunk in made)
    assert bare("".join(chunk.text for chunk in made)) == bare("".join(block.text for block in blocks))


@given(_BLOCKS, st.integers(min_value=20, max_value=120))
def test_a_chunk_never_spans_two_headings(blocks: list[Block], size: int) -> None:
    known = {(block.headings, block.place) for block in blocks}
    made = chunks(blocks, size=size)
    assert {(chunk.headings, chunk.place) for chunk in made} <= known
    for chunk in made:
        own = "".join(bare(block.text) for block in blocks if block.headings in {chunk.headings, ()})
        assert bare(chunk.text) in own


def test_a_short_preamble_joins_what_stands_under_the_first_heading() -> None:
    blocks = [
        Block(text="适用于全体员工。"),
        Block(text="十二天。", headings=("天数",)),
        Block(text="乙", headings=("乙",)),
    ]
    assert [(chunk.headings, chunk.text) for chunk in chunks(blocks, size=700)] == [
        (("天数",), "适用于全体员工。\n\n十二天。"),
        (("乙",), "乙"),
    ]


def test_cuts_between_chinese_sentences_and_keeps_closing_quotes() -> None:
    text = "他说：“年假有十二天。”然后走了。病假呢？要证明！"
    assert sentences(text) == ["他说：“年假有十二天。”然后走了。", "病假呢？", "要证明！"]
    assert [chunk.text for chunk in chunks([Block(text=text)], size=20)] == [
        "他说：“年假有十二天。”然后走了。",
        "病假呢？要证明！",
    ]


def test_does_not_cut_inside_a_number() -> None:
    assert sentences("It costs 3.5 euros. Pay in 2.0 days.") == ["It costs 3.5 euros.", "Pay in 2.0 days."]


def test_a_long_table_repeats_its_head_in_every_chunk() -> None:
    rows = "\n".join(f"| 城市{number} | {number * 10} 元 |" for number in range(40))
    made = chunks([Block(text=f"| 城市 | 上限 |\n|---|---|\n{rows}", kind="table")], size=200)
    assert len(made) > 2
    assert all(chunk.text.startswith("| 城市 | 上限 |\n|---|---|\n") for chunk in made)
    assert sum(chunk.text.count("元") for chunk in made) == 40


def test_question_answer_pairs_stay_apart() -> None:
    pairs = [Block(text="问：甲？\n答：乙。", kind="pair"), Block(text="问：丙？\n答：丁。", kind="pair")]
    assert len(chunks(pairs, size=500)) == 2
