"""The web channel: what is said is durable and once, and every reader gets all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.journal import RedisJournal
from bot.store import Keys
from channels.base import Channel, ChannelContext, Streaming
from channels.errors import Unreachable
from channels.types import Acceptance, Citation, Conversation, InboundMessage, OutboundMessage, Progress
from channels.web import JournalEntry, Subscription, WebChannel


class Inbox:
    """Takes messages in like the durable inbox: each id once."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []
        self.answers: Iterator[Acceptance] = iter(())

    async def __call__(self, message: InboundMessage) -> Acceptance:
        acceptance = next(self.answers, "accepted")
        if acceptance == "accepted" and any(message.id == known.id for known in self.messages):
            return "duplicate"
        if acceptance == "accepted":
            self.messages.append(message)
        return acceptance


class NoState:
    async def get(self, key: str) -> str | None:
        return None

    async def set(self, key: str, value: str, *, ttl_s: float) -> None:
        raise AssertionError("the web channel keeps its state in the journal")

    async def delete(self, key: str) -> None:
        raise AssertionError("the web channel keeps its state in the journal")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def channel(redis: Redis, inbox: Inbox, tmp_path: Path) -> WebChannel:
    return make_channel(redis, inbox, tmp_path)


def make_channel(redis: Redis, inbox: Inbox, folder: Path, *, late_readers: bool = True) -> WebChannel:
    http: aiohttp.ClientSession = object()  # type: ignore[assignment]  # never used: there is no platform
    context = ChannelContext(deliver=inbox, state=NoState(), http=http, public_url=None, data_dir=folder)
    journal = RedisJournal(redis, Keys().of, ttl_s=60)
    return WebChannel("web", "default", context, journal, late_readers=late_readers)


def progress(talk: Conversation, kind: str, text: str = "", offset: int = 0, turn: str = "t1") -> Progress:
    return Progress(conversation=talk, turn=turn, kind=kind, text=text, offset=offset)  # type: ignore[arg-type]


def shown(items: list[JournalEntry | Progress]) -> list[tuple[str, str, int]]:
    return [(item.kind, item.text, item.offset) for item in items if isinstance(item, Progress)]


def said(items: list[JournalEntry | Progress]) -> list[str]:
    fields = [item.fields for item in items if isinstance(item, JournalEntry)]
    return [f"{field['type']}: {field.get('text') or field.get('content') or field.get('value')}" for field in fields]


async def send(channel: WebChannel, message: OutboundMessage) -> None:
    for part in channel.plan(message):
        await channel.send(part)


async def look(reader: Subscription) -> list[JournalEntry | Progress]:
    return await reader.next(timeout_s=0.2)


async def test_it_is_a_channel_that_streams(channel: WebChannel) -> None:
    assert isinstance(channel, Channel)
    assert isinstance(channel, Streaming)


async def test_a_message_is_journaled_and_delivered_once_however_often_it_is_sent(
    channel: WebChannel, inbox: Inbox
) -> None:
    talk = channel.conversation("someone", "talk")
    answers = [await channel.submit(talk, "Hello", message_id="m1") for _ in range(3)]
    assert answers == ["accepted", "duplicate", "duplicate"]
    (message,) = inbox.messages
    assert (message.text, message.reply_to, message.sender.user) == ("Hello", "m1", "someone")
    assert [entry.fields["text"] for entry in await channel.read(talk)] == ["Hello"]


async def test_two_visitors_may_choose_the_same_ids(channel: WebChannel, inbox: Inbox) -> None:
    for visitor in ("one", "two"):
        assert await channel.submit(channel.conversation(visitor, "talk"), visitor, message_id="m1") == "accepted"
    assert len({message.id for message in inbox.messages}) == 2
    assert [entry.fields["text"] for entry in await channel.read(channel.conversation("two", "talk"))] == ["two"]


async def test_a_message_that_was_refused_can_be_sent_again_under_the_same_id(
    channel: WebChannel, inbox: Inbox
) -> None:
    talk = channel.conversation("someone", "talk")
    inbox.answers = iter(("busy", "accepted"))
    assert await channel.submit(talk, "Hello", message_id="m1") == "busy"
    assert await channel.submit(talk, "Hello", message_id="m1") == "accepted"
    assert [entry.fields["text"] for entry in await channel.read(talk)] == ["Hello"]


