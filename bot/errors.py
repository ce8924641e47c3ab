"""What can go wrong in the running bot.

BotError
├── StoreUnavailable   Redis, Valkey or the embedded server cannot be reached
├── CannotStart        the process cannot come up: a port, a channel, a name clash
├── LaneLost           another worker owns the lane now; whatever this one decided is void
├── NotAllowed         the person has no right to do this
└── AttachmentUnavailable   a file that somebody sent cannot be had
"""

from __future__ import annotations

from typing import Literal

from bot.texts import Language, say

Reason = Literal["too_large", "gone", "unreachable"]


class BotError(Exception):
    """The root of the bot's own errors."""


class StoreUnavailable(BotError):
    """The store cannot be reached; a retry is safe."""


class CannotStart(BotError):
    """The process cannot start; the message says what to change."""


class LaneLost(BotError):
    """The lease of this lane went to another worker; nothing was changed."""


class NotAllowed(BotError):
    """The person lacks the right; the message is for the person."""


class AttachmentUnavailable(BotError):
    """A file that a person sent cannot be had: `reason` says why, and `text` says it to them."""

    def __init__(self, reason: Reason, *, name: str = "", limit_bytes: int = 0) -> None:
        super().__init__(f"{name or 'the file'}: {reason}")
        self.reason = reason
        self.name = name
        self.limit_bytes = limit_bytes

    def text(self, language: Language) -> str:
        """Return the reason in words."""
        limit = f"{self.limit_bytes / 1_000_000:.3g} MB"
        return say(f"attachment_{self.reason}", language, name=self.name, limit=limit)
