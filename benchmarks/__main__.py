"""`python -m benchmarks`: Parley and the floor, in one run, against the same simulators.

The simulated Telegram and the people run in this process, the simulated model in its own; what is measured runs in
processes of its own. CPU is what the kernel counted for those (user and system): it depends less than the clock does on
what else the machine is doing. Exit code 1 where a first budget is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import aiohttp
import uvloop
from rich.console import Console

from benchmarks import measures, scale
from benchmarks.measures import Contender, Load
from benchmarks.parley import Parley
from benchmarks.people import Crowd
from benchmarks.processes import PYTHON, ModelServer, start
from benchmarks.report import Budget, Report
from tests.simulators.telegram import TelegramSimulator

ANSWER = "This is the answer of the simulated model: the office opens at nine and closes at six"
"""Fourteen chunks of six characters."""
console = Console(width=150 if not sys.stdout.isatty() else None)


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is repeated."""

    rounds: int = 5
    messages: int = 8
    visits: int = 5
    growths: int = 160
    slow_s: float = 8
    asks: int = 40
    starts: int = 3
    storm_s: float = 6
    drains: int = 3


QUICK = Effort(rounds=2, messages=5, visits=2, growths=40, slow_s=4, asks=16, starts=1, storm_s=3, drains=1)


@dataclass(slots=True)
class Bench:
    """What the measures share."""

    folder: Path
    http: aiohttp.ClientSession
    model: ModelServer
    effort: Effort
    report: Report
    stack: AsyncExitStack

    async def side_by_side(self) -> None:
        """Everything for which the floor and Parley run at the same time."""
        floor, bot, parley = await self._contenders()
        for contender in (floor, bot):
            python, store = await measures.idle_rss(contender.process)
            detail = f"and the store {store:.0f} MB" if store else ""
            self.report.add(f"rss_telegram_{contender.name}", f"RSS idle with Telegram: {contender.name}", python, "MB")
            self.report.rows[-1].detail = detail
        loads = await measures.by_turns([floor, bot], self.effort.rounds, self.effort.messages)
        self._loads(loads)
        took = await measures.one_in_flight([floor, bot], self.effort.visits)
        for name, seconds in took.items():
            p50, p95 = (measures.percentile(seconds, share) * 1000 for share in (0.5, 0.95))
            self.report.add(f"latency_{name}", f"one in flight, median: {name}", p50, "ms", detail=f"p95 {p95:.1f} ms")
        growth = await measures.growth_ms(bot, self.effort.growths)
        self.report.add(
            "growth",
            "CPU per answer: growth with 20 more history messages",
            growth,
            "ms",
            budget=Budget(sense="≤", first=1, goal=0.5),
        )
        slow = await measures.slow_model(bot, self.model, self.http, self.effort.slow_s)
        budget = Budget(sense="≥", first=42, goal=47)
        self.report.add("slow_model", "50 chats, the model takes 1 s", slow, "answers/s", budget=budget)
        token = await measures.first_token(parley, self.model, self.http, self.effort.asks)
        self.report.add(
            "first_token",
            "added to the first streamed token (web), median",
            token["added"] * 1000,
            "ms",
            budget=Budget(sense="≤", first=15, goal=8),
            detail=f"{token['through'] * 1000:.1f} ms against {token['direct'] * 1000:.1f} ms of the model alone",
        )

    async def start_up(self) -> None:
        found = await scale.start_up(self.folder / "start", self.model, self.http, self.effort.starts)
        self.report.raw["start_up"] = found
        ready, memory = Budget(sense="≤", first=4, goal=2), Budget(sense="≤", first=250, goal=150)
        detail = f"first answer after {found['first_answer_s']:.1f} s"
        self.report.add("start", "start to ready, web chat only", found["ready_s"], "s", budget=ready, detail=detail)
        detail = f"and the store {found['store_rss_mb']:.0f} MB"
        self.report.add("rss", "RSS idle, web chat only", found["rss_mb"], "MB", budget=memory, detail=detail)

    async def webhooks(self) -> None:
        for roles, label in (
            (["gateway"], "gateway, answers wait"),
            (["gateway", "worker"], "gateway, a worker answers all"),
            (["run"], "one process answers all"),
        ):
            name = "+".join(roles)
            found = await scale.acknowledgements(
                self.folder / f"hooks-{name}", self.model, self.http, roles, per_s=200, seconds=self.effort.storm_s
            )
            self.report.raw[f"webhook_{name}"] = found
            self.report.add(
                f"webhook_{name}",
                f"webhook acknowledged at 200/s, p99: {label}",
                found["p99"] * 1000,
                "ms",
                budget=Budget(sense="≤", first=50, goal=20) if name == "gateway" else None,
                detail=f"median {found['p50'] * 1000:.1f} ms",
            )

    async def workers(self) -> None:
        rates: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(self.effort.drains):
            for number, found in rates.items():
                folder = self.folder / f"workers-{number}-{turn}"
                found.append(await scale.workers(folder, self.model, self.http, number))
        self.report.raw["workers"] = rates
        one, two = (median(rates[number]) for number in (1, 2))
        self.report.add(
            "workers",
            "two workers relative to one, a backlog of 50 chats",
            two / one,
            "×",
            budget=Budget(sense="≥", first=1.6, goal=1.8),
            detail=f"{two:.0f} against {one:.0f} answers/s",
        )

    async def _contenders(self) -> tuple[Contender, Contender, Parley]:
        first, second = [
            Crowd(await self.stack.enter_async_context(TelegramSimulator(token=token, record=False)))
            for token in ("1:floor", "2:parley")
        ]
        env = {
            **first.env,
            "OPENAI_BASE_URL": self.model.url,
            "OPENAI_API_KEY": "sk-benchmark",  # pragma: allowlist secret
        }
        floor = start("floor", [PYTHON, "-m", "benchmarks.floor"], env=env, folder=self.folder / "floor")
        self.stack.callback(floor.stop)
        started = await first.until_polled(floor)
        self.report.add("start_telegram_floor", "start to ready with Telegram: floor", started, "s")
        parley = Parley(self.folder / "parley", self.model.url, telegram=second.env, history=40)
        process = parley.start()
        self.stack.callback(process.stop)
        started = max(await second.until_polled(process), await parley.ready(process, self.http))
        self.report.add("start_telegram_parley", "start to ready with Telegram: parley", started, "s")
        return Contender("floor", floor, first), Contender("parley", process, second), parley

    def _loads(self, loads: dict[str, list[Load]]) -> None:
        self.report.raw["loads"] = {name: [asdict(load) for load in rounds] for name, rounds in loads.items()}
        for name, rounds in loads.items():
            cpu = median(load.cpu_ms for load in rounds)
            store = median(load.store_ms for load in rounds)
            per_s = median(load.per_s for load in rounds)
            detail = f"{cpu - store:.2f} ms Python, {store:.2f} ms store" if store else ""
            self.report.add(f"cpu_{name}", f"CPU per answer, 50 chats: {name}", cpu, "ms", detail=detail)
            self.report.add(f"per_s_{name}", f"answers per second, 50 chats: {name}", per_s, "answers/s")
        pairs = list(zip(loads["parley"], loads["floor"], strict=True))
        cpu = median(own.cpu_ms / floor.cpu_ms for own, floor in pairs)
        per_s = median(own.per_s / floor.per_s for own, floor in pairs)
        budget = Budget(sense="≤", first=1.5, goal=0.8)
        self.report.add("cpu", "CPU per answer relative to the floor", cpu, "×", budget=budget)
        budget = Budget(sense="≥", first=0.8, goal=1.5)
        self.report.add("per_s", "answers per second relative to the floor", per_s, "×", budget=budget)


