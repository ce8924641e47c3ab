"""Albums: Telegram sends each file of one as a message of its own, and the caption with one of them only.

A command in the caption is meant for all of them: `/kb add` over five documents adds five.
Source: https://core.telegram.org/bots/api#message (media_group_id)
"""

from __future__ import annotations

from dataclasses import replace

from aiogram.types import Message

from channels.base import State
from channels.types import InboundMessage

KEPT_S = 600.0


class Albums:
    """Gives the files of an album the command that came with the first of them."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def completed(self, message: Message, read: InboundMessage) -> InboundMessage:
        """Return the message, as a command where it belongs to an album whose caption is one."""
        if message.media_group_id is None:
            return read
        key = f"album:{message.chat.id}:{message.media_group_id}:{read.sender.user}"
        if read.kind == "command":
            await self._state.set(key, read.text, ttl_s=KEPT_S)
            return read
        command = None if read.text else await self._state.get(key)
        return replace(read, text=command, kind="command") if command else read