async def test_a_button_of_the_page_leaves_no_message_of_the_person(channel: WebChannel, inbox: Inbox) -> None:
    talk = channel.conversation("someone", "talk")
    await channel.submit(talk, "/stop", message_id="m1", journaled=False)
    assert await channel.read(talk) == []
    assert inbox.messages[0].kind == "command"


async def test_an_answer_survives_the_journal_unchanged(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    answer = OutboundMessage(
        id="t1.0",
        conversation=talk,
        content="It is **15** days [1].\n\n\u2028```\ncode\n```",
        turn="t1",
        suggestions=("And for interns?",),
        citations=(Citation(number=1, title="Leave", source="leave.md", position="Annual leave", excerpt="15 days"),),
        in_reply_to="m1",
        outcome="answered",
        usage={"prompt_tokens": 7, "completion_tokens": 3},
    )
    await send(channel, answer)
    await send(channel, answer)
    (entry,) = await channel.read(talk)
    assert entry.message(talk) == answer
    assert "\n" not in entry.data


async def test_where_files_lie_on_this_machine_stays_here(channel: WebChannel) -> None:
    sources = ("/srv/parley/handbook/leave.md", "handbook/leave.md", "https://example.com/leave")
    cited = tuple(Citation(number=number, title="Leave", source=source) for number, source in enumerate(sources))
    (part,) = channel.plan(
        OutboundMessage(id="t1.0", conversation=channel.conversation("someone", "talk"), citations=cited)
    )
    assert [citation["source"] for citation in part.payload["citations"]] == ["leave.md", *sources[1:]]


async def test_a_reader_sees_the_turn_and_then_its_answer(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    async with channel.subscribe(talk) as reader:
        assert await look(reader) == []
        await channel.submit(talk, "Hello", message_id="m1")
        assert said(await look(reader)) == ["person: Hello"]
        await channel.show(progress(talk, "started"))
        await channel.show(progress(talk, "step", "Searching"))
        assert shown(await look(reader)) == [("started", "", 0), ("step", "Searching", 0)]
        await channel.show(progress(talk, "text", "Hi ", 0))
        await channel.show(progress(talk, "text", "there", 3))
        assert shown(await look(reader)) == [("text", "Hi there", 0)]
        await send(channel, OutboundMessage(id="t1.0", conversation=talk, content="Hi there!", turn="t1"))
        items = await look(reader)
        assert said(items) == ["bot: Hi there!"]
        assert shown(items) == [("ended", "", 0)]


async def test_an_answer_delivered_by_another_process_is_read_when_the_turn_ended(
    channel: WebChannel, redis: Redis, inbox: Inbox, tmp_path: Path
) -> None:
    talk = channel.conversation("someone", "talk")
    elsewhere = make_channel(redis, inbox, tmp_path)
    async with channel.subscribe(talk) as reader:
        await look(reader)
        await send(elsewhere, OutboundMessage(id="t1.0", conversation=talk, content="Hi", turn="t1"))
        await channel.show(progress(talk, "ended"))
        assert said(await look(reader)) == ["bot: Hi"]


async def test_an_answer_is_found_even_if_every_signal_was_lost(
    channel: WebChannel, redis: Redis, inbox: Inbox, tmp_path: Path
) -> None:
    talk = channel.conversation("someone", "talk")
    elsewhere = make_channel(redis, inbox, tmp_path)
    async with channel.subscribe(talk) as reader:
        await look(reader)
        await send(elsewhere, OutboundMessage(id="t1.0", conversation=talk, content="Hi", turn="t1"))
        assert said(await reader.next(timeout_s=0.05)) == ["bot: Hi"]


async def test_a_reader_that_comes_late_gets_the_text_so_far(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    await channel.show(progress(talk, "started"))
    await channel.show(progress(talk, "text", "Hi ", 0))
    async with channel.subscribe(talk) as reader:
        assert shown(await look(reader)) == [("started", "", 0), ("text", "Hi ", 0)]
        await channel.show(progress(talk, "text", "there", 3))
        assert shown(await look(reader)) == [("text", "there", 3)]


async def test_a_slow_reader_loses_no_text(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    async with channel.subscribe(talk) as slow, channel.subscribe(talk) as quick:
        received = ""
        for number in range(500):
            await channel.show(progress(talk, "text", f"{number:03} ", number * 4))
            received += "".join(text for _, text, _ in shown(await look(quick)))
        (started, text) = shown(await look(slow))
        assert started[0] == "started"
        assert text[1] == received == "".join(f"{number:03} " for number in range(500))


async def test_a_turn_that_starts_again_begins_its_text_anew(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    async with channel.subscribe(talk) as reader:
        await channel.show(progress(talk, "text", "Hello wor", 0))
        await look(reader)
        await channel.show(progress(talk, "started"))
        await channel.show(progress(talk, "text", "Hi", 0))
        assert shown(await look(reader)) == [("started", "", 0), ("text", "Hi", 0)]


async def test_text_whose_beginning_was_missed_says_where_it_begins(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    await channel.show(progress(talk, "text", "there", 3))
    async with channel.subscribe(talk) as reader:
        assert shown(await look(reader)) == [("started", "", 0), ("text", "there", 3)]


async def test_a_step_stands_where_it_happened(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    await channel.show(progress(talk, "text", "Let me see.", 0))
    await channel.show(progress(talk, "step", "Searching"))
    async with channel.subscribe(talk) as reader:
        assert [kind for kind, _, _ in shown(await look(reader))] == ["started", "text", "step"]


async def test_a_reader_resumes_behind_the_last_entry_it_has(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    await channel.submit(talk, "one", message_id="m1")
    async with channel.subscribe(talk) as reader:
        await look(reader)
        last = reader.last
    await channel.submit(talk, "two", message_id="m2")
    async with channel.subscribe(talk, after=last) as reader:
        assert said(await look(reader)) == ["person: two"]


async def test_readers_of_one_conversation_learn_nothing_of_another(channel: WebChannel) -> None:
    mine, theirs = channel.conversation("me", "talk"), channel.conversation("they", "talk")
    async with channel.subscribe(mine) as reader:
        await look(reader)
        await channel.submit(theirs, "secret", message_id="m1")
        await channel.show(progress(theirs, "text", "secret", 0))
        assert await reader.next(timeout_s=0.05) == []


async def test_stopping_takes_in_nothing_new_but_lets_running_turns_end(channel: WebChannel, inbox: Inbox) -> None:
    talk = channel.conversation("someone", "talk")
    async with channel.subscribe(talk) as reader:
        await look(reader)
        await channel.show(progress(talk, "text", "Hi", 0))
        await channel.stop()
        with pytest.raises(Unreachable):
            await channel.submit(talk, "Hello", message_id="m1")
        assert inbox.messages == []
        await send(channel, OutboundMessage(id="t1.0", conversation=talk, content="Hi!", turn="t1"))
        assert said(await look(reader)) == ["bot: Hi!"]
        await channel.start()
        assert await channel.submit(talk, "Hello", message_id="m1") == "accepted"


async def test_closing_sends_the_readers_away(channel: WebChannel) -> None:
    async with channel.subscribe(channel.conversation("someone", "talk")) as reader:
        await look(reader)
        waiting = asyncio.create_task(reader.next(timeout_s=30))
        await asyncio.sleep(0)
        channel.close()
        assert await asyncio.wait_for(waiting, 1) == []
        assert reader.closed


async def test_opinions_are_journaled_for_messages_that_exist(channel: WebChannel) -> None:
    talk = channel.conversation("someone", "talk")
    await send(channel, OutboundMessage(id="t1.0", conversation=talk, content="Hi", turn="t1"))
    assert await channel.rate(talk, "t1.0", "up")
    assert not await channel.rate(talk, "t9.0", "up")
    assert not await channel.rate(channel.conversation("another", "talk"), "t1.0", "up")
    assert [entry.fields["type"] for entry in await channel.read(talk)] == ["bot", "opinion"]


async def test_without_late_readers_turns_that_nobody_follows_are_not_kept(
    redis: Redis, inbox: Inbox, tmp_path: Path
) -> None:
    channel = make_channel(redis, inbox, tmp_path, late_readers=False)
    talk = channel.conversation("app", "r1")
    await channel.show(progress(talk, "text", "unread", 0))
    assert channel.broadcast.live(talk.key) is None
    async with channel.subscribe(talk):
        await channel.show(progress(talk, "text", "read", 0))
        assert channel.broadcast.live(talk.key) is not None
    assert channel.broadcast.live(talk.key) is None


async def test_the_journal_keeps_messages_in_the_order_of_their_sending(channel: WebChannel, inbox: Inbox) -> None:
    talk = channel.conversation("someone", "talk")
    await channel.submit(talk, "question", message_id="m1")
    await send(channel, OutboundMessage(id="t1.0", conversation=talk, content="answer", turn="t1"))
    assert said(list(await channel.read(talk))) == ["person: question", "bot: answer"]
    assert inbox.messages[0].sent_at <= datetime.now(UTC)
