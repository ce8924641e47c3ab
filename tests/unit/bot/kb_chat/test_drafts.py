from __future__ import annotations

import pytest

from agents.texts import TEXTS
from agents.types import RecalledMessage, Role
from bot.commands.kb.drafts import Draft, drafted, pair_of, says_nothing
from knowledge.types import Access

HR, FINANCE = Access(roles=frozenset({"hr"})), Access(roles=frozenset({"finance"}))


def said(role: Role, text: str, *access: Access) -> RecalledMessage:
    return RecalledMessage(role=role, text=text, access=access)


TALK = (
    said("user", "年假有几天？", HR),
    said("assistant", "满一年后每年 **10 天** [1]，见[手册](https://x.example/a)。", HR),
    said("user", "What does the parking permit cost?"),
    said("assistant", "Forty crowns a month [1, 2].\n\n- ask `Ms Quill`", FINANCE),
)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Who? => She.", ("Who?", "She.")),
        ("谁？＝＞她。", ("谁？", "她。")),
        ("a => b => c", ("a", "b => c")),
        ("年假几天？\n10 天\n满一年后", ("年假几天？", "10 天\n满一年后")),
        ("问：报销流程\n答：先填表", ("报销流程", "先填表")),
        ("how long is leave\nten days", ("how long is leave", "ten days")),
        ("Ten days.\nAfter a year twelve.", None),
        ("=> b", None),
        ("a =>", None),
        ("", None),
    ],
)
def test_a_question_and_an_answer_are_told_apart(text: str, pair: tuple[str, str] | None) -> None:
    assert pair_of(text) == pair


def test_alone_it_takes_the_last_question_and_answer_without_citations() -> None:
    assert drafted("", "", TALK) == Draft(
        question="What does the parking permit cost?",
        answer="Forty crowns a month.\n\n- ask `Ms Quill`",
        access=(FINANCE,),
    )


@pytest.mark.parametrize(
    "quoted",
    [
        "满一年后每年 10 天 [1]，见手册。",
        "满一年后每年 10 天 [1]，见手册。\n\n来源\n[1] 员工手册 › 年假",
        "满一年后每年 **10 天** [1]，见[手册](https://x.example/a)。",
    ],
)
def test_the_answer_replied_to_is_found_with_its_question_whatever_the_platform_made_of_it(quoted: str) -> None:
    draft = drafted("", quoted, TALK)
    assert draft == Draft(
        question="年假有几天？", answer="满一年后每年 **10 天**，见[手册](https://x.example/a)。", access=(HR,)
    )


def test_a_part_of_a_long_answer_finds_the_whole() -> None:
    long = "\n\n".join(f"Paragraph {number} of the answer." for number in range(50))
    talk = (*TALK, said("user", "Everything?", HR), said("assistant", long, FINANCE))
    draft = drafted("", "Paragraph 48 of the answer.\nParagraph 49 of the answer.", talk)
    assert draft == Draft(question="Everything?", answer=long, access=(HR, FINANCE))


def test_the_newest_of_equal_answers_counts() -> None:
    talk = (said("user", "a?"), said("assistant", "Yes."), said("user", "b?"), said("assistant", "Yes."))
    draft = drafted("", "Yes.", talk)
    assert draft is not None
    assert draft.question == "b?"


def test_a_reply_with_a_question_takes_the_words_and_the_limits_of_where_they_come_from() -> None:
    draft = drafted("停车多少钱？", "Forty crowns a month [1, 2].\n- ask Ms Quill", TALK)
    assert draft == Draft(
        question="停车多少钱？", answer="Forty crowns a month.\n\n- ask `Ms Quill`", access=(FINANCE,)
    )
    unknown = drafted("停车多少钱？", "Something that nobody said here", TALK)
    assert unknown == Draft(question="停车多少钱？", answer="Something that nobody said here", access=(HR, FINANCE))


def test_words_from_before_what_is_recalled_have_the_limits_of_all_that_was_said() -> None:
    board = Access(roles=frozenset({"board"}))
    draft = drafted("What was decided?", "The office moves in May.", TALK, earlier=(board, HR))
    assert draft == Draft(question="What was decided?", answer="The office moves in May.", access=(board, HR, FINANCE))


def test_new_words_correct_the_last_answer_and_keep_its_limits() -> None:
    draft = drafted("Forty-two.", "", TALK)
    assert draft == Draft(question="What does the parking permit cost?", answer="Forty-two.", access=(FINANCE,))


def test_a_pair_has_limits_where_its_answer_was_copied_from_the_talk() -> None:
    own = drafted("Where is the canteen? => On the first floor", "", TALK)
    assert own is not None
    assert own.access == ()
    copied = drafted("年假？ => 满一年后每年 10 天 [1]，见手册。", "", TALK)
    assert copied is not None
    assert copied.access == (HR,)


def test_what_is_only_about_the_moment_is_not_stored() -> None:
    note = TEXTS["offline_note"]["zh"]
    draft = drafted("", "", (said("user", "几点关门？"), said("assistant", f"十点 [1]。\n\n{note}")))
    assert draft is not None
    assert draft.answer == "十点。"
    assert says_nothing(TEXTS["not_found"]["en"], None)
    assert says_nothing("Ask Ms Quill!", "**Ask** Ms Quill!")
    assert not says_nothing("Ten.", None)


def test_without_anything_said_nothing_is_made_up() -> None:
    assert drafted("", "", ()) is None
    assert drafted("", "What was it?", TALK) is None
    assert drafted("New words", "", (said("user", "and?"),)) is None
