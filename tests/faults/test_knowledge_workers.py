"""A gateway and two workers as processes, each with a data folder of its own, and one Chroma server for all.

What one takes in, the other answers from two seconds later, and no longer two seconds after it was taken out.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from benchmarks.processes import READY_S, Measured, free_port, start, wait_for_http
from tests.running import Person, write_files

SETTINGS = """
knowledge: {house: {}}
limits: {concurrency: 1}
log: {level: debug, format: json}
"""
ASSISTANT = """
name: helper
prompt: You are a test.
follow_ups: {enabled: false}
knowledge: {bases: [house], strict: true}
"""
VISIBLE_S = 2.0
AT_ONCE = 3
PARKING = ("parking.md", "# Parking\n\nThe parking permit costs forty crowns a month and is ordered from Ms Quill.\n")
PERMIT = "What does the parking permit cost a month?"
CANTEEN = ("食堂.txt", "食堂早上七点半开门，晚上八点关门，周日不营业。")
OPENING = "食堂早上几点开门？"


@dataclass(frozen=True, slots=True)
class Site:
    """The processes, and what they are started with."""

    url: str
    folder: Path
    environment: dict[str, str]
    gateway: Measured
    workers: tuple[Measured, ...]

    async def who_answered(self, turn: str) -> str:
        """Return the name of the worker whose log says that it has finished a turn."""
        async with asyncio.timeout(5):
            while True:
                for worker in self.workers:
                    if any(one.get("trace") == turn for one in events(worker, "turn.finished")):
                        return worker.name
                await asyncio.sleep(0.02)


def events(process: Measured, name: str) -> list[dict[str, Any]]:
    """Return the events of that name in a process's log."""
    lines = [line for line in process.log.read_text("utf-8").splitlines() if f'"event": "{name}"' in line]
    return [json.loads(line) for line in lines if line.endswith("}")]


@asynccontextmanager
async def site(folder: Path, valkey_url: str, chroma_url: str) -> AsyncIterator[Site]:
    port = free_port()
    write_files(folder, settings=SETTINGS, assistants={"helper": ASSISTANT})
    environment = {
        "PARLEY_CONFIG": str(folder / "parley.yaml"),
        "PARLEY_REDIS_URL": valkey_url,
        "PARLEY_CHROMA_URL": chroma_url,
        "PARLEY_HTTP_PORT": str(port),
    }

    def begun(name: str, role: str) -> Measured:
        own = environment | {"PARLEY_DATA_DIR": str(folder / f"data of {name}")}
        process = start(name, [sys.executable, "-m", "bot", role], env=own, folder=folder)
        stack.callback(process.stop, at_once=True)
        return process

    with ExitStack() as stack:
        workers = (begun("one", "worker"), begun("two", "worker"))
        gateway = begun("gateway", "gateway")
        async with aiohttp.ClientSession() as http:
            await wait_for_http(f"http://127.0.0.1:{port}/readyz", gateway, http)
        async with asyncio.timeout(READY_S):
            for worker in workers:
                while not (events(worker, "knowledge.synced") or events(worker, "knowledge.busy")):
                    worker.check()
                    await asyncio.sleep(0.1)
        yield Site(f"http://127.0.0.1:{port}", folder, environment, gateway, workers)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer in a conversation of its own."""

    worker: str
    asked_s: float
    """When the question was asked, in seconds after what was done before."""
    cites: tuple[str, ...]


async def ask(parley: Site, question: str, since: float) -> Told:
    person = Person(parley.url)
    await person.arrive()
    try:
        asked = time.monotonic() - since
        answer = await person.ask(question, timeout_s=40)
        assert answer["outcome"] == "answered", [events(worker, "work.failed") for worker in parley.workers]
        cites = tuple(one["source"] for one in answer.get("citations", ()))
        return Told(await parley.who_answered(answer["turn"]), asked, cites)
    finally:
        await person.leave()


async def both_answer(parley: Site, question: str, cites: tuple[str, ...]) -> None:
    """Ask in new conversations until both workers have answered so; none may answer otherwise after two seconds."""
    since, right = time.monotonic(), set[str]()
    async with asyncio.timeout(30):
        while len(right) < len(parley.workers):
            for told in await asyncio.gather(*(ask(parley, question, since) for _ in range(AT_ONCE))):
                assert told.cites == cites or told.asked_s < VISIBLE_S, told
                right |= {told.worker} if told.cites == cites else set()


async def owner(parley: Site) -> Person:
    person = Person(parley.url)
    await person.arrive()
    code = re.search(r"/claim ([A-Z2-9]{16})", parley.gateway.log.read_text("utf-8"))
    assert code is not None
    await person.ask(code[0], timeout_s=40)
    return person


async def added_on_a_third_machine(parley: Site) -> None:
    file = parley.folder / CANTEEN[0]
    file.write_bytes(CANTEEN[1].encode("gbk"))
    own = parley.environment | {"PARLEY_DATA_DIR": str(parley.folder / "data of three")}
    command = start("three", [sys.executable, "-m", "bot", "kb", "add", str(file)], env=own, folder=parley.folder)
    assert await asyncio.to_thread(command.process.wait, READY_S) == 0, command.log.read_text("utf-8")


@pytest.mark.timeout(180)
async def test_what_one_worker_takes_in_both_answer_from_within_two_seconds(
    tmp_path: Path, redis: Redis, valkey_url: str, chroma_url: str
) -> None:
    async with site(tmp_path, valkey_url, chroma_url) as parley:
        anna = await owner(parley)
        await both_answer(parley, PERMIT, ())
        upload = await anna.upload(PARKING[0], PARKING[1].encode())
        added = await anna.ask("/kb add", files=[upload], timeout_s=40)
        assert "`parking.md`: 1 passage" in added["content"]
        assert await parley.who_answered(added["turn"]) in ("one", "two")
        await both_answer(parley, PERMIT, ("uploads/parking.md",))
        assert "Removed" in (await anna.ask("/kb rm parking.md", timeout_s=40))["content"]
        await both_answer(parley, PERMIT, ())
        await anna.leave()
        await added_on_a_third_machine(parley)
        await both_answer(parley, OPENING, (CANTEEN[0],))
