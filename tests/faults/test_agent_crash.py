"""A process is killed in the middle of an agent's run; another goes on, and nothing is done twice."""

from __future__ import annotations

import asyncio
import sys

from redis.asyncio import Redis

from tests.faults.agent_process import run
from tests.simulators.llm import LLMSimulator, call, say, silent
from tests.unit.agents.making import CONVERSATION


async def test_a_killed_agent_goes_on_in_another_process(redis: Redis, valkey_url: str) -> None:
    async with LLMSimulator() as llm:
        llm.script(call("take_note", {"text": "Buy milk."}), silent(), say("Noted: milk."))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.agent_process", valkey_url, llm.base_url
        )
        async with asyncio.timeout(60):
            while not (llm.count == 2 and llm.active):
                await asyncio.sleep(0.01)
        process.kill()
        await process.wait()

        answer = await run(valkey_url, llm.base_url, attempt=2)

        assert answer.text == "Noted: milk."
        assert await redis.hvals(f"{CONVERSATION}:notes") == ["0000 Buy milk."]
        assert [message["role"] for message in llm.chats[-1]["messages"]] == ["system", "user", "assistant", "tool"]
        llm.assert_done()
