"""Questions that say only what is different are understood by the one before, where the knowledge says so."""

from __future__ import annotations

import pytest

from agents.ellipsis import mentioning, news, whole
from agents.types import Recollection
from tests.unit.agents.making import passage, said


@pytest.mark.parametrize(
    ("question", "new"),
    [
        ("and for interns?", "for interns"),
        ("And the moon?", "the moon"),
        ("what about part-time?", "part-time"),
        ("How about the Berlin office?", "the Berlin office"),
        ("那实习生呢？", "实习生"),
        ("那么实习生呢", "实习生"),
        ("实习生呢？", "实习生"),
        ("还有产假呢?", "产假"),
        ("How many days of leave do I have?", ""),
        ("And how do I apply for the leave of which we spoke when we last talked about it?", ""),
        ("and that is all", ""),
        ("年假有几天？", ""),
        ("那我应该先找经理还是先找人事部门申请年假和调休呢？", ""),
        ("", ""),
    ],
)
def test_what_an_elliptical_question_asks_about(question: str, new: str) -> None:
    assert news(question) == new


def test_it_stands_behind_the_last_question_that_stands_for_itself() -> None:
    recalled = Recollection(messages=said("年假有几天？", "十二天。", "那实习生呢？", "六天。"))
    assert whole("那兼职呢？", recalled) == "年假有几天？ 那兼职呢？"
    assert whole("产假有几天？", recalled) == ""
    assert whole("那兼职呢？", Recollection()) == ""


def test_only_passages_that_name_it_count() -> None:
    leave, interns = passage("Leave is twelve days."), passage("An intern has six days of leave.", chunk="c2")
    assert mentioning("and for interns?", (leave, interns)) == (interns,)
    assert mentioning("and the moon?", (leave, interns)) == ()
    assert mentioning("and?", (leave, interns)) == ()
