"""What every channel promises, run over each implementation in `channel_harness.HARNESSES`."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from channels.base import Channel, Files, Streaming
from channels.errors import Refused, TooLarge
from channels.limits import measure
from channels.types import Attachment, Citation, Conversation, OutboundMessage, Progress
from tests.contracts.channel_harness import HARNESSES, Harness

pytestmark = pytest.mark.timeout(60)

LONG = "\n\n".join(
    f"Paragraph {number}: " + " ".join(f"word{number}x{index}" for index in range(80)) + "。你好世界！"
    for number in range(25)
)
HOSTILE = [
    "**never closed",
    "<b>html</b> <script>alert(1)</script> & &lt;",
    "```python\nnever closed < & >",
    "| a | b |\n|---|---|\n| `|` | **x |",
    "[link](javascript:alert(1)) ![](x) [](https://example.com)",
    "> " * 50 + "deep",
    "👩‍👩‍👧‍👦" * 3,
    "_*_*~~`",
]


@pytest.fixture(params=HARNESSES)
async def harness(request: pytest.FixtureRequest, redis: Redis, tmp_path: Path) -> AsyncIterator[Harness]:
    async with HARNESSES[request.param](redis, tmp_path) as made:
        await made.channel.start()
        yield made


async def conversation_of(harness: Harness) -> Conversation:
    await harness.say("hello")
    return (await harness.inbox.receive()).conversation


async def deliver(harness: Harness, message: OutboundMessage) -> None:
    for part in harness.channel.plan(message):
        await harness.channel.send(part)


def answer(conversation: Conversation, content: str, **fields: object) -> OutboundMessage:
    made = {"id": "turn1:0", "conversation": conversation, "content": content, **fields}
    return OutboundMessage(**made)  # type: ignore[arg-type]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


async def test_it_is_a_channel_and_names_its_limits(harness: Harness) -> None:
    channel = harness.channel
    assert isinstance(channel, Channel)
    assert re.fullmatch(r"[a-z]+", channel.name)
    assert channel.limits.text_max > 0
    assert (channel.limits.can_stream == "none") or isinstance(channel, Streaming)


async def test_a_message_arrives_with_who_where_and_when(harness: Harness) -> None:
    await harness.say("你好，world 👋")
    message = await harness.inbox.receive()
    assert message.text == "你好，world 👋"
    assert message.kind == "message"
    assert message.private
    assert message.mentions_bot
    assert (message.conversation.channel, message.conversation.account) == (harness.channel.name, "default")
    assert (message.sender.channel, message.sender.account) == (harness.channel.name, "default")
    assert message.sender.user
    assert message.id
    assert message.sent_at.tzinfo == UTC
    assert abs(datetime.now(UTC) - message.sent_at) < timedelta(minutes=1)
    assert Conversation.from_key(message.conversation.key) == message.conversation


async def test_messages_of_a_conversation_arrive_in_order_and_once(harness: Harness) -> None:
    for number in range(30):
        await harness.say(f"message {number}")
    await harness.inbox.receive(30)
    await harness.inbox.nothing_more(30)
    assert [message.text for message in harness.inbox.messages] == [f"message {number}" for number in range(30)]
    assert len({message.id for message in harness.inbox.messages}) == 30
    assert len({message.conversation.key for message in harness.inbox.messages}) == 1


async def test_what_could_not_be_made_durable_comes_again_in_order(harness: Harness) -> None:
    harness.inbox.failures = 3
    await harness.say("first")
    await harness.say("second")
    await harness.inbox.receive(2)
    assert [message.text for message in harness.inbox.messages] == ["first", "second"]


async def test_a_command_is_told_from_a_message(harness: Harness) -> None:
    await harness.say("/help me")
    await harness.say("what is /help")
    assert (await harness.inbox.receive(1)).text == "/help me"
    assert harness.inbox.messages[0].kind == "command"
    assert (await harness.inbox.receive(2)).kind == "message"


async def test_an_answer_is_seen_without_its_markup(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    await deliver(harness, answer(conversation, "This is **bold** and `code`."))
    assert harness.seen() == ["This is bold and code."]


async def test_planning_is_repeatable_and_in_json(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    message = answer(conversation, LONG, suggestions=("More?", "x" * 300), turn="turn1")
    parts = harness.channel.plan(message)
    assert parts == harness.channel.plan(message)
    assert [part.ordinal for part in parts] == list(range(len(parts)))
    assert {part.message for part in parts} == {message.id}
    for part in parts:
        assert json.loads(json.dumps(part.payload)) == part.payload


async def test_a_long_answer_is_seen_whole_in_order_and_within_the_limit(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    await deliver(harness, answer(conversation, LONG))
    seen = harness.seen()
    assert words(" ".join(seen)) == words(LONG)
    limits = harness.channel.limits
    assert all(measure(text, limits.text_unit) <= limits.text_max for text in seen)


async def test_parts_have_ids_at_the_platform(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    parts = harness.channel.plan(answer(conversation, LONG))
    receipts = [await harness.channel.send(part) for part in parts]
    assert len({receipt.platform_id for receipt in receipts if receipt.platform_id}) == len(parts)


@pytest.mark.parametrize("content", HOSTILE)
async def test_whatever_a_model_writes_is_seen(harness: Harness, content: str) -> None:
    conversation = await conversation_of(harness)
    await deliver(harness, answer(conversation, f"begin\n\n{content}\n\nend"))
    seen = "\n".join(harness.seen())
    assert seen.startswith("begin")
    assert "end" in seen


async def test_nothing_to_say_is_no_error(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    await deliver(harness, answer(conversation, "  \n"))
    assert [text for text in harness.seen() if text.strip()] == []


async def test_sources_are_named(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    citation = Citation(number=1, title="Travel policy", source="https://example.com/travel", position="Trains")
    await deliver(harness, answer(conversation, "By train [1].", citations=(citation,)))
    assert "Travel policy" in "\n".join(harness.seen())


async def test_a_pressed_suggestion_arrives_as_the_persons_message(harness: Harness) -> None:
    if harness.channel.limits.buttons_max == 0:
        return
    conversation = await conversation_of(harness)
    long = "这个问题很长，" * 20 + "对吗？"
    await deliver(harness, answer(conversation, "An answer.", suggestions=("And trains?", long)))
    await harness.press("And trains?")
    pressed = await harness.inbox.receive(2)
    assert (pressed.text, pressed.kind) == ("And trains?", "button")
    assert pressed.conversation == conversation


async def test_the_answer_takes_the_place_of_what_was_shown_while_it_was_written(harness: Harness) -> None:
    channel = harness.channel
    if not isinstance(channel, Streaming):
        return
    conversation = await conversation_of(harness)
    text = "The answer to this question is forty-two."
    await channel.show(Progress(conversation=conversation, turn="turn1", kind="started"))
    offset = 0
    for piece in re.findall(r"\S+ ?", text):
        await channel.show(Progress(conversation=conversation, turn="turn1", kind="text", text=piece, offset=offset))
        offset += len(piece)
        await asyncio.sleep(0.02)
    await deliver(harness, answer(conversation, text, turn="turn1"))
    await channel.show(Progress(conversation=conversation, turn="turn1", kind="text", text=" Late.", offset=offset))
    await channel.show(Progress(conversation=conversation, turn="turn1", kind="ended"))
    await asyncio.sleep(0.15)
    assert harness.seen() == [text]
    assert harness.in_progress() is None


async def test_showing_returns_at_once(harness: Harness) -> None:
    channel = harness.channel
    if not isinstance(channel, Streaming):
        return
    conversation = await conversation_of(harness)
    started = time.monotonic()
    for number in range(200):
        text = f"word{number} "
        await channel.show(Progress(conversation=conversation, turn="t", kind="text", text=text, offset=number * 8))
    assert time.monotonic() - started < 2, "a sign of life must not wait for the platform"


async def test_after_stopping_nothing_arrives_and_starting_again_loses_nothing(harness: Harness) -> None:
    await harness.say("before")
    await harness.inbox.receive(1)
    await harness.channel.stop()
    await harness.say("meanwhile")
    await harness.inbox.nothing_more(1)
    await harness.channel.start()
    assert (await harness.inbox.receive(2)).text == "meanwhile"


async def test_what_is_left_to_send_can_still_be_sent_after_stopping(harness: Harness) -> None:
    conversation = await conversation_of(harness)
    await harness.channel.stop()
    await deliver(harness, answer(conversation, "The last answer."))
    assert harness.seen() == ["The last answer."]


async def attached(harness: Harness, content: bytes) -> Attachment:
    """Let the person send a file, and return what the message says about it."""
    await harness.attach(content)
    (attachment,) = (await harness.inbox.receive()).attachments
    return attachment


async def test_a_file_is_fetched_whole_also_where_the_channel_was_never_started(harness: Harness) -> None:
    content = bytes(range(256)) * 5000
    attachment = await attached(harness, content)
    assert (attachment.name, attachment.kind, attachment.size_bytes) == ("报销.pdf", "file", len(content))
    for channel in (harness.channel, harness.elsewhere()):
        assert isinstance(channel, Files)
        assert await channel.download(attachment, size_max_bytes=len(content)) == content


async def test_a_file_that_is_too_large_is_not_given_out_whatever_was_said_of_it(harness: Harness) -> None:
    attachment = await attached(harness, b"x" * 2000)
    assert isinstance(harness.channel, Files)
    for size in (2000, None, 1):
        with pytest.raises(TooLarge) as raised:
            await harness.channel.download(replace(attachment, size_bytes=size), size_max_bytes=1999)
        assert raised.value.limit_bytes == 1999
        assert not raised.value.retryable


async def test_a_file_that_is_gone_is_refused(harness: Harness) -> None:
    attachment = await attached(harness, b"x")
    assert isinstance(harness.channel, Files)
    with pytest.raises(Refused) as raised:
        await harness.channel.download(replace(attachment, id=f"{attachment.id}0"), size_max_bytes=10)
    assert not isinstance(raised.value, TooLarge)
