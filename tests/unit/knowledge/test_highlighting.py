"""What is marked in a passage is what its words share with the question."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.retrieval.highlighting import excerpt, spans
from knowledge.retrieval.words import terms

TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from("年假天数报销出差 reimbursement, Wi-Fi’s ＡＢ１２ﬁ。\u0301\uff9e가"))
)


def marked(text: str, query: str) -> list[str]:
    return [text[begin:end] for begin, end in spans(text, query)]


@pytest.mark.parametrize(
    ("text", "query", "parts"),
    [
        ("员工每年享有十二天带薪年假。", "年假有几天？", ["年假"]),
        ("报销流程：先贴票，再报销。", "怎么报销", ["报销", "报销"]),
        ("The Reimbursement form; reimbursed monthly.", "how are costs reimbursed", ["Reimbursement", "reimbursed"]),
        ("打开ＶＰＮ（版本１２）后登录", "VPN 12", ["ＶＰＮ", "１２"]),
        ("Wi-Fi is free. wifi", "wi-fi password", ["Wi-Fi"]),
        ("出差审批表", "出差审批", ["出差审批"]),
        ("The office is open.", "what is the of", []),
        ("café au lait", "cafe", []),
        ("ﬁle the form", "file", ["ﬁle"]),
        ("anything", "", []),
        ("", "anything", []),
    ],
)
def test_the_words_of_the_question_are_marked(text: str, query: str, parts: list[str]) -> None:
    assert marked(text, query) == parts


@given(TEXTS, TEXTS)
def test_parts_are_in_order_apart_and_inside_the_text(text: str, query: str) -> None:
    found = spans(text, query)
    ends = [0]
    for begin, end in found:
        assert ends[-1] <= begin < end <= len(text)
        ends.append(end)
    assert all(left[1] < right[0] for left, right in pairwise(found))


@given(TEXTS, TEXTS)
def test_something_is_marked_exactly_where_text_and_question_share_a_word(text: str, query: str) -> None:
    assert bool(spans(text, query)) == bool(set(terms(text)) & set(terms(query)))


@given(TEXTS)
def test_a_text_asked_for_itself_is_marked_wherever_it_has_words(text: str) -> None:
    assert set(terms(text)) == {term for part in marked(text, text) for term in terms(part)}


@given(TEXTS, TEXTS, st.integers(1, 50))
def test_an_excerpt_is_a_part_of_the_text_of_the_wanted_length(text: str, query: str, length: int) -> None:
    begin, end = excerpt(text, spans(text, query), length=length)
    assert 0 <= begin <= end <= len(text)
    assert end - begin == min(length, len(text))


def test_an_excerpt_shows_where_most_of_the_match_is() -> None:
    text = "年假" + "。" * 300 + "出差报销的流程" + "。" * 300
    begin, end = excerpt(text, spans(text, "年假出差报销流程"), length=60)
    assert "出差报销" in text[begin:end]
