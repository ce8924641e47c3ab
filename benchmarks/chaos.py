"""Chaos: many workers, redeliveries, kills and stalls; nothing may be lost, doubled or out of order.

A real gateway and real workers in processes of their own, on an embedded Valkey, between a simulated Telegram
and a simulated model. `make chaos` runs it; `tests/faults/test_chaos.py` runs a smaller one.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.table import Table

from benchmarks.processes import Measured, start
from tests.running import write_files
from tests.simulators.llm import LLMSimulator
from tests.simulators.telegram import TelegramSimulator

SETTINGS = "limits: {lease_s: %g, lane_depth: 5000, attempts: 50, drain_s: 2}\n"
QUIET_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done to Parley."""

    workers: int = 6
    chats: int = 50
    messages: int = 3000
    redelivered: float = 0.1
    kills: int = 7
    stalls: int = 3
    lease_s: float = 2.0
    model_s: float = 0.05
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    """What people saw."""

    asked: int = 0
    redelivered: int = 0
    kills: int = 0
    stalls: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disordered: list[int] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def clean(self) -> bool:
        """True when nothing was lost, doubled or out of order."""
        return not (self.lost or self.doubled or self.disordered)


class Chaos:
    """One run."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._random = random.Random(plan.seed)
        self._telegram = TelegramSimulator(record=False)
        self._model = LLMSimulator(delay_s=plan.model_s)
        self._workers: list[Measured] = []
        self._started = 0
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Run the plan and return what people saw."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._telegram)
            await stack.enter_async_context(self._model)
            write_files(self._folder, settings=SETTINGS % self._plan.lease_s)
            gateway = self._process("gateway")
            stack.callback(gateway.stop)
            stack.callback(lambda: [worker.stop() for worker in self._workers])
            self._workers += [self._process("worker") for _ in range(self._plan.workers)]
            await self._until(lambda: all("ready" in worker.log.read_text() for worker in (gateway, *self._workers)))
            started = monotonic()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(group))
                group.create_task(self._disturb())
            await self._settle()
            self.outcome.elapsed_s = monotonic() - started
        self._judge()
        return self.outcome

    def _process(self, role: str) -> Measured:
        self._started += 1
        environment = {
            "TELEGRAM_BOT_TOKEN": self._telegram.token,
            "TELEGRAM_API_BASE": self._telegram.api_base,
            "OPENAI_BASE_URL": self._model.base_url,
            "OPENAI_API_KEY": "sk-test",
            "PARLEY_DATA_DIR": str(self._folder / "data"),
            "PARLEY_HTTP_PORT": "0",
        }
        command = [sys.executable, "-m", "bot", role, "--config", str(self._folder)]
        return start(f"{role} {self._started}", command, env=environment, folder=self._folder)

    async def _write(self, group: asyncio.TaskGroup) -> None:
        """People write in bursts; Telegram delivers some updates twice."""
        plan = self._plan
        people = [self._telegram.person(1000 + number) for number in range(plan.chats)]
        counts: Counter[int] = Counter()
        while self.outcome.asked < plan.messages:
            for _ in range(self._random.randint(5, 40)):
                if self.outcome.asked == plan.messages:
                    break
                person = self._random.choice(people)
                update = person.write(f"{person.id} says {counts[person.id]}")
                counts[person.id] += 1
                self.outcome.asked += 1
                if self._random.random() < plan.redelivered:
                    group.create_task(self._again(update))
            await asyncio.sleep(self._random.uniform(0.02, 0.3))

    async def _again(self, update: int) -> None:
        """Deliver an update once more, some time after Telegram saw it confirmed."""
        await self._telegram.confirmed(update, QUIET_S)
        await asyncio.sleep(self._random.uniform(0, 5))
        self._telegram.updates.again(update)
        self.outcome.redelivered += 1

    async def _disturb(self) -> None:
        """Kill and stall workers while they are at work."""
        await self._until(lambda: self._answered() > 0)
        acts = ["kill"] * self._plan.kills + ["stall"] * self._plan.stalls
        self._random.shuffle(acts)
        for act in acts:
            await asyncio.sleep(self._random.uniform(0.5, 2.0))
            number = self._random.randrange(len(self._workers))
            worker = self._workers[number]
            if act == "kill":
                worker.signal(signal.SIGKILL)
                worker.stop()
                self._workers[number] = self._process("worker")
                self.outcome.kills += 1
            else:
                worker.signal(signal.SIGSTOP)
                await asyncio.sleep(self._plan.lease_s * 1.5)
                worker.signal(signal.SIGCONT)
                self.outcome.stalls += 1

    async def _settle(self) -> None:
        """Wait until everything is answered, or nothing has come for `QUIET_S` seconds."""
        answered, since = self._answered(), monotonic()
        while answered < self.outcome.asked and monotonic() - since < QUIET_S:
            await asyncio.sleep(0.2)
            if self._answered() != answered:
                answered, since = self._answered(), monotonic()
        # What is doubled would follow within a lease.
        await asyncio.sleep(self._plan.lease_s * 2)

    @staticmethod
    async def _until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(QUIET_S):
            while not condition():
                await asyncio.sleep(0.1)

    def _answered(self) -> int:
        return sum(len(chat.answers) for chat in self._telegram.world.chats.values())

    def _judge(self) -> None:
        for chat in self._telegram.world.chats.values():
            asked = [message.text for message in chat.messages.values() if message.sender != 0]
            answered = [text.removeprefix("echo: ") for text in chat.texts]
            seen = Counter(answered)
            self.outcome.lost += [text for text in asked if not seen[text]]
            self.outcome.doubled += [text for text, count in seen.items() if count > 1]
            first_seen = list(dict.fromkeys(answered))
            if first_seen != [text for text in asked if seen[text]]:
                self.outcome.disordered.append(chat.id)


def report(outcome: Outcome, plan: Plan) -> Table:
    """Return the outcome as a table."""
    table = Table("figure", "value", title=f"Chaos: {plan.workers} workers, {plan.chats} conversations")
    for name, value in (
        ("messages", outcome.asked),
        ("delivered twice", outcome.redelivered),
        ("SIGKILLs", outcome.kills),
        ("stalls past the lease", outcome.stalls),
        ("lost", len(outcome.lost)),
        ("doubled", len(outcome.doubled)),
        ("conversations out of order", len(outcome.disordered)),
        ("seconds", round(outcome.elapsed_s, 1)),
    ):
        table.add_row(name, str(value))
    return table


def main() -> int:
    """Run from the command line; exit code 1 unless the outcome is clean."""
    parser = argparse.ArgumentParser(prog="benchmarks.chaos", description=__doc__)
    for name, default in (("workers", 6), ("chats", 50), ("messages", 3000), ("kills", 7), ("stalls", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    plan = Plan(**vars(parser.parse_args()))
    # The simulated model answers processes that were killed meanwhile, on purpose.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="parley-chaos-") as folder:
        outcome = asyncio.run(Chaos(plan, Path(folder)).run())
    Console().print(report(outcome, plan))
    for kind, items in (("lost", outcome.lost), ("doubled", outcome.doubled), ("disordered", outcome.disordered)):
        if items:
            print(kind, items[:20])
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    sys.exit(main())
