"""What the Channel contract needs of each implementation: the channel, its platform, and one person who uses it.

A further channel adds a function here and a line to `HARNESSES`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import redis as redis_sync
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.journal import RedisJournal
from bot.state import RedisState
from bot.store import Keys, Store
from bot.uploads import RedisUploads
from channels.base import Channel, ChannelContext
from channels.errors import Unreachable
from channels.markup.markdown import parse_markdown
from channels.telegram.channel import TelegramChannel
from channels.telegram.tempo import Tempo
from channels.types import Acceptance, Conversation, InboundMessage
from channels.web import WebChannel
from channels.web_files import WebFiles, upload_id_of
from config.settings import TelegramSettings
from tests.simulators.telegram import Person, TelegramSimulator

FAST = Tempo(
    grace_s=0.01,
    step_s=0.02,
    typing_s=0.1,
    draft_s=0.02,
    draft_renew_s=0.2,
    private_edit_s=0.02,
    group_edit_s=0.02,
    later_group_edit_s=0.02,
    retry_s=0.01,
)


async def eventually(condition: Callable[[], object], *, timeout_s: float = 5.0) -> None:
    """Wait until `condition` is true; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        await asyncio.sleep(0.002)


class StoreDown(Exception):
    """What a store that is down raises; channels do not know it."""


@dataclass
class RecordingInbox:
    """Takes messages in like the durable inbox, each id once; the next `failures` calls fail."""

    messages: list[InboundMessage] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failures: int = 0
    hold: asyncio.Event | None = None

    async def __call__(self, message: InboundMessage) -> Acceptance:
        self.calls.append(message.id)
        if self.failures:
            self.failures -= 1
            raise StoreDown
        if self.hold is not None:
            await self.hold.wait()
        if any(known.id == message.id for known in self.messages):
            return "duplicate"
        self.messages.append(message)
        return "accepted"

    async def receive(self, number: int = 1, *, timeout_s: float = 5.0) -> InboundMessage:
        """Wait for the message of that number and return it."""
        await eventually(lambda: len(self.messages) >= number, timeout_s=timeout_s)
        return self.messages[number - 1]

    async def nothing_more(self, number: int, *, wait_s: float = 0.1) -> None:
        """Check that no more than `number` messages came, after giving them time to."""
        await asyncio.sleep(wait_s)
        assert [message.text for message in self.messages[number:]] == []


class Harness(Protocol):
    """One channel account with one person on its platform."""

    channel: Channel
    inbox: RecordingInbox

    async def say(self, text: str) -> None:
        """The person writes to the bot privately."""

    def seen(self) -> list[str]:
        """The texts that the person sees from the bot, in order, without markup; nothing of a turn in progress."""

    def in_progress(self) -> str | None:
        """What the person sees of a turn in progress."""

    async def press(self, label: str) -> None:
        """The person presses a button."""

    async def attach(self, content: bytes) -> None:
        """The person sends a file."""

    def elsewhere(self) -> Channel:
        """The same account in another process, which never starts it."""


@dataclass
class TelegramHarness:
    channel: TelegramChannel
    inbox: RecordingInbox
    telegram: TelegramSimulator
    person: Person
    state: RedisState
    http: aiohttp.ClientSession
    context: ChannelContext

    async def say(self, text: str) -> None:
        self.person.write(text)

    def seen(self) -> list[str]:
        return self.person.chat.texts

    def in_progress(self) -> str | None:
        return self.person.chat.draft

    async def press(self, label: str) -> None:
        self.person.press(label)

    async def attach(self, content: bytes) -> None:
        self.person.send_document(content, "报销.pdf", "Look")

    def elsewhere(self) -> TelegramChannel:
        return self.another()

    def another(self, **settings: object) -> TelegramChannel:
        """Return a channel of the same account as another process would have it."""
        return TelegramChannel("default", settings_for(self.telegram, **settings), self.context, FAST)


def settings_for(telegram: TelegramSimulator, **fields: object) -> TelegramSettings:
    given = {"token": SecretStr(telegram.token), "api_base": telegram.api_base, **fields}
    return TelegramSettings.model_validate(given)


