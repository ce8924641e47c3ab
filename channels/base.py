"""What a channel is, and what it is given.

A channel is one file with a `create(account, settings, context)` function, named in the table of
`bot/fronts.py` or in the entry-point group `parley.channels`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import aiohttp

from channels.types import (
    Acceptance,
    Attachment,
    CommandEntry,
    InboundMessage,
    Limits,
    OutboundMessage,
    Part,
    Progress,
    Receipt,
    Upload,
)

Deliver = Callable[[InboundMessage], Awaitable[Acceptance]]
"""Makes a message durable, once. After it returns (whatever it says) the platform may be told "received"."""


class State(Protocol):
    """A small durable store of one channel account: strings by key, each with an expiry."""

    async def get(self, key: str) -> str | None:
        """Return the value, or None where there is none or it has expired."""

    async def set(self, key: str, value: str, *, ttl_s: float) -> None:
        """Store `value` for `ttl_s` seconds."""

    async def delete(self, key: str) -> None:
        """Forget the key."""


class Journal(Protocol):
    """What was said in each conversation, for a platform that keeps no history of its own; capped and expiring."""

    async def append(self, conversation_key: str, entry: str, *, once: str) -> str:
        """Append `entry` unless one was appended under `once` before; return the entry's id either way.

        Raises:
            Unreachable: the store did not answer; a retry is safe.
        """

    async def read(self, conversation_key: str, *, after: str = "") -> list[tuple[str, str]]:
        """Return (id, entry) of what was appended after the entry `after`, oldest first.

        Raises:
            Unreachable: the store did not answer; a retry is safe.
        """


class Uploads(Protocol):
    """Files that people send over a platform that keeps none; each belongs to a conversation, and expires."""

    async def put(
        self, conversation_key: str, name: str, pieces: AsyncIterable[bytes], *, owner: str, size_max_bytes: int
    ) -> Upload:
        """Store a file as it comes in, and return it once all of it is durable.

        `owner`: who sends it; what one person may have stored at a time is limited.

        Raises:
            TooLarge: it is larger than `size_max_bytes`; nothing of it is kept.
            RateLimited: this person has stored too much already.
            Unreachable: the store did not answer.
        """

    async def find(self, conversation_key: str, upload_id: str) -> Upload | None:
        """Return a file of the conversation, or None where it has none of that id (any more).

        Raises:
            Unreachable: the store did not answer.
        """

    async def keep(self, conversation_key: str, upload_id: str, *, owner: str) -> None:
        """Let a file expire anew from now on: a message names it, and is answered when its turn has come.

        Raises:
            Unreachable: the store did not answer.
        """

    async def read(self, conversation_key: str, upload_id: str) -> bytes | None:
        """Return the bytes of a file, or None where they are gone.

        Raises:
            Unreachable: the store did not answer.
        """

    async def remove(self, conversation_key: str, upload_id: str, *, owner: str) -> None:
        """Forget a file that was not sent after all.

        Raises:
            Unreachable: the store did not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelContext:
    """What every channel is given; all of it is opened and closed by `bot/wiring.py`."""

    deliver: Deliver
    state: State
    http: aiohttp.ClientSession
    public_url: str | None
    data_dir: Path


@runtime_checkable
class Channel(Protocol):
    """One account on one platform."""

    name: str
    account: str
    limits: Limits
    exclusive: bool
    """True where one process of the cluster may own the account (polling, one socket, drafts in progress)."""

    async def start(self) -> None:
        """Begin to receive; returns once the platform accepted the account.

        Raises:
            Unauthorized: the credentials are wrong.
            Unreachable: the platform did not answer; `start` may be called again.
        """

    def plan(self, message: OutboundMessage) -> tuple[Part, ...]:
        """Render and split a message into the requests that deliver it, in order; pure."""

    async def send(self, part: Part) -> Receipt:
        """Deliver one part.

        Raises:
            ChannelError: `retryable` says whether the same part may be sent again.
        """

    async def stop(self) -> None:
        """Stop receiving; parts may still be sent until it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A platform's HTTP request, free of any web framework; header names are lower case."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResponse:
    """What the platform is answered."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"


@runtime_checkable
class Webhook(Protocol):
    """A channel that platforms call over HTTP; any process may serve it, started or not."""

    async def handle(self, request: WebhookRequest) -> WebhookResponse:
        """Verify, decrypt, parse, deliver, and answer in the platform's form.

        Raises:
            BadRequest: forged or malformed; nothing was delivered.
        """


@runtime_checkable
class Streaming(Protocol):
    """A channel that can show a turn while it runs: typing, partial text, steps."""

    async def show(self, progress: Progress) -> None:
        """Show a sign of life; must return at once (work goes on in the channel's own tasks)."""


@runtime_checkable
class Recovering(Protocol):
    """A channel whose platform knows no idempotent send, but can be asked whether a message has arrived."""

    async def find(self, part: Part, *, behind: str, near: str) -> Receipt | None:
        """Return the receipt of a part that a dead process was sending, or None where it must be sent.

        `behind`: the platform's id of the newest message on record in the conversation; `near`: that of the
        account. Either is empty where none is on record.

        Raises:
            ChannelError: as `Channel.send`.
        """


@runtime_checkable
class Files(Protocol):
    """A channel whose attachments can be fetched, also in a process that never starts the channel."""

    async def download(self, attachment: Attachment, *, size_max_bytes: int) -> bytes:
        """Fetch an attachment's bytes.

        Raises:
            TooLarge: it is larger than `size_max_bytes`, or than the platform gives out.
            Refused: it is gone.
            Unreachable: the platform did not answer; a retry is safe.
        """


@runtime_checkable
class CommandMenu(Protocol):
    """A platform that shows a menu of commands."""

    async def publish_commands(self, entries: Sequence[CommandEntry]) -> None:
        """Replace the platform's menu."""
