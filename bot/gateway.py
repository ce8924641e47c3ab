"""The gateway: owns the connections to the platforms, delivers what is in the outbox, shows turns as they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import structlog

from bot.delivery import Delivery
from bot.lanes import Lanes
from bot.leadership import Leadership
from bot.live import Live
from bot.outbox import lanes_of
from bot.store import Store
from bot.supervisor import Supervisor, end, together
from bot.telemetry import Metrics
from channels.base import Channel, CommandMenu, Streaming
from channels.errors import ChannelError, Unauthorized
from channels.types import CommandEntry
from config.settings import ConversationLimits

log = structlog.get_logger()

UNAUTHORIZED_WAIT_S = 60.0
Status = Literal["starting", "running", "standby", "unauthorized", "stopped"]


@dataclass(slots=True, eq=False)
class Connection:
    """One channel account in this process, and how it is doing."""

    channel: Channel
    delivery: Delivery
    status: Status = "starting"
    task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The account for logs and status: `telegram/default`."""
        return f"{self.channel.name}/{self.channel.account}"


class Gateway:
    """Runs any number of channel accounts."""

    def __init__(
        self,
        *,
        store: Store,
        live: Live,
        limits: Callable[[], ConversationLimits],
        metrics: Metrics,
        menu: Sequence[CommandEntry],
        supervisor: Supervisor,
    ) -> None:
        self._store = store
        self._live = live
        self._limits = limits
        self._metrics = metrics
        self._menu = menu
        self._supervisor = supervisor
        self.connections: dict[tuple[str, str], Connection] = {}

    def open(self, channel: Channel) -> None:
        """Begin to serve a channel account; an exclusive one waits until this process leads it."""
        lanes = Lanes(self._store, lanes_of(channel.name, channel.account), lease_s=self._limits().lease_s)
        delivery = Delivery(channel=channel, lanes=lanes, live=self._live, limits=self._limits, metrics=self._metrics)
        connection = Connection(channel=channel, delivery=delivery)
        self.connections[(channel.name, channel.account)] = connection
        connection.task = self._supervisor.keep(f"channel:{connection.name}", lambda: self._serve(connection))

    async def close(self, channel: str, account: str, *, grace_s: float = 0) -> None:
        """Stop serving an account; what is in its outbox stays there."""
        connection = self.connections.pop((channel, account))
        await self._close(connection, grace_s)

    async def stop_receiving(self) -> None:
        """Accept nothing new; what is in the outbox is still delivered."""
        await asyncio.gather(*(self._deafen(connection) for connection in self.connections.values()))

    async def drain(self, grace_s: float) -> None:
        """Deliver what is in the outbox for `grace_s` seconds at most, then let go of every account."""
        connections = list(self.connections.values())
        await asyncio.gather(*(self._close(connection, grace_s) for connection in connections))

    async def _close(self, connection: Connection, grace_s: float) -> None:
        await self._deafen(connection)
        await connection.delivery.drain(grace_s)
        if connection.task:
            await end([connection.task])
        connection.status = "stopped"

    @staticmethod
    async def _deafen(connection: Connection) -> None:
        with suppress(ChannelError):
            await connection.channel.stop()

    async def _serve(self, connection: Connection) -> None:
        if not connection.channel.exclusive:
            await self._operate(connection)
            return
        leadership = Leadership(self._store, connection.name, lease_s=self._limits().lease_s)
        while True:
            connection.status = "standby"
            await leadership.lead(lambda: self._operate(connection))

    async def _operate(self, connection: Connection) -> None:
        connection.status = "starting"
        channel = connection.channel
        try:
            await channel.start()
        except Unauthorized as error:
            connection.status = "unauthorized"
            log.error("channel.unauthorized", channel=connection.name, error=str(error))  # noqa: TRY400 - an operator acts on the message, not on the stack
            await asyncio.sleep(UNAUTHORIZED_WAIT_S)
            raise
        connection.status = "running"
        log.info("channel.running", channel=connection.name)
        try:
            await together(connection.delivery.run(), self._show(channel), self._publish(channel))
        finally:
            connection.status = "stopped"
            await asyncio.shield(channel.stop())

    async def _show(self, channel: Channel) -> None:
        if not isinstance(channel, Streaming):
            return
        async for progress in self._live.follow(channel.name, channel.account):
            await channel.show(progress)

    async def _publish(self, channel: Channel) -> None:
        if not isinstance(channel, CommandMenu):
            return
        try:
            await channel.publish_commands(self._menu)
        except ChannelError as error:
            # The bot works without its menu; the next start tries again.
            log.warning("channel.menu_failed", channel=channel.name, error=str(error))