async def run(effort: Effort, only: list[str]) -> Report:
    """Measure all, or the parts named in `only`."""
    report = Report()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        model = ModelServer(folder / "model", "--reply", ANSWER)
        stack.callback(model.stop)
        await model.ready(http)
        async with AsyncExitStack() as bots:
            bench = Bench(folder, http, model, effort, report, bots)
            if "load" in only:
                await _part("side by side", bench.side_by_side)
        for name, part in (("start", bench.start_up), ("webhook", bench.webhooks), ("workers", bench.workers)):
            if name in only:
                await _part(name, part)
    return report


async def _part(name: str, part: Callable[[], Awaitable[None]]) -> None:
    began = monotonic()
    console.print(f"[dim]{name} …[/]", end=" ")
    await part()
    console.print(f"[dim]{monotonic() - began:.0f} s[/]")


def main() -> None:
    parts = ["load", "start", "webhook", "workers"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Parley against the floor, in one run.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: a look, not a verdict")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="the parts to measure")
    options = parser.parse_args()
    report = uvloop.run(run(QUICK if options.quick else Effort(), options.only))
    report.print(console)
    console.print(f"written to {report.write()}")
    for row in report.over:
        console.print(f"[red]✗[/] {row.label} misses its first budget")
    sys.exit(1 if report.over else 0)


if __name__ == "__main__":
    main()
