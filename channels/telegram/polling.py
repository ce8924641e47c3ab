"""Fetch updates so that none is lost: the offset moves only after everything before it is durable.

Telegram regards an update as received once getUpdates is called with a higher offset, so that call is made only after
`accept` returned for the whole batch. Source: https://core.telegram.org/bots/api#getupdates
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from channels.errors import ChannelError, RateLimited
from channels.telegram.api import GetRawUpdates, TelegramApi

log = structlog.get_logger()

LONG_POLL_S = 25
SHORT_POLL_S = 0.5
RawUpdate = Mapping[str, Any]


class Backoff:
    """Growing waits with jitter, from `first_s` up to `max_s`."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._tries = 0

    def reset(self) -> None:
        """Begin with the first wait again."""
        self._tries = 0

    async def wait(self) -> None:
        """Wait longer than the last time."""
        longest = min(self._max_s, self._first_s * 2**self._tries)
        self._tries = min(self._tries + 1, 16)
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret


class Poller:
    """Polls for one bot; one process at a time may."""

    def __init__(
        self,
        api: TelegramApi,
        accept: Callable[[RawUpdate], Awaitable[None]],
        *,
        allowed: Sequence[str],
        account: str,
        retry_s: float,
    ) -> None:
        self._api = api
        self._accept = accept
        self._allowed = list(allowed)
        self._log = log.bind(account=account)
        self._retry_s = retry_s
        self._offset: int | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        backoff = Backoff(self._retry_s, 30.0)
        while True:
            asked_at = time.monotonic()
            try:
                updates = await self._fetch()
            except RateLimited as error:
                await asyncio.sleep(error.retry_after_s)
            except ChannelError as error:
                # Also a revoked token and another poller (409): both may end without our doing.
                self._log.warning("telegram.polling_failed", code=error.code, error=str(error))
                await backoff.wait()
            else:
                backoff.reset()
                await self._make_durable(updates)
                if not updates and time.monotonic() - asked_at < SHORT_POLL_S:
                    await asyncio.sleep(SHORT_POLL_S)  # a server that does not wait must not be asked without pause
                # After an empty answer nothing is left to confirm; after a silent week ids may even begin lower.
                self._offset = max((update["update_id"] for update in updates), default=-1) + 1 or None

    async def _fetch(self) -> list[dict[str, Any]]:
        method = GetRawUpdates(offset=self._offset, timeout=LONG_POLL_S, allowed_updates=self._allowed)
        updates = await self._api.call(method, timeout_s=LONG_POLL_S + 10)
        return [update for update in updates if isinstance(update.get("update_id"), int)]

    async def _make_durable(self, updates: Sequence[RawUpdate]) -> None:
        """Accept every update; those of one chat in order, and again for as long as accepting fails."""
        chats: dict[object, deque[RawUpdate]] = defaultdict(deque)
        for update in updates:
            chats[chat_of(update)].append(update)
        waiting = list(chats.values())
        backoff = Backoff(self._retry_s, 10.0)
        while waiting:
            outcomes = await asyncio.gather(*map(self._in_order, waiting), return_exceptions=True)
            for updates_left, outcome in zip(waiting, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    update_id = updates_left[0]["update_id"]
                    self._log.error("telegram.update_not_stored", update=update_id, error=type(outcome).__name__)
            waiting = [updates_left for updates_left in waiting if updates_left]
            if waiting:
                await backoff.wait()

    async def _in_order(self, updates: deque[RawUpdate]) -> None:
        while updates:
            await self._accept(updates[0])
            updates.popleft()


def chat_of(update: RawUpdate) -> object:
    """Return the chat that an update belongs to, without trusting its form."""
    for kind in ("message", "callback_query", "my_chat_member", "stopped_message_generation"):
        content = update.get(kind)
        if isinstance(content, dict):
            holder = content.get("message") if kind == "callback_query" else content
            chat = holder.get("chat") if isinstance(holder, dict) else None
            return chat.get("id") if isinstance(chat, dict) else None
    return None
