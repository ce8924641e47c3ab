"""The web chat, and (under the name `api`) the OpenAI-compatible API: a channel without a platform.

What was said lies in the conversation's journal, once per message; whoever reads along in this process is
told of running turns and looks into the journal when there is news. So the final answer reaches the right
browser also when another process delivered it, and a browser that was away reads on where it was.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Literal

from pydantic import TypeAdapter

from channels.base import ChannelContext, Journal
from channels.broadcast import Broadcast, Listener
from channels.errors import Unreachable, Unsupported
from channels.types import (
    Acceptance,
    Attachment,
    Conversation,
    HistoryMessage,
    InboundMessage,
    Limits,
    OutboundMessage,
    Part,
    Progress,
    Receipt,
    Sender,
)
from channels.web_files import WebFiles

LIMITS = Limits(text_max=10_000_000, can_stream="delta", buttons_max=20)
"""The journal holds any text: `text_max` only keeps one entry below Redis' 512 MB."""

COMMAND = re.compile(r"\s*[/／]\w")

_outbound = TypeAdapter(OutboundMessage)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _public(source: str) -> str:
    path = PurePath(source)
    return path.name if path.is_absolute() else source


def _files(attachments: tuple[Attachment, ...]) -> dict[str, Any]:
    shown = [{"name": attachment.name, "size_bytes": attachment.size_bytes} for attachment in attachments]
    return {"files": shown} if shown else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One durable line of a conversation; `data` is its JSON, written without line breaks."""

    id: str
    data: str

    @property
    def fields(self) -> Mapping[str, Any]:
        """The entry's content; `type` is person, bot or opinion."""
        fields: dict[str, Any] = json.loads(self.data)
        return fields

    def message(self, conversation: Conversation) -> OutboundMessage | None:
        """Return what the bot said, or None where the entry is something else."""
        fields = dict(self.fields)
        if fields.pop("type") != "bot":
            return None
        return _outbound.validate_python({**fields, "conversation": conversation})


