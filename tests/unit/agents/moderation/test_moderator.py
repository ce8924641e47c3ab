"""Word lists are read once, and judge what people write."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agents.errors import WordListUnreadable
from agents.moderation.moderator import Moderator, Moderators
from config.assistant import Moderation, WordList

LISTS = Path("agents/moderation/lists")


def on_input(action: str, *words: str) -> Moderation:
    return Moderation(input=(WordList(name="rule", action=action, words=words, category="test"),))


def test_input_is_allowed_redacted_or_blocked() -> None:
    assert Moderator(on_input("block", "badword")).check_input("fine").action == "allow"
    blocked = Moderator(on_input("block", "badword")).check_input("a Bad-Word here")
    assert (blocked.action, blocked.rule, blocked.category) == ("block", "rule", "test")
    redacted = Moderator(on_input("redact", "badword")).check_input("a Bad-Word here")
    assert (redacted.action, redacted.text) == ("redact", "a *** here")
    noted = Moderator(on_input("log", "badword")).check_input("a badword")
    assert (noted.action, noted.text, noted.rule) == ("allow", "a badword", "rule")
    assert Moderator(Moderation()).check_input("badword").action == "allow"


def test_input_and_output_have_their_own_lists() -> None:
    moderator = Moderator(on_input("block", "badword"))
    assert moderator.check_output("badword").action == "allow"


@pytest.mark.parametrize("text", ["ｂａｄｗｏｒｄ", "b a d w o r d", "BADWORD", "ba\u0301dword", "壞東西", "壞 東，西"])
def test_the_four_evasions_do_not_get_past_the_input(text: str) -> None:
    assert Moderator(on_input("block", "badword", "坏东西")).check_input(text).action == "block"


def test_matches_are_logged_by_rule_and_without_text() -> None:
    moderator = Moderator(on_input("redact", "badword"))
    with capture_logs() as logs:
        moderator.check_input("badword, badword")
    assert [entry["event"] for entry in logs] == ["moderation.matched"]
    assert logs[0]["rule"] == "rule"
    assert "badword" not in str(logs)


def test_a_file_has_one_phrase_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff# a comment\nfirst phrase\n\n第二  # why\nc#\n", "utf-8")
    moderator = Moderator(Moderation(input=(WordList(name="rule", file=str(file)),)))
    texts = ["FIRST PHRASE", "第二", "I like c#", "why", "a comment", "c"]
    assert [moderator.check_input(text).action for text in texts] == ["block"] * 3 + ["allow"] * 3


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
async def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "words.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WordListUnreadable, match=r"words\.txt"):
        await Moderators().of(Moderation(input=(WordList(name="rule", file=str(file)),)))


async def test_moderators_are_shared_until_their_lists_change(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("one\n", "utf-8")
    moderators = Moderators()

    def configured() -> Moderation:
        return Moderation(input=(WordList(name="rule", file=str(file)),))

    before = configured()
    first = await moderators.of(before)
    assert await moderators.of(before) is first
    assert await moderators.of(configured()) is first
    file.write_text("one\ntwo\n", "utf-8")
    os.utime(file, ns=(1, 1))
    changed = await moderators.of(configured())
    assert changed is not first
    assert changed.check_input("two").action == "block"


async def test_only_the_last_moderators_are_kept() -> None:
    moderators = Moderators(capacity=2)
    settings = [on_input("block", str(number)) for number in range(3)]
    made = [await moderators.of(one) for one in settings]
    assert await moderators.of(settings[2]) is made[2]
    assert await moderators.of(settings[0]) is not made[0]


@pytest.mark.parametrize(
    ("name", "hit", "miss"),
    [("profanity-en.txt", "what the f u c k", "classic assessment"), ("profanity-zh.txt", "你他妈的", "他妈妈的生日")],
)
def test_the_seed_lists_are_usable(name: str, hit: str, miss: str) -> None:
    moderator = Moderator(Moderation(input=(WordList(name="seed", file=str(LISTS / name)),)))
    assert moderator.check_input(hit).action == "block"
    assert moderator.check_input(miss).action == "allow"


def test_a_hundred_thousand_words_compile_and_each_is_found() -> None:
    chance = random.Random(1)
    ideographs = [chr(0x4E00 + number) for number in range(3000)]
    words = {"".join(chance.choices(ideographs, k=chance.randint(2, 6))) for _ in range(70_000)}
    words |= {"".join(chance.choices("abcdefghijklmnop", k=chance.randint(3, 9))) for _ in range(30_000)}
    moderator = Moderator(on_input("block", *words))
    assert moderator.check_input("xyz zyx wuv " * 40).action == "allow"
    for word in chance.sample(sorted(words), 200):
        assert moderator.check_input(f"一 {word} 一").action == "block"
