"""The offline model: excerpts with their references, honestly labelled, and nothing invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.runtimes.offline import OfflineRuntime, answer, best_sentences, first_sentence, sentences
from agents.types import Delta, Prompt, Reply
from knowledge.types import Coverage, Passage
from tests.unit.agents.making import assistant, context, passage, said, turn

HANDBOOK = Path(__file__).parents[3] / "examples" / "handbook"
KNOWING = assistant(knowledge={"bases": ["handbook"]}, questions=("How many days of leave do I have?",))


def sections(name: str) -> list[Passage]:
    """A page of the example handbook, one passage a section."""
    title, *parts = (HANDBOOK / name).read_text(encoding="utf-8").split("\n## ")
    heads = [part.split("\n", 1) for part in parts]
    page = title.splitlines()[0].lstrip("# ")
    return [
        passage(body.strip(), chunk=f"{name}#{place}", title=page, position=f"{page} > {head}", score=0.6)
        for place, (head, body) in enumerate(heads)
    ]


def asked(question: str, *passages: Passage, coverage: Coverage | None = None) -> Prompt:
    found: Coverage = coverage or ("answered" if passages else "not_found")
    return Prompt(system="", messages=said(question), passages=passages, coverage=found)


@pytest.mark.parametrize(
    ("page", "question", "language", "holds"),
    [
        ("zh/年假.md", "入职满五年有几天年假？", "zh", "15 天"),
        ("zh/年假.md", "没休完的年假可以结转吗？", "zh", "结转 5 天"),
        ("zh/年假.md", "实习生有年假吗", "zh", "实习生没有带薪年假"),
        ("en/annual-leave.md", "How many unused days move to the next year?", "en", "eight unused days"),
        ("en/annual-leave.md", "How many days of annual leave do I have?", "en", "24 days"),
        ("en/annual-leave.md", "When may I buy additional days?", "en", "in November"),
    ],
)
def test_the_sentence_that_answers_is_quoted_with_its_reference(
    page: str, question: str, language: str, holds: str
) -> None:
    passages = sections(page)

    text = answer(asked(question, *passages), turn(of=KNOWING, language=language))

    number = next(place for place, one in enumerate(passages, 1) if holds in " ".join(one.text.split()))
    quoted = text.rpartition("\n\n")[0]
    assert holds in quoted
    assert f"[{number}]" in quoted
    assert quoted.count("[") <= 3


def test_it_says_that_no_model_is_configured_and_how_to_change_that() -> None:
    for language, word in (("zh", "没有配置语言模型"), ("en", "No language model is configured")):
        text = answer(asked("leave?", passage("Leave is 12 days.")), turn(of=KNOWING, language=language))

        assert word in text
        assert "OPENAI_API_KEY" in text


def test_every_quoted_sentence_stands_in_a_passage() -> None:
    passages = sections("en/annual-leave.md")
    known = {sentence for one in passages for sentence in sentences(one.text)}

    assert {one.text for one in best_sentences("How do I ask for leave?", passages, "en")} <= known


def test_passages_in_the_questions_language_are_preferred() -> None:
    chinese, english = (
        passage("Annual leave 年假有 12 天。", chunk="zh"),
        passage("Annual leave is 24 days.", chunk="en"),
    )

    assert best_sentences("annual leave?", [chinese, english], "en")[0].passage == 1
    assert best_sentences("年假 annual leave", [english, chinese], "zh")[0].passage == 1


def test_a_passage_in_another_language_is_better_than_none() -> None:
    text = answer(asked("年假有几天？", passage("Annual leave is 24 days a year.")), turn(of=KNOWING, language="zh"))

    assert "24 days" in text
    assert "没有配置语言模型" in text


def test_it_does_not_know_what_was_not_found() -> None:
    weak = passage("Something else entirely.", score=0.1)

    for prompt in (asked("moon?"), asked("moon?", weak, coverage="not_found")):
        text = answer(prompt, turn(of=KNOWING))

        assert "found nothing" in text
        assert "Something else" not in text


def test_what_is_not_quite_an_answer_is_called_so() -> None:
    text = answer(asked("taxi?", passage("Alcohol is not reimbursed."), coverage="partly"), turn(of=KNOWING))

    assert text.startswith("I found no exact answer; this comes closest:\n\nAlcohol is not reimbursed. [1]")


def test_the_configured_words_are_used_when_nothing_was_found() -> None:
    helper = assistant(knowledge={"bases": ["b"], "not_found": "Please ask Ann."})

    assert answer(asked("moon?"), turn(of=helper)).startswith("Please ask Ann.")


def test_a_greeting_is_answered_with_what_it_can_do() -> None:
    text = answer(asked("hi"), turn(of=KNOWING))

    assert "How many days of leave do I have?" in text
    assert "found nothing" not in text
    assert answer(asked("谢谢"), turn(of=KNOWING, language="zh")) == "不客气！"


def test_without_knowledge_it_says_that_it_has_none() -> None:
    assert "neither" in answer(asked("What is the moon?"), turn())


async def test_it_streams_like_a_model_and_always_the_same() -> None:
    prompt = asked("How do I ask for leave?", *sections("en/annual-leave.md"))

    runs = [[event async for event in OfflineRuntime().run(prompt, turn(of=KNOWING), context())] for _ in range(2)]

    *deltas, reply = runs[0]
    assert isinstance(reply, Reply)
    assert len(deltas) > 1
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == reply.text
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("年假有 12 天。满五年 15 天！", ["年假有 12 天。", "满五年 15 天！"]),
        ("Wrapped at the\nend of lines. Next one.", ["Wrapped at the end of lines.", "Next one."]),
        ("第一行没有\n断开。", ["第一行没有断开。"]),
        ("# Head\n\n- one item\n- another item\n1. first\n\n> quoted", ["one item", "another item", "first", "quoted"]),
        ("It costs 3.50 euros.", ["It costs 3.50 euros."]),
        ("满一年 12 天；满五年 15 天。", ["满一年 12 天；满五年 15 天。"]),
        ("Rooms:\n\n| Room | Floor |\n|---|:-:|\n| Oak | 3 |\n| Elm | 4 |", ["Rooms:", "Oak · 3", "Elm · 4"]),
        ("", []),
    ],
)
def test_markdown_is_cut_into_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
    assert first_sentence(text) == (expected[0] if expected else "")
