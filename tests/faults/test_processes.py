"""What an operator does to processes: stop them, start them twice, feed them poison."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from benchmarks.processes import Measured, free_port, start, wait_for_http
from tests.running import Person, running, visitor, write_files
from tests.simulators.llm import LLMSimulator


def parley(folder: Path, model: LLMSimulator, port: int, role: str = "run") -> Measured:
    environment = {
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "sk-test",
        "PARLEY_DATA_DIR": str(folder / "data"),
        "PARLEY_HTTP_PORT": str(port),
    }
    return start(role, [sys.executable, "-m", "bot", role], env=environment, folder=folder)


@pytest.mark.timeout(120)
async def test_sigterm_lets_the_running_answer_finish_and_exits_with_zero(tmp_path: Path) -> None:
    write_files(tmp_path)
    port = free_port()
    async with LLMSimulator(delay_s=1) as model, aiohttp.ClientSession() as http:
        process = parley(tmp_path, model, port)
        try:
            await wait_for_http(f"http://127.0.0.1:{port}/readyz", process, http)
            anna = Person(f"http://127.0.0.1:{port}")
            await anna.arrive()
            await anna.write("hello")
            async with asyncio.timeout(20):
                while not model.active:
                    await asyncio.sleep(0.02)
            process.signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.process.wait, 30) == 0
            assert len(model.chats) == 1
            assert model.disconnects == 0
            process = parley(tmp_path, model, port)
            await wait_for_http(f"http://127.0.0.1:{port}/readyz", process, http)
            await anna.come_back()
            assert await anna.until(1) == ["echo: hello"]
            await anna.leave()
            assert len(model.chats) == 1
        finally:
            process.stop()


@pytest.mark.timeout(120)
async def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    write_files(tmp_path)
    port = free_port()
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", port)
    async with server, LLMSimulator() as model:
        process = parley(tmp_path, model, port)
        assert await asyncio.to_thread(process.process.wait, 30) == 3
        log = process.log.read_text()
        assert f"cannot listen on 127.0.0.1:{port}" in log
        assert "PARLEY_HTTP_PORT" in log
        assert "Traceback" not in log


async def test_a_message_that_kills_its_workers_is_given_up_and_told(
    tmp_path: Path, redis: Redis, valkey_url: str
) -> None:
    settings = "limits: {attempts: 2, lease_s: 0.5}\n"
    async with LLMSimulator() as model:
        gateway = frozenset({"gateway"})
        async with (
            running(
                tmp_path / "g", valkey_url=valkey_url, model_url=model.base_url, settings=settings, roles=gateway
            ) as parley,
            visitor(parley) as anna,
        ):
            await anna.write("poison")
            await anna.write("fine")
            lanes = parley.app.lanes[0]
            for attempt in (1, 2):
                (claim,) = await lanes.claim(0, count=1)
                assert claim.attempt == attempt
                await asyncio.sleep(0.55)  # as a worker that died: its lease runs out
            worker = frozenset({"worker"})
            async with running(
                tmp_path / "w", valkey_url=valkey_url, model_url=model.base_url, settings=settings, roles=worker
            ):
                given_up, answered = await anna.until(2)
                assert "after several tries" in given_up
                assert answered == "echo: fine"
                [text] = await lanes.dead_letters()
                letter = json.loads(text)
                assert "poison" in letter["payload"]
                assert letter["attempts"] == 3
                assert await lanes.revive(text, letter["conversation"], letter["payload"])
                assert not await lanes.revive(text, letter["conversation"], letter["payload"])
                assert (await anna.until(3))[2] == "echo: poison"
                assert await lanes.dead_letters() == []