class Subscription:
    """Follows one conversation: everything durable, and the running turn as it goes."""

    def __init__(self, channel: WebChannel, conversation: Conversation, listener: Listener, after: str) -> None:
        self._channel = channel
        self._conversation = conversation
        self._key = conversation.key
        self._listener = listener
        self._first = True
        self.last = after
        """The id of the last durable entry that was returned."""

    @property
    def closed(self) -> bool:
        """True once the channel is closed: the reader should leave, and resume elsewhere."""
        return self._channel.closed

    async def next(self, *, timeout_s: float) -> list[JournalEntry | Progress]:
        """Return what is new, waiting for it at most `timeout_s` seconds; empty when nothing came.

        The first call does not wait: it returns what there is.

        Raises:
            Unreachable: the journal's store did not answer.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        items = await self._collect(self._listener.news)
        while not (items or self._first or self.closed) and clock() < deadline:
            woken = await self._woken(deadline - clock())
            # In silence the journal is read too: a signal from another process may have been lost.
            items = await self._collect(self._listener.news or not woken)
        self._first = False
        return items

    async def _woken(self, timeout_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._listener.woken.wait()
                return True
        return False

    async def _collect(self, news: bool) -> list[JournalEntry | Progress]:
        self._listener.woken.clear()
        self._listener.news = False
        entries = await self._channel.read(self._conversation, after=self.last) if news else []
        if entries:
            self.last = entries[-1].id
        return [*entries, *self._listener.catch_up(self._channel.broadcast.live(self._key), self._conversation)]


class WebChannel:
    """One web front, of which any number of processes may serve the same conversations."""

    exclusive = False
    limits = LIMITS

    def __init__(
        self,
        name: str,
        account: str,
        context: ChannelContext,
        journal: Journal,
        *,
        files: WebFiles | None = None,
        late_readers: bool = True,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Set `late_readers` where a reader may join a turn that is running already (a page that is reloaded).

        Without `files` nobody can send any.
        """
        self.name = name
        self.account = account
        self.stopped = False
        self.closed = False
        self.broadcast = Broadcast(late_readers=late_readers)
        self._context = context
        self.files = files
        self._journal = journal
        self._clock = clock

    async def start(self) -> None:
        """Begin to receive: there is no platform to ask."""
        self.stopped = False

    async def stop(self) -> None:
        """Take in nothing new; who reads along still sees running turns end."""
        self.stopped = True

    def close(self) -> None:
        """Send the readers away; they resume with another process, or with this one's successor."""
        self.closed = True
        self.broadcast.wake_all()

    def conversation(self, visitor: str, conversation_id: str) -> Conversation:
        """Return a visitor's conversation; another visitor's of the same id is a different one."""
        return Conversation(channel=self.name, account=self.account, chat=visitor, thread=conversation_id)

    def sender(self, visitor: str, *, name: str = "", language: str | None = None) -> Sender:
        """Return a visitor as the sender of their messages."""
        return Sender(channel=self.name, account=self.account, user=visitor, name=name, language=language)

    async def submit(
        self,
        conversation: Conversation,
        text: str,
        *,
        message_id: str,
        kind: Literal["message", "button"] = "message",
        attachments: tuple[Attachment, ...] = (),
        name: str = "",
        language: str | None = None,
        assistant: str | None = None,
        history: tuple[HistoryMessage, ...] | None = None,
        options: Mapping[str, Any] | None = None,
        journaled: bool = True,
    ) -> Acceptance:
        """Journal what a person wrote and make it durable; the same `message_id` again is a duplicate.

        Without `journaled` the page said it for the person (the stop button) and it is not shown as theirs.
        With a `history` the text is no command, whatever it looks like.

        Raises:
            Unreachable: the journal's store did not answer, or the process stops; a retry with the same id is safe.
        """
        if self.stopped:
            raise Unreachable("this process is stopping", channel=self.name)
        if journaled:
            # Before it is delivered: else a quick answer would stand above its question.
            said = {"type": "person", "id": message_id, "kind": kind, "text": text, **_files(attachments)}
            await self._write(conversation, f"person:{message_id}", **said)
        message = InboundMessage(
            # Visitors choose their ids themselves: with its own prefix, none can occupy another's.
            id=f"{conversation.chat}-{message_id}",
            conversation=conversation,
            sender=self.sender(conversation.chat, name=name, language=language),
            text=text,
            kind="command" if history is None and COMMAND.match(text) else kind,
            attachments=attachments,
            reply_to=message_id,
            sent_at=self._clock(),
            assistant=assistant,
            history=history,
            options=options or {},
        )
        return await self._context.deliver(message)

    async def download(self, attachment: Attachment, *, size_max_bytes: int) -> bytes:
        """Fetch a file that a person sent.

        Raises:
            TooLarge: it is larger than `size_max_bytes`.
            Refused: it is gone: files are kept for an hour.
            Unreachable: the store did not answer; a retry is safe.
            Unsupported: this front takes no files.
        """
        if self.files is None:
            raise Unsupported("files are not supported here", channel=self.name)
        return await self.files.read(attachment, size_max_bytes=size_max_bytes)

    async def rate(self, conversation: Conversation, message_id: str, value: Literal["up", "down", "none"]) -> bool:
        """Journal a person's opinion of a message; False where the conversation has no such message.

        Raises:
            Unreachable: the journal's store did not answer.
        """
        said = (entry.message(conversation) for entry in await self.read(conversation))
        if not any(message and message.id == message_id for message in said):
            return False
        once = f"opinion:{message_id}:{value}:{self._clock().timestamp()}"
        await self._write(conversation, once, type="opinion", message=message_id, value=value)
        return True

    def plan(self, message: OutboundMessage) -> tuple[Part, ...]:
        """Return the one part that carries the whole message; of files on this machine only the names leave it."""
        cited = tuple(replace(citation, source=_public(citation.source)) for citation in message.citations)
        shown = replace(message, citations=cited)
        payload = _outbound.dump_python(shown, mode="json", exclude={"conversation"}, exclude_defaults=True)
        return (Part(conversation=message.conversation, message=message.id, ordinal=0, payload=payload),)

    async def send(self, part: Part) -> Receipt:
        """Append the message to the conversation's journal, once.

        Raises:
            Unreachable: the journal's store did not answer.
        """
        once = f"bot:{part.message}:{part.ordinal}"
        entry_id = await self._write(part.conversation, once, type="bot", **part.payload)
        self.broadcast.end(part.conversation.key, str(part.payload.get("turn", "")))
        return Receipt(platform_id=entry_id)

    async def show(self, progress: Progress) -> None:
        """Pass a running turn on to the readers of this process."""
        self.broadcast.publish(progress)

    @asynccontextmanager
    async def subscribe(self, conversation: Conversation, *, after: str = "") -> AsyncIterator[Subscription]:
        """Follow a conversation from behind the entry `after`, until the block is left."""
        with self.broadcast.listen(conversation.key) as listener:
            yield Subscription(self, conversation, listener, after)

    async def read(self, conversation: Conversation, *, after: str = "") -> list[JournalEntry]:
        """Return the journal's entries after the entry `after`, oldest first.

        Raises:
            Unreachable: the journal's store did not answer.
        """
        entries = await self._journal.read(conversation.key, after=after)
        return [JournalEntry(id=entry_id, data=data) for entry_id, data in entries]

    async def _write(self, conversation: Conversation, once: str, **fields: object) -> str:
        entry = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        entry_id = await self._journal.append(conversation.key, entry, once=once)
        self.broadcast.end(conversation.key, "")
        return entry_id
