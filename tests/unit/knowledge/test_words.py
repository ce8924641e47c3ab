from __future__ import annotations

import pytest

from knowledge.retrieval.words import terms


def test_chinese_becomes_bigrams() -> None:
    assert terms("年假天数") == ["年假", "假天", "天数"]


def test_english_words_share_their_beginning() -> None:
    assert set(terms("reimbursement")) & set(terms("reimburse"))


def test_full_width_and_case_are_folded() -> None:
    assert terms("ＶＰＮ") == terms("vpn") == ["vpn"]


@pytest.mark.parametrize("common", ["what is the", "什么", "怎么"])
def test_the_commonest_words_say_nothing(common: str) -> None:
    assert terms(common) == []


def test_identifiers_stay_whole() -> None:
    assert "gpt-4o" in terms("use gpt-4o now")
