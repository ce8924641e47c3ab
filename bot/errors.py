"""What can go wrong in the running bot.

BotError
├── StoreUnavailable   Redis, Valkey or the embedded server cannot be reached
├── CannotStart        the process cannot come up: a port, a channel, a name clash
├── LaneLost           another worker owns the lane now; whatever this one decided is void
└── NotAllowed         the person has no right to do this
"""

from __future__ import annotations


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
