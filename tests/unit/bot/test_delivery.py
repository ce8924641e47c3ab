"""Delivery against a channel that is written here as a third party would write one, and fails on command."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from bot.delivery import Delivery
from bot.lanes import Lanes
from bot.live import Live
from bot.outbox import Outbox, lanes_of
from bot.store import Store
from bot.telemetry import Metrics
from channels.errors import ChannelError, RateLimited, Refused, Unauthorized, Unreachable
from channels.types import Conversation, Limits, OutboundMessage, Part, Receipt
from config.settings import ConversationLimits

CHAT = Conversation(channel="paper", account="default", chat="1")


class PaperChannel:
    """Writes parts of three characters onto a sheet; `faults` are raised first, one per send."""

    name = "paper"
    account = "default"
    limits = Limits(text_max=3)
    exclusive = False

    def __init__(self, faults: Sequence[ChannelError | None] = ()) -> None:
        self.faults = deque(faults)
        self.sheet: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def start(self) -> None:
        raise AssertionError("delivery starts no channel")

    async def stop(self) -> None:
        raise AssertionError("delivery stops no channel")

    def plan(self, message: OutboundMessage) -> tuple[Part, ...]:
        pieces = [message.content[at : at + 3] for at in range(0, len(message.content), 3)]
        return tuple(
            Part(conversation=message.conversation, message=message.id, ordinal=number, payload={"text": piece})
            for number, piece in enumerate(pieces)
        )

    async def send(self, part: Part) -> Receipt:
        await self.hold.wait()
        fault = self.faults.popleft() if self.faults else None
        if fault:
            raise fault
        self.sheet.append(part.payload["text"])
        return Receipt(platform_id=str(len(self.sheet)))


@pytest.fixture
def lanes(store: Store) -> Lanes:
    return Lanes(store, lanes_of("paper", "default"), lease_s=0.5)


@asynccontextmanager
async def delivering(
    channel: PaperChannel, store: Store, lanes: Lanes, *, attempts: int = 6
) -> AsyncIterator[Delivery]:
    limits = ConversationLimits(delivery_attempts=attempts)
    delivery = Delivery(channel=channel, lanes=lanes, live=Live(store), limits=lambda: limits, metrics=Metrics())
    task = asyncio.create_task(delivery.run())
    try:
        yield delivery
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await delivery.drain(0)


async def put(store: Store, *contents: str, chat: Conversation = CHAT) -> None:
    outbox = Outbox(store, lease_s=0.5)
    for content in contents:
        await outbox.put(OutboundMessage(id=f"turn-{content}", conversation=chat, content=content))


async def shown(channel: PaperChannel, *pieces: str, timeout_s: float = 5) -> None:
    async with asyncio.timeout(timeout_s):
        while len(channel.sheet) < len(pieces):
            await asyncio.sleep(0.01)
    assert channel.sheet == list(pieces)


async def test_a_message_is_sent_in_parts_and_messages_keep_their_order(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel()
    await put(store, "abcdef", "ghi", "jk")
    async with delivering(channel, store, lanes):
        await shown(channel, "abc", "def", "ghi", "jk")


async def test_the_same_message_put_twice_is_sent_once(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel()
    await put(store, "abc", "abc", "x")
    async with delivering(channel, store, lanes):
        await shown(channel, "abc", "x")


async def test_a_transient_failure_is_tried_again_and_keeps_the_order(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel([None, Unreachable("away")])
    await put(store, "abcdef", "ghi")
    async with delivering(channel, store, lanes):
        await shown(channel, "abc", "def", "ghi")


async def test_too_many_requests_are_waited_out_and_cost_no_attempt(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel([RateLimited("slow down", retry_after_s=0.1)] * 3)
    await put(store, "abc")
    async with delivering(channel, store, lanes, attempts=1):
        await shown(channel, "abc")
    assert await lanes.dead_letters() == []


async def test_a_revoked_account_keeps_its_messages(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel([Unauthorized("bad token")])
    await put(store, "abc")
    async with delivering(channel, store, lanes, attempts=1):
        async with asyncio.timeout(5):
            while channel.faults:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert await lanes.depth(CHAT.key) == (1, False)
    assert await lanes.dead_letters() == []


async def test_what_the_platform_refuses_is_kept_as_a_dead_letter_and_holds_nothing_up(
    store: Store, lanes: Lanes
) -> None:
    channel = PaperChannel([Refused("blocked by the user", code="403")])
    await put(store, "abc", "def")
    async with delivering(channel, store, lanes):
        await shown(channel, "def")
    letter = json.loads((await lanes.dead_letters())[0])
    assert (letter["message"], letter["code"]) == ("turn-abc", "403")
    assert "blocked" in letter["reason"]
    assert "abc" in letter["payload"]


async def test_after_the_last_attempt_a_message_is_given_up(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel([Unreachable("away"), Unreachable("away")])
    await put(store, "abc", "def")
    async with delivering(channel, store, lanes, attempts=2):
        await shown(channel, "def")
    assert json.loads((await lanes.dead_letters())[0])["attempts"] == 2


async def test_a_successor_goes_on_behind_the_last_accepted_part(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel()
    await put(store, "abcdefghi")
    async with delivering(channel, store, lanes) as first:
        await shown(channel, "abc", "def", "ghi")
        assert first
    channel = PaperChannel()
    await put(store, "uvwxyz")
    (claim,) = await lanes.claim(0, count=1)
    await lanes.note(claim, "1")
    async with delivering(channel, store, lanes):
        await shown(channel, "xyz")


async def test_draining_delivers_what_is_there(store: Store, lanes: Lanes) -> None:
    channel = PaperChannel()
    channel.hold.clear()
    await put(store, "abc", "def")
    async with delivering(channel, store, lanes) as delivery:
        draining = asyncio.create_task(delivery.drain(5))
        await asyncio.sleep(0.1)
        assert not draining.done()
        channel.hold.set()
        await asyncio.wait_for(draining, 5)
        assert channel.sheet == ["abc", "def"]
