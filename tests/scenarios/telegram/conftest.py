"""A running Telegram channel against the simulated Telegram."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from channels.types import Conversation, OutboundMessage, Receipt
from tests.contracts.channel_harness import TelegramHarness, telegram_harness


@pytest.fixture
async def bot(redis: Redis, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[TelegramHarness]:
    """A polling bot; `@pytest.mark.parametrize("bot", [{…settings…}], indirect=True)` changes its settings."""
    async with telegram_harness(redis, tmp_path, **getattr(request, "param", {})) as made:
        await made.channel.start()
        yield made


def conversation(chat: int = 7, thread: int | None = None) -> Conversation:
    return Conversation(
        channel="telegram", account="default", chat=str(chat), thread=None if thread is None else str(thread)
    )


def outbound(content: str = "", chat: int = 7, **fields: object) -> OutboundMessage:
    thread = fields.pop("thread", None)
    made = {"id": "turn1:0", "conversation": conversation(chat, thread), "content": content, **fields}  # type: ignore[arg-type]
    return OutboundMessage(**made)  # type: ignore[arg-type]


async def send(bot: TelegramHarness, message: OutboundMessage) -> list[Receipt]:
    return [await bot.channel.send(part) for part in bot.channel.plan(message)]
