"""Find out whether a message that a dead process was sending has arrived.

The Bot API has no idempotency key and no history. But editing a message into what it says already is refused with
"message is not modified", and a message that is not ours, or not in this chat, cannot be edited. In a private chat
every message of ours is on record except the one in doubt, so whatever can be edited behind the last one on record
is it; ids grow with time over all private chats of a bot. Source: https://core.telegram.org/bots/api#editmessagetext
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import structlog
from aiogram.types import InlineKeyboardMarkup

from channels.errors import Refused
from channels.telegram.api import EditMessageText, TelegramApi
from channels.telegram.html import plain
from channels.telegram.requests import NO_PREVIEW

log = structlog.get_logger()

NEARBY: Final = 40
"""How many ids are looked at to each side of the newest one on record: sends in flight when a process dies."""
NOWHERE: Final = 2_000_000_000
"""An id that no message has."""
FIRST: Final = 8
"""How many are looked at right behind the question: all that a quiet bot needs."""


async def find_text(
    api: TelegramApi, chat: int, html: str, markup: InlineKeyboardMarkup | None, *, behind: int, near: int
) -> int | None:
    """Return the id under which the text stands in a private chat, or None where it never arrived.

    `behind`: the newest message of this chat on record. `near`: the newest message of the bot on record.

    Raises:
        ChannelError: Telegram did not answer, or asks to wait.
    """
    mode: str | None = "HTML"

    def edit(message_id: int) -> EditMessageText:
        return EditMessageText(
            chat_id=chat,
            message_id=message_id,
            text=html if mode else plain(html),
            parse_mode=mode,
            reply_markup=markup,
            link_preview_options=NO_PREVIEW,
        )

    for candidate in candidates(behind, near):
        refusal = await _refusal(api, edit(candidate))
        if refusal is None:
            # A server that edits what cannot exist as well proves nothing.
            return candidate if await _refusal(api, edit(NOWHERE)) else None
        if "message is not modified" in str(refusal):
            return candidate
        if refusal.code == "403":
            return None
        if "can't parse entities" in str(refusal):
            mode = None
    return None


async def _refusal(api: TelegramApi, edit: EditMessageText) -> Refused | None:
    """Return why Telegram refused an edit, or None where it did not."""
    try:
        await api.call(edit)
    except Refused as error:
        return error
    return None


def candidates(behind: int, near: int) -> Iterator[int]:
    """Yield the ids that the message may have, the likeliest first, each once."""
    seen: set[int] = set()
    first = range(behind + 1, behind + 1 + FIRST)
    above = range(max(near, behind) + 1, max(near, behind) + 1 + NEARBY)
    below = range(near, max(behind, near - NEARBY), -1)
    for span in (first, above, below):
        for candidate in span:
            if candidate not in seen:
                seen.add(candidate)
                yield candidate
