"""Fetching what came along with a message in a process that owns no connection to the platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.attachments import Attachments
from bot.errors import CannotStart
from channels.base import Channel, ChannelContext
from channels.errors import Refused, TooLarge, Unreachable
from channels.telegram.channel import TelegramChannel
from channels.types import Acceptance, Attachment, Conversation, InboundMessage, Sender
from config.settings import Settings
from tests.simulators.telegram import TelegramSimulator

LIMIT = 100_000


class NoState:
    async def get(self, key: str) -> str | None:
        return None

    async def set(self, key: str, value: str, *, ttl_s: float) -> None:
        raise AssertionError("fetching keeps nothing")

    async def delete(self, key: str) -> None:
        raise AssertionError("fetching keeps nothing")


async def nowhere(message: InboundMessage) -> Acceptance:
    raise AssertionError("a channel that only fetches takes nothing in")


@dataclass
class Worker:
    """A process that builds channels when it needs them; `built` lists their tokens."""

    attachments: Attachments
    settings: Settings
    telegram: TelegramSimulator
    built: list[str] = field(default_factory=list)

    async def fetch(self, file_id: str, *, account: str = "default", **fields: Any) -> bytes:
        return await self.attachments.fetch(message(account), Attachment(id=file_id, kind="file", **fields))


def message(account: str = "default", channel: str = "telegram") -> InboundMessage:
    return InboundMessage(
        id="1",
        conversation=Conversation(channel=channel, account=account, chat="7"),
        sender=Sender(channel=channel, account=account, user="7"),
        text="/kb add",
        sent_at=datetime.now(UTC),
    )


def settings_of(telegram: TelegramSimulator, *, streaming: bool = True, token: str = "") -> Settings:
    account = {"token": token or telegram.token, "api_base": telegram.api_base, "streaming": streaming}
    return Settings.model_validate(
        {"channels": {"telegram": {"default": account}}, "limits": {"attachment_max_bytes": LIMIT}}
    )


@asynccontextmanager
async def open_worker(folder: Path, **options: Any) -> AsyncIterator[Worker]:
    async with TelegramSimulator() as telegram, aiohttp.ClientSession() as http:
        context = ChannelContext(deliver=nowhere, state=NoState(), http=http, public_url=None, data_dir=folder)

        async def create(platform: str, account: str, settings: Any) -> Channel:
            made.built.append(f"{platform}/{account}")
            await asyncio.sleep(0)
            return TelegramChannel(account, settings, context)

        attachments = Attachments(create, lambda: made.settings, **{"back_off_s": 0.01, **options})
        made = Worker(attachments, settings_of(telegram), telegram)
        yield made


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with open_worker(tmp_path) as worker:
        yield worker


async def test_the_channel_is_built_once_and_never_started(worker: Worker) -> None:
    files = [worker.telegram.file(f"content {number}".encode()) for number in range(5)]
    contents = await asyncio.gather(*(worker.fetch(file) for file in files))
    assert contents == [f"content {number}".encode() for number in range(5)]
    assert worker.built == ["telegram/default"]
    assert {call.method for call in worker.telegram.calls} == {"getFile"}


async def test_a_changed_account_is_built_anew_and_one_that_is_gone_is_dropped(worker: Worker) -> None:
    file = worker.telegram.file(b"content")
    await worker.fetch(file)
    worker.settings = settings_of(worker.telegram, streaming=False)
    assert await worker.fetch(file) == b"content"
    assert worker.built == ["telegram/default"] * 2
    worker.settings = Settings()
    with pytest.raises(Refused):
        await worker.fetch(file)


async def test_a_file_above_the_limit_is_refused_whoever_notices(worker: Worker) -> None:
    exactly, above = worker.telegram.file(b"x" * LIMIT), worker.telegram.file(b"x" * (LIMIT + 1))
    assert len(await worker.fetch(exactly)) == LIMIT
    for declared in (LIMIT + 1, None, 5):
        with pytest.raises(TooLarge) as raised:
            await worker.fetch(above, size_bytes=declared)
        assert raised.value.limit_bytes == LIMIT


async def test_the_platforms_own_limit_is_named(worker: Worker) -> None:
    worker.settings = worker.settings.model_copy(
        update={"limits": worker.settings.limits.model_copy(update={"attachment_max_bytes": 50_000_000})}
    )
    with pytest.raises(TooLarge) as raised:
        await worker.fetch(worker.telegram.file(bytes(20 * 2**20 + 1)))
    assert raised.value.limit_bytes == 20 * 2**20


async def test_a_file_that_is_gone_is_refused(worker: Worker) -> None:
    with pytest.raises(Refused):
        await worker.fetch("gone")


async def test_a_path_is_asked_for_anew_each_time(worker: Worker) -> None:
    file = worker.telegram.file(b"content")
    await worker.fetch(file)
    worker.telegram.expire_paths()
    assert await worker.fetch(file) == b"content"


@pytest.mark.parametrize("kind", ["drop", "garbage", "error"])
async def test_a_failure_that_passes_is_waited_out(worker: Worker, kind: str) -> None:
    worker.telegram.fail("getFile", kind=kind, times=2)
    assert await worker.fetch(worker.telegram.file(b"content")) == b"content"


async def test_flood_control_is_waited_out(worker: Worker) -> None:
    worker.telegram.fail("getFile", status=429, parameters={"retry_after": 1})
    assert await worker.fetch(worker.telegram.file(b"content")) == b"content"


async def test_a_platform_that_stays_away_is_unreachable(worker: Worker) -> None:
    worker.telegram.fail("getFile", kind="drop", times=100)
    with pytest.raises(Unreachable):
        await worker.fetch(worker.telegram.file(b"content"))


async def test_a_platform_that_hangs_is_not_waited_for_long(tmp_path: Path) -> None:
    async with open_worker(tmp_path, timeout_s=0.2) as worker:
        worker.telegram.fail("getFile", kind="hang", seconds=1, times=10)
        with pytest.raises(Unreachable):
            await worker.fetch(worker.telegram.file(b"content"))


async def test_wrong_credentials_are_not_the_persons_fault(worker: Worker) -> None:
    worker.settings = settings_of(worker.telegram, token="43:another")
    with pytest.raises(Unreachable):
        await worker.fetch("any")


async def test_a_platform_that_is_not_installed_here_is_unreachable() -> None:
    async def create(platform: str, account: str, settings: Mapping[str, Any]) -> Channel:
        raise CannotStart(f"channels.{platform}: no such channel is installed")

    settings = Settings.model_validate({"channels": {"plugins": {"hook": {"default": {}}}}})
    attachments = Attachments(create, lambda: settings)
    with pytest.raises(Unreachable):
        await attachments.fetch(message(channel="hook"), Attachment(id="x", kind="file"))
