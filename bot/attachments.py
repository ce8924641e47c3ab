"""Fetch what came along with a message, in whatever process works on it.

A worker may own no connection to the platform, so it builds the account's channel from the settings when it first
needs one, and never starts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.errors import CannotStart
from channels.base import Channel, Files
from channels.errors import ChannelError, RateLimited, Refused, TooLarge, Unreachable
from channels.types import Attachment, InboundMessage
from config.settings import Settings

log = structlog.get_logger()

FETCH_S = 120.0
TRIES = 3
BACK_OFF_S = 1.0
Create = Callable[[str, str, Any], Awaitable[Channel]]
"""Returns the channel of a platform and account with these settings, not started."""


class Attachments:
    """Fetches attachments from the platforms that hold them."""

    def __init__(
        self,
        create: Create,
        settings: Callable[[], Settings],
        *,
        timeout_s: float = FETCH_S,
        back_off_s: float = BACK_OFF_S,
    ) -> None:
        """`settings` are those in force: when an account's change, its channel is built anew."""
        self._create = create
        self._settings = settings
        self._timeout_s = timeout_s
        self._back_off_s = back_off_s
        self._channels: dict[tuple[str, str], tuple[Any, Channel]] = {}
        self._building = asyncio.Lock()

    async def fetch(self, message: InboundMessage, attachment: Attachment) -> bytes:
        """Return the bytes of an attachment, `limits.attachment_max_bytes` at most.

        Raises:
            TooLarge: it is larger than that, or than its platform gives out.
            Refused: it is gone.
            Unreachable: its platform did not answer in time, or cannot be asked from here.
        """
        where = message.conversation
        limit = self._settings().limits.attachment_max_bytes
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetched(await self._files(where.channel, where.account), attachment, limit)
        except (TooLarge, Refused):
            raise
        except (ChannelError, CannotStart, TimeoutError) as error:
            log.warning("attachment.failed", channel=where.channel, account=where.account, error=repr(error))
            raise Unreachable("the file cannot be fetched now", channel=where.channel) from error

    async def _fetched(self, channel: Files, attachment: Attachment, limit: int) -> bytes:
        left = TRIES
        while True:
            try:
                content = await channel.download(attachment, size_max_bytes=limit)
            except ChannelError as error:
                left -= 1
                if not error.retryable or not left:
                    raise
                await asyncio.sleep(error.retry_after_s if isinstance(error, RateLimited) else self._back_off_s)
            else:
                if len(content) > limit:
                    raise TooLarge(limit_bytes=limit)
                return content

    async def _files(self, platform: str, account: str) -> Files:
        current = self._accounts()
        async with self._building:
            for key in [key for key, (built_from, _) in self._channels.items() if current.get(key) != built_from]:
                del self._channels[key]
            if (platform, account) not in self._channels:
                if (platform, account) not in current:
                    raise Refused("this account is not configured any more", channel=platform)
                settings = current[(platform, account)]
                self._channels[(platform, account)] = (settings, await self._create(platform, account, settings))
        _, channel = self._channels[(platform, account)]
        if not isinstance(channel, Files):
            raise Refused("this channel gives no files out", channel=platform)
        return channel

    def _accounts(self) -> dict[tuple[str, str], Any]:
        channels = self._settings().channels
        accounts = {(platform, account): settings for platform, account, settings in channels.accounts()}
        return {("web", "default"): channels.web, **accounts}