@asynccontextmanager
async def telegram_harness(
    redis: Redis, folder: Path, *, tempo: Tempo = FAST, public_url: str | None = None, **settings: object
) -> AsyncIterator[TelegramHarness]:
    inbox = RecordingInbox()
    state = RedisState(Store(redis=redis, keys=Keys()), "telegram", "default")
    async with TelegramSimulator() as telegram, aiohttp.ClientSession() as http:
        context = ChannelContext(deliver=inbox, state=state, http=http, public_url=public_url, data_dir=folder)
        channel = TelegramChannel("default", settings_for(telegram, **settings), context, tempo)
        person = telegram.person(7, name="Alice", language="en")
        yield TelegramHarness(channel, inbox, telegram, person, state, http, context)
        await channel.stop()


@dataclass
class WebHarness:
    """A page that sends each message under an id of its own until it is accepted, and reads the journal."""

    channel: WebChannel
    inbox: RecordingInbox
    store: redis_sync.Redis
    conversation: Conversation
    another: Callable[[], WebChannel]
    unsent: asyncio.Queue[tuple[str, str, str]] = field(default_factory=asyncio.Queue)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def say(self, text: str, kind: str = "message") -> None:
        self.unsent.put_nowait((f"message-{next(self.numbers)}", text, kind))

    async def press(self, label: str) -> None:
        await self.say(label, "button")

    async def attach(self, content: bytes) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield content

        assert self.channel.files
        sent = await self.channel.files.receive(self.conversation, "报销.pdf", pieces(), size_max_bytes=10_000_000)
        files = await self.channel.files.attachments(self.conversation, [upload_id_of(sent)])
        await self.channel.submit(self.conversation, "Look", message_id="with-file", attachments=files)

    def elsewhere(self) -> WebChannel:
        return self.another()

    def seen(self) -> list[str]:
        entries = self.store.xrange(Keys().of(self.conversation.key, "journal"))
        fields = [json.loads(entry["entry"]) for _, entry in entries]  # type: ignore[union-attr]
        return [_read_aloud(field) for field in fields if field["type"] == "bot"]

    def in_progress(self) -> str | None:
        live = self.channel.broadcast.live(self.conversation.key)
        return live.text if live else None

    async def send(self) -> None:
        while True:
            message_id, text, kind = await self.unsent.get()
            while True:
                with suppress(StoreDown, Unreachable):
                    await self.channel.submit(self.conversation, text, message_id=message_id, kind=kind)  # type: ignore[arg-type]
                    break
                await asyncio.sleep(0.01)


def _read_aloud(entry: dict[str, Any]) -> str:
    """What the page makes of an entry, as the browser tests check; here only its text."""
    titles = [citation["title"] for citation in entry.get("citations", ())]
    return "\n".join([parse_markdown(entry.get("content", "")).text, *titles])


@asynccontextmanager
async def web_harness(redis: Redis, folder: Path) -> AsyncIterator[WebHarness]:
    inbox = RecordingInbox()
    state = RedisState(Store(redis=redis, keys=Keys()), "web", "default")
    path = redis.connection_pool.connection_kwargs["path"]
    with redis_sync.Redis(unix_socket_path=path, decode_responses=True) as store:
        async with aiohttp.ClientSession() as http:
            context = ChannelContext(deliver=inbox, state=state, http=http, public_url=None, data_dir=folder)

            def make() -> WebChannel:
                files = WebFiles(RedisUploads(redis, Keys().of, "parley:uploads", bytes_max=lambda: 10_000_000))
                return WebChannel("web", "default", context, RedisJournal(redis, Keys().of, ttl_s=60), files=files)

            channel = make()
            harness = WebHarness(channel, inbox, store, channel.conversation("visitor", "conversation"), make)
            sending = asyncio.create_task(harness.send())
            yield harness
            await channel.stop()
            sending.cancel()
            await asyncio.wait([sending])


HARNESSES: dict[str, Callable[[Redis, Path], AbstractAsyncContextManager[Harness]]] = {
    "telegram": telegram_harness,
    "web": web_harness,
}
