"""Numbers are read in digits and in words, in both languages; two questions with different ones are different."""

from __future__ import annotations

import pytest

from knowledge.retrieval.numerals import numbers


@pytest.mark.parametrize(
    "same",
    [
        ("after 5 years", "after five years", "after ５ years", "五年后", "满5年"),
        ("10 days", "ten days", "十天", "１０ 天", "010 days"),
        ("25 days", "twenty-five days", "twenty five days", "二十五天"),
        ("40 hours", "forty hours", "四十小时"),
        ("level 12", "十二级"),
        ("1,000 euros a year", "1000 euros a year"),
        ("more than 2000 元", "more than 两千元", "more than 2,000 元"),
        ("120000 元", "十二万元"),
        ("15 percent", "百分之十五", "十五"),
        ("the second child", "第二个孩子", "child 2"),
        ("after one year", "after 1 year", "满一年"),
        ("in 2024", "二〇二四年"),
        ("at 9:30", "at 09:30"),
        ("paid leave", "请问一下年假", "一个员工的年假", "one of us", "I have a question", "十分重要", "万一生病"),
    ],
)
def test_the_same_number_however_it_is_written(same: tuple[str, ...]) -> None:
    assert {tuple(sorted(numbers(text).items())) for text in same} == {tuple(sorted(numbers(same[0]).items()))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("after 5 years", "after 10 years"),
        ("满五年的年假", "满十年的年假"),
        ("满五年的年假", "满15年的年假"),
        ("leave after one year", "leave after two years"),
        ("the second child", "the third child"),
        ("第一个孩子", "第二个孩子"),
        ("a 3.5 rating", "a 3.6 rating"),
        ("from 5 to 5", "from 5"),
        ("leave after 5 years", "leave"),
        ("二十天", "二十五天"),
        ("twenty days", "twenty-five days"),
        ("a hundred and 5", "a hundred and 6"),
        ("合同3.11", "合同3.12"),
        ("利率是百分之五", "利率是百分之十"),
        ("不超过二十", "不超过三十"),
        ("最多十五", "最多十六"),
        ("3万元", "5万元"),
        ("a hundred euros", "a thousand euros"),
        ("half a day", "a day"),
    ],
)
def test_another_number_is_another_question(one: str, other: str) -> None:
    assert numbers(one) != numbers(other)
