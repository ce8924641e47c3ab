from __future__ import annotations

import string

import pytest

from bot.texts import TEXTS, language_of


@pytest.mark.parametrize(
    ("text", "hint", "language"),
    [
        ("年假有几天？", None, "zh"),
        ("How many days of leave?", "zh-hans", "en"),
        ("请问 VPN 怎么用", "en", "zh"),
        ("What does 年假 mean in the handbook?", None, "en"),
        ("👍", "zh-hans", "zh"),
        ("123", None, "en"),
        ("", None, "en"),
    ],
)
def test_the_answer_comes_in_the_language_of_the_question(text: str, hint: str | None, language: str) -> None:
    assert language_of(text, hint=hint) == language


def test_an_assistant_of_one_language_keeps_to_it() -> None:
    assert language_of("hello", fixed="zh") == "zh"
    assert language_of("你好", fixed="en") == "en"


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_has_the_same_values_in_both_languages(name: str) -> None:
    fields = [
        {field for _, field, _, _ in string.Formatter().parse(TEXTS[name][lang]) if field} for lang in TEXTS[name]
    ]
    assert list(TEXTS[name]) == ["zh", "en"]
    assert fields[0] == fields[1]
