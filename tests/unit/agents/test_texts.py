"""What an assistant says in its own name, and what counts as a courtesy."""

from __future__ import annotations

import re

import pytest

from agents.texts import TEXTS, courtesy


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS.keys())
def test_every_text_is_there_in_both_languages_with_the_same_blanks(texts: dict[str, str]) -> None:
    blanks = [re.findall(r"\{\w+\}", texts[language]) for language in ("zh", "en")]

    assert all(texts[language].strip() for language in ("zh", "en"))
    assert blanks[0] == blanks[1]


@pytest.mark.parametrize(
    "text",
    ["你好", "您好！", "hi", "Hello there!", "Hey,", "你是谁？", "Good morning, everyone", "在吗", "What can you do?"],
)
def test_greetings_are_courtesies(text: str) -> None:
    assert courtesy(text) == "greeting"


@pytest.mark.parametrize(
    "text", ["谢谢", "谢谢你！", "Thanks a lot", "thank you so much!!", "好的，谢谢", "OK, thanks"]
)
def test_thanks_are_courtesies(text: str) -> None:
    assert courtesy(text) == "thanks"


@pytest.mark.parametrize(
    "text",
    [
        "你好，年假有几天？",
        "Hi, how many days of leave do I have?",
        "help me book a room",
        "年假",
        "",
        "好人有好报吗",
        "this",
    ],
)
def test_questions_are_not(text: str) -> None:
    assert courtesy(text) == ""


def test_a_long_message_is_never_a_courtesy() -> None:
    assert courtesy("hi " * 100) == ""
