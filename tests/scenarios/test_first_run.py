"""The first run: no key, no server, no file; the shipped assistant answers from the example handbook."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loader import DEFAULTS
from tests.running import running, visitor

SHIPPED = (DEFAULTS / "assistants" / "assistant.yaml").read_text(encoding="utf-8")


@pytest.mark.timeout(90)
async def test_chinese_and_english_questions_are_answered_with_the_right_citation(tmp_path: Path) -> None:
    async with running(tmp_path, assistants={"assistant": SHIPPED}) as parley, visitor(parley) as anna:
        english = await anna.ask("How many days of annual leave do I get?", timeout_s=60)
        assert "[1]" in english["content"]
        assert english["citations"][0]["source"].endswith("annual-leave.md")
        assert "no language model" in english["content"].lower()
        chinese = await anna.ask("年假有几天？")
        assert "[1]" in chinese["content"]
        assert "年假" in chinese["citations"][0]["title"]
        assert chinese["citations"][0]["excerpt"]
        unknown = await anna.ask("What is the boiling point of tungsten?")
        assert not unknown.get("citations")


@pytest.mark.timeout(90)
async def test_a_follow_up_that_says_only_what_is_different_is_understood(tmp_path: Path) -> None:
    async with running(tmp_path, assistants={"assistant": SHIPPED}) as parley:
        for question, follow_up, expected in (
            ("远程办公有什么规定？", "那实习生呢？", "实习生每周可以远程 1 天"),
            ("How many days of annual leave do I get?", "And after ten years?", "After six years of service it is 27"),
            ("How many days of annual leave do I get?", "What about tungsten?", "nothing"),
        ):
            async with visitor(parley) as anna:
                await anna.ask(question, timeout_s=60)
                assert expected in (await anna.ask(follow_up))["content"]
