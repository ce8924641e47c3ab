"""What can go wrong at a platform.

ChannelError
├── RateLimited       wait `retry_after_s`, then the same part may be sent again
├── Unreachable       the platform did not answer or failed; a retry is safe where sends are idempotent
├── Refused           the platform will never accept this part (bad recipient, blocked, malformed)
│   └── TooLarge      a file is larger than `limit_bytes`
├── Unauthorized      the account's own credentials are wrong: an operator must act
├── BadRequest        what came in is not from the platform or is malformed; nothing was accepted
└── Unsupported       the channel declares in `Limits` that it cannot do this
"""

from __future__ import annotations


class ChannelError(Exception):
    """The root of all channel errors; `code` is the platform's own."""

    retryable = False

    def __init__(self, message: str, *, channel: str = "", code: str = "") -> None:
        super().__init__(message)
        self.channel = channel
        self.code = code


class RateLimited(ChannelError):
    """The platform asks to wait `retry_after_s` seconds."""

    retryable = True

    def __init__(self, message: str, *, retry_after_s: float, channel: str = "", code: str = "429") -> None:
        super().__init__(message, channel=channel, code=code)
        self.retry_after_s = retry_after_s


class Unreachable(ChannelError):
    """The platform could not be reached, timed out or failed on its side."""

    retryable = True


class Refused(ChannelError):
    """The platform refused this part for good."""


class TooLarge(Refused):
    """A file is larger than `limit_bytes`, which may be the platform's own limit."""

    def __init__(self, *, limit_bytes: int, channel: str = "") -> None:
        super().__init__(f"the file is larger than {limit_bytes} bytes", channel=channel, code="size")
        self.limit_bytes = limit_bytes


class Unauthorized(ChannelError):
    """The platform refused the account's credentials."""


class BadRequest(ChannelError):
    """An incoming request was forged or malformed; `status` is the HTTP status to answer."""

    def __init__(self, message: str, *, status: int = 400, channel: str = "") -> None:
        super().__init__(message, channel=channel, code=str(status))
        self.status = status


class Unsupported(ChannelError):
    """The platform has no such operation."""
