"""Files are watched: a valid change counts for the next turn, an invalid one is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from tests.running import PLAIN, Running, running, visitor
from tests.simulators.llm import LLMSimulator


async def until_prompt(parley: Running, text: str) -> None:
    async with asyncio.timeout(15):
        while text not in str(parley.app.configuration().assistants):
            await asyncio.sleep(0.05)


async def test_a_changed_prompt_is_used_by_the_next_turn_and_a_broken_one_is_refused(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley, visitor(parley) as anna:
        await anna.ask("one")
        file = tmp_path / "assistants" / "plain.yaml"
        file.write_text(PLAIN.replace("You are a test.", "You are changed."))
        await until_prompt(parley, "You are changed.")
        await anna.ask("two")
        file.write_text("prompt: [broken\n")
        await asyncio.sleep(1)
        await anna.ask("three")
        file.write_text(PLAIN.replace("You are a test.", "You are mended."))
        await until_prompt(parley, "You are mended.")
        await anna.ask("four")
        systems = [chat["messages"][0]["content"] for chat in llm.chats]
        assert ["You are a test." in systems[0], "You are changed." in systems[1]] == [True, True]
        assert "You are changed." in systems[2], "the last good one stays"
        assert "You are mended." in systems[3]


async def test_a_new_assistant_can_be_chosen_without_a_restart(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    settings = "default_assistant: plain\n"
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, settings=settings) as parley,
        visitor(parley) as anna,
    ):
        assert "no assistant" in (await anna.ask("/use newcomer"))["content"]
        text = "prompt: You are new here.\nfollow_ups: {enabled: false}\n"
        (tmp_path / "assistants" / "newcomer.yaml").write_text(text)
        await until_prompt(parley, "new here")
        assert "newcomer" in (await anna.ask("/use newcomer"))["content"]
        await anna.ask("hello")
        assert "You are new here." in llm.chats[0]["messages"][0]["content"]
