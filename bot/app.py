"""One process of Parley: start, reload, drain, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.access import Access
from bot.gateway import Gateway
from bot.lanes import Lanes
from bot.live import Live
from bot.registry import Registry
from bot.store import Store
from bot.supervisor import Supervisor
from bot.telemetry import Metrics
from channels.base import Deliver
from config.loader import Configuration

if TYPE_CHECKING:
    from bot.brain import Brain
    from bot.web.server import WebServer
    from bot.worker import Worker

log = structlog.get_logger()

DELIVER_S = 5.0
GAUGE_S = 5.0


@dataclass(slots=True, eq=False)
class App:
    """The parts of one process; those that its role does not need are None."""

    store: Store
    configuration: Callable[[], Configuration]
    metrics: Metrics
    supervisor: Supervisor
    background: Supervisor
    live: Live
    registry: Registry
    access: Access
    accept: Deliver
    lanes: tuple[Lanes, ...]
    gateway: Gateway | None = None
    worker: Worker | None = None
    brain: Brain | None = None
    web: WebServer | None = None
    serving: bool = False
    """True once the gateway accepts messages."""
    draining: bool = False

    def start(self) -> None:
        """Start the gateway's side; returns at once."""
        self.keep("live", self.live.run)
        self.keep("gauges", self._gauge)
        if self.gateway:
            self.supervisor.keep("beat:gateway", lambda: self.registry.beat("gateway"))
        if self.web:
            self.supervisor.keep("web", self.web.run)
        self.serving = self.gateway is not None

    def start_worker(self, worker: Worker) -> None:
        """Begin to answer; returns at once."""
        self.worker = worker
        self.keep("worker", worker.run)
        self.keep("beat:worker", lambda: self.registry.beat("worker"))

    def keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop for the life of the process."""
        self.supervisor.keep(name, loop)

    async def close(self) -> None:
        """Stop whatever still runs, at once."""
        await self.background.stop()
        await self.supervisor.stop()

    async def drain(self) -> None:
        """Stop accepting, finish running turns within the limit, deliver their answers, let everything go."""
        grace_s = self.configuration().settings.limits.drain_s
        self.draining = True
        log.info("drain.begin", grace_s=grace_s)
        if self.gateway:
            await self.gateway.stop_receiving()
        if self.worker:
            await self.worker.drain(grace_s)
        await self.background.stop(grace_s=min(grace_s, DELIVER_S))
        if self.gateway:
            await self.gateway.drain(min(grace_s, DELIVER_S))
        if self.web:
            await self.web.stop()
        await self.supervisor.stop()
        log.info("drain.end")

    async def _gauge(self) -> None:
        while True:
            outgoing = (
                [connection.delivery.lanes for connection in self.gateway.connections.values()] if self.gateway else []
            )
            for lanes in (*self.lanes, *outgoing):
                counts = await lanes.counts()
                self.metrics.dead_letters.labels(lanes.name).set(counts.pop("dead"))
                for state, number in counts.items():
                    self.metrics.lanes.labels(lanes.name, state).set(number)
            await asyncio.sleep(GAUGE_S)
