"""What the parts of a process share; built for `bot/wiring.py`."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp

from bot.access import Access
from bot.commands.table import CommandTable
from bot.control import Control
from bot.inbox import CONTROL, IN, Inbox
from bot.lanes import Lanes
from bot.live import Live
from bot.outbox import Outbox
from bot.reload import Current
from bot.state import RedisState
from bot.store import Store
from bot.telemetry import Metrics
from bot.uploads import RedisUploads
from channels.base import ChannelContext

HTTP_TOTAL_S = 120.0
UPLOADS = 5
"""So many attachments of the largest size may one person have stored at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the parts of a process share."""

    current: Current
    store: Store
    http: aiohttp.ClientSession
    metrics: Metrics
    live: Live
    lanes: Lanes
    beside: Lanes
    control: Control
    outbox: Outbox
    inbox: Inbox
    access: Access
    commands: CommandTable
    uploads: RedisUploads

    def context(self, channel: str, account: str) -> ChannelContext:
        """Return what a channel account is given."""
        settings = self.current().settings
        return ChannelContext(
            deliver=self.inbox.accept,
            state=RedisState(self.store, channel, account),
            http=self.http,
            public_url=settings.http.public_url,
            data_dir=settings.data_dir,
        )


async def open_parts(current: Current, store: Store, stack: AsyncExitStack) -> Parts:
    """Build what the parts of a process share; what must be closed goes onto the stack."""
    limits = current().settings.limits
    timeout = aiohttp.ClientTimeout(total=HTTP_TOTAL_S, connect=10)
    session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
    metrics, control, commands = Metrics(), Control(store), CommandTable()
    lanes, beside = (Lanes(store, name, lease_s=limits.lease_s) for name in (IN, CONTROL))
    outbox = Outbox(store, lease_s=limits.lease_s)
    inbox = Inbox(
        lanes=lanes,
        beside=beside,
        control=control,
        outbox=outbox,
        commands=commands,
        limits=lambda: current().settings.limits,
        metrics=metrics,
    )
    return Parts(
        current=current,
        store=store,
        http=session,
        metrics=metrics,
        live=Live(store),
        lanes=lanes,
        beside=beside,
        control=control,
        outbox=outbox,
        inbox=inbox,
        access=Access(store, lambda: current().settings.owners, lambda: current().settings.people),
        commands=commands,
        uploads=RedisUploads(
            store.redis,
            store.keys.of,
            store.keys.shared("uploads"),
            bytes_max=lambda: UPLOADS * current().settings.limits.attachment_max_bytes,
        ),
    )
