"""What several of the bot's requests have in common."""

from __future__ import annotations

from typing import Final

from aiogram.types import LinkPreviewOptions, ReplyParameters

NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


def reply_parameters(chat: int, reply_to: str | None) -> ReplyParameters | None:
    """Return what makes a message quote another one: only in groups, and never a reason to fail."""
    if chat > 0 or not reply_to or not reply_to.isdigit():
        return None
    return ReplyParameters(message_id=int(reply_to), allow_sending_without_reply=True)
