"""kill -9 while a file is being added from a chat: the next process goes on, and the person is told once."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from benchmarks.processes import free_port, wait_for_http
from tests.faults.test_processes import parley
from tests.running import Person, write_files
from tests.scenarios.test_kb_chat import ASSISTANT, settings
from tests.simulators.llm import LLMSimulator

SECTIONS = 60
BATCH = 8


def embedded(model: LLMSimulator) -> Counter[str]:
    """Every text of the file that was embedded, with how often."""
    bodies = [one.body for one in model.requests if one.path.endswith("/embeddings")]
    return Counter(text for body in bodies for text in body["input"] if "offence" in text)


@pytest.mark.timeout(120)
async def test_a_file_that_is_being_added_when_the_process_dies_is_added_by_the_next(tmp_path: Path) -> None:
    rules = [f"## Rule {number}\n\nThe fine for offence {number} is {number} crowns." for number in range(SECTIONS)]
    port = free_port()
    async with LLMSimulator(reply="See [1].") as model, aiohttp.ClientSession() as http:
        made = settings(model).replace("batch: 2", f"batch: {BATCH}")
        write_files(tmp_path, settings=made, assistants={"helper": ASSISTANT})
        (tmp_path / "docs").mkdir()
        process = parley(tmp_path, model, port)
        try:
            await wait_for_http(f"http://127.0.0.1:{port}/readyz", process, http)
            anna = Person(f"http://127.0.0.1:{port}")
            await anna.arrive()
            async with asyncio.timeout(10):
                while not (code := re.search(r"/claim ([A-Z2-9]{16})", process.log.read_text())):
                    await asyncio.sleep(0.05)
            await anna.ask(code[0])
            model.embedding_delay_s = 0.1
            upload = await anna.upload("rules.md", "\n\n".join(["# Rules", *rules]).encode())
            await anna.write("/kb add", files=[upload])
            async with asyncio.timeout(60):
                while len(embedded(model)) < 3 * BATCH:
                    await asyncio.sleep(0.02)
            process.signal(signal.SIGKILL)
            process.process.wait()
            model.embedding_delay_s = 0
            process = parley(tmp_path, model, port)
            await wait_for_http(f"http://127.0.0.1:{port}/readyz", process, http)
            await anna.come_back()
            assert f"`rules.md`: {SECTIONS} passages" in (await anna.until(2, timeout_s=60))[1]
            counts = embedded(model)
            assert len([text for text in counts if counts[text] > 1]) <= BATCH, "more than what was under way"
            answer = await anna.ask("What is the fine for offence 7?")
            assert answer["citations"][0]["title"] == "Rules"
            assert len(anna.answers) == 3
            await anna.leave()
        finally:
            process.stop()
