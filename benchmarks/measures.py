"""What is measured of the bot as a whole: floor and Parley by turns, in the same run, against the same simulators."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from statistics import mean, median
from time import perf_counter

import aiohttp

from benchmarks.parley import Parley
from benchmarks.people import Crowd, ask
from benchmarks.processes import Cpu, Measured, ModelServer
from benchmarks.web import Visitor, first_token_direct

CHATS = 50
SETTLE_S = 0.01
"""After an answer, its last traces are written."""
QUESTION = "When does the office open?"
ASKS_A_VISIT = 8
"""Questions in one web conversation, few enough that none leaves the recent messages."""


@dataclass(slots=True)
class Contender:
    """A bot and its people."""

    name: str
    process: Measured
    crowd: Crowd


@dataclass(frozen=True, slots=True)
class Load:
    """One round of a bot under load: per answer, in milliseconds of CPU, and answers per second."""

    python_ms: float
    store_ms: float
    per_s: float
    median_ms: float

    @property
    def cpu_ms(self) -> float:
        return self.python_ms + self.store_ms


async def under_load(contender: Contender, messages: int) -> Load:
    """50 fresh chats, each asking `messages` questions one after the other."""
    people = contender.crowd.newcomers(CHATS)
    before, began = contender.process.cpu(), perf_counter()
    took = await contender.crowd.talk(people, messages)
    seconds = perf_counter() - began
    return load_of(contender.process.cpu().since(before), len(took), seconds, took)


def load_of(cpu: Cpu, answers: int, seconds: float, took: list[float]) -> Load:
    each = 1000 / answers
    return Load(cpu.python * each, cpu.store * each, answers / seconds, median(took) * 1000)


async def by_turns(contenders: list[Contender], rounds: int, messages: int) -> dict[str, list[Load]]:
    """Interleave the rounds, so that the machine's moods meet both."""
    loads: dict[str, list[Load]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        await contender.crowd.talk(contender.crowd.newcomers(CHATS), 2)
    for _ in range(rounds):
        for contender in contenders:
            loads[contender.name].append(await under_load(contender, messages))
    return loads


async def one_in_flight(contenders: list[Contender], visits: int) -> dict[str, list[float]]:
    """One person at a time: the seconds of every answer."""
    took: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(visits):
        for contender in contenders:
            took[contender.name] += await contender.crowd.talk(contender.crowd.newcomers(1), ASKS_A_VISIT)
    return took


async def growth_ms(contender: Contender, pairs: int) -> float:
    """CPU of an answer in a chat with ten questions behind it, less that in a new chat; medians of single answers.

    One answer at a time and by turns, so that what else the machine does meets both alike.
    """
    costs: dict[bool, list[float]] = {True: [], False: []}
    for number in range(pairs):
        if number % ASKS_A_VISIT == 0:
            asked = {is_old: contender.crowd.newcomers(1)[0] for is_old in costs}
            await contender.crowd.talk([asked[True]], 10)
        for is_old, person in asked.items():
            await asyncio.sleep(SETTLE_S)
            before = contender.process.precise_cpu_s()
            await ask(person, QUESTION)
            await asyncio.sleep(SETTLE_S)
            costs[is_old].append(contender.process.precise_cpu_s() - before)
    return (median(costs[True]) - median(costs[False])) * 1000


async def slow_model(contender: Contender, model: ModelServer, http: aiohttp.ClientSession, seconds: float) -> float:
    """Answers per second of 50 chats that ask without a pause, when the model takes a second."""
    await model.set(http, delay_s=1)
    try:
        settle = 2.0
        times = await contender.crowd.talk_for(contender.crowd.newcomers(CHATS), settle + seconds)
        return sum(settle < time <= settle + seconds for time in times) / seconds
    finally:
        await model.set(http)


async def first_token(parley: Parley, model: ModelServer, http: aiohttp.ClientSession, asks: int) -> dict[str, float]:
    """Seconds to the first streamed token, median: of the model asked directly, and through the web chat."""
    await model.set(http, delay_s=0.05, chunk_delay_s=0.01)
    direct: list[float] = []
    through: list[float] = []
    try:
        for number in range(asks):
            if number % ASKS_A_VISIT == 0:
                visitor = Visitor(parley.url)
                await visitor.open()
                await visitor.ask(QUESTION)
            direct.append(await first_token_direct(http, model.url, QUESTION))
            through.append((await visitor.ask(QUESTION))[0])
            if number % ASKS_A_VISIT == ASKS_A_VISIT - 1 or number == asks - 1:
                await visitor.close()
    finally:
        await model.set(http)
    return {"direct": median(direct), "through": median(through), "added": median(through) - median(direct)}


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all are not above."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


async def idle_rss(process: Measured, *, settle_s: float = 3.0) -> tuple[float, float]:
    """MB at rest: of the Python processes and of the store."""
    await asyncio.sleep(settle_s)
    samples = [process.rss_mb() for _ in range(3)]
    return mean(python for python, _ in samples), mean(store for _, store in samples)
