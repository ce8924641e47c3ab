"""From updates to inbound messages: durably, in order, and with everything a person may send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from channels.errors import Refused, Unauthorized, Unreachable
from channels.telegram.channel import create
from channels.types import Attachment, CommandEntry
from tests.contracts.channel_harness import TelegramHarness, eventually, settings_for, telegram_harness
from tests.simulators.telegram import Fault


async def test_an_update_is_confirmed_only_after_it_is_durable(bot: TelegramHarness) -> None:
    bot.inbox.hold = asyncio.Event()
    update = bot.person.write("hi")
    await eventually(lambda: bot.inbox.calls)
    await asyncio.sleep(0.05)
    assert not bot.telegram.updates.is_confirmed(update)
    bot.inbox.hold.set()
    await bot.telegram.confirmed(update)


async def test_while_the_store_is_down_nothing_is_confirmed_and_afterwards_nothing_is_missing(
    bot: TelegramHarness,
) -> None:
    bot.inbox.failures = 10_000
    updates = [bot.telegram.person(user).write(f"from {user}") for user in (7, 8, 9)]
    await eventually(lambda: len(bot.inbox.calls) >= 9)
    assert not any(bot.telegram.updates.is_confirmed(update) for update in updates)
    bot.inbox.failures = 0
    await bot.inbox.receive(3)
    for update in updates:
        await bot.telegram.confirmed(update)


async def test_one_chat_whose_message_cannot_be_stored_does_not_hold_up_the_others_of_the_batch(
    bot: TelegramHarness,
) -> None:
    bot.inbox.failures = 1
    for user in (7, 8):
        bot.telegram.person(user).write(f"one from {user}")
        bot.telegram.person(user).write(f"two from {user}")
    await bot.inbox.receive(4)
    for user in ("7", "8"):
        texts = [message.text for message in bot.inbox.messages if message.sender.user == user]
        assert texts == [f"one from {user}", f"two from {user}"]


async def test_an_update_that_cannot_be_read_is_skipped_and_noted_by_its_id(bot: TelegramHarness) -> None:
    with structlog.testing.capture_logs() as logs:
        bad = {"update_id": 555_555, "message": {"message_id": "no number", "text": "secret words"}}
        bot.telegram.updates.put_raw(bad)
        good = bot.person.write("after it")
        assert (await bot.inbox.receive()).text == "after it"
        await bot.telegram.confirmed(good)
    noted = [entry for entry in logs if entry["event"] == "telegram.update_unreadable"]
    assert [entry["update"] for entry in noted] == [555_555]
    assert "secret words" not in str(logs)


async def test_an_update_that_comes_again_has_the_same_id(bot: TelegramHarness) -> None:
    update = bot.person.write("once")
    await bot.inbox.receive()
    bot.telegram.updates.again(update)
    await eventually(lambda: len(bot.inbox.calls) == 2)
    assert bot.inbox.calls == [str(update)] * 2


async def test_what_another_process_left_unconfirmed_comes_again_after_a_restart(bot: TelegramHarness) -> None:
    bot.inbox.hold = asyncio.Event()
    update = bot.person.write("in flight")
    await eventually(lambda: bot.inbox.calls)
    await bot.channel.stop()
    bot.inbox.hold = None
    successor = bot.another()
    await successor.start()
    assert (await bot.inbox.receive()).id == str(update)
    await successor.stop()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("getUpdates", "drop", times=2),
        Fault("getUpdates", "error", status=502, description="Bad Gateway"),
        Fault("getUpdates", "garbage"),
        Fault("getUpdates", "error", status=409, description="Conflict: terminated by other getUpdates request"),
        Fault("getUpdates", "error", status=401, description="Unauthorized"),
        Fault(
            "getUpdates",
            "error",
            status=429,
            description="Too Many Requests: retry after 1",
            parameters={"retry_after": 1},
        ),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
async def test_polling_goes_on_after(bot: TelegramHarness, fault: Fault) -> None:
    fault = Fault(**{name: getattr(fault, name) for name in Fault.__slots__})
    bot.telegram.faults.add(fault)
    bot.person.write("one")
    bot.person.write("two")
    await bot.inbox.receive(2)
    bot.person.write("three")
    assert (await bot.inbox.receive(3)).text == "three"
    assert bot.telegram.faults.left == 0


async def test_two_pollers_end_in_a_conflict_that_the_log_names_and_nothing_is_lost(bot: TelegramHarness) -> None:
    other = bot.another()
    with structlog.testing.capture_logs() as logs:
        await other.start()
        await eventually(lambda: any(entry.get("code") == "409" for entry in logs))
        await other.stop()
    bot.person.write("still here")
    assert (await bot.inbox.receive()).text == "still here"


async def test_a_token_that_telegram_does_not_know_is_said_so_at_the_start(bot: TelegramHarness) -> None:
    channel = bot.another(token="42:wrong")
    with pytest.raises(Unauthorized) as caught:
        await channel.start()
    assert "@BotFather" in str(caught.value)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("token", ["nonsense", "abc:def", "12:with space", None])
async def test_a_token_of_the_wrong_form_is_said_so_at_the_start(bot: TelegramHarness, token: str | None) -> None:
    channel = create("default", settings_for(bot.telegram, token=token), bot.context)
    with pytest.raises(Unauthorized, match="BotFather"):
        await channel.start()


async def test_a_telegram_that_cannot_be_reached_is_said_so_without_the_token(bot: TelegramHarness) -> None:
    channel = bot.another(api_base="http://127.0.0.1:9")
    with pytest.raises(Unreachable) as caught:
        await channel.start()
    assert "simulated" not in f"{caught.value!r} {caught.value}"


async def test_pending_updates_of_a_former_webhook_are_kept(redis: Redis, tmp_path: Path) -> None:
    async with telegram_harness(redis, tmp_path) as bot:
        bot.telegram.updates.set_webhook("http://127.0.0.1:9/", "", None, bot.http)
        bot.person.write("while it was down")
        await bot.channel.start()
        assert (await bot.inbox.receive()).text == "while it was down"


async def test_start_is_a_first_contact(bot: TelegramHarness) -> None:
    bot.person.start()
    bot.person.write("/start payload")
    for number in (1, 2):
        message = await bot.inbox.receive(number)
        assert (message.kind, message.text) == ("event", "contact")


async def test_language_name_and_time_come_along(bot: TelegramHarness) -> None:
    bot.telegram.person(9, name="小明", language="zh-hans").write("你好")
    message = await bot.inbox.receive()
    assert (message.sender.user, message.sender.name, message.sender.language) == ("9", "小明", "zh-hans")


def photo(size: int, file_id: str) -> dict[str, Any]:
    return {"file_id": file_id, "file_unique_id": file_id, "width": size, "height": size, "file_size": size}


MEDIA: list[tuple[dict[str, Any], Attachment]] = [
    (
        {"photo": [photo(90, "small"), photo(1280, "large"), photo(320, "medium")]},
        Attachment(id="large", kind="image", name="photo.jpg", media_type="image/jpeg", size_bytes=1280),
    ),
    (
        {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3, "mime_type": "audio/ogg", "file_size": 5}},
        Attachment(id="v", kind="audio", name="voice.ogg", media_type="audio/ogg", size_bytes=5),
    ),
    (
        {"document": {"file_id": "d", "file_unique_id": "d", "file_name": "报告.pdf", "mime_type": "application/pdf"}},
        Attachment(id="d", kind="file", name="报告.pdf", media_type="application/pdf"),
    ),
    (
        {"document": {"file_id": "i", "file_unique_id": "i", "file_name": "a.png", "mime_type": "image/png"}},
        Attachment(id="i", kind="image", name="a.png", media_type="image/png"),
    ),
    (
        {"video": {"file_id": "m", "file_unique_id": "m", "duration": 3, "width": 9, "height": 9}},
        Attachment(id="m", kind="video", name="video.mp4", media_type="video/mp4"),
    ),
    (
        {"audio": {"file_id": "a", "file_unique_id": "a", "duration": 3, "file_name": "song.flac"}},
        Attachment(id="a", kind="audio", name="song.flac", media_type="audio/mpeg"),
    ),
]


@pytest.mark.parametrize(
    ("fields", "expected"), MEDIA, ids=lambda value: next(iter(value), "") if type(value) is dict else ""
)
async def test_media_arrive_as_attachments_with_their_caption(
    bot: TelegramHarness, fields: dict[str, Any], expected: Attachment
) -> None:
    bot.person.write("look at this", **fields)
    bot.person.write("", **fields)
    message = await bot.inbox.receive(1)
    assert (message.text, message.attachments) == ("look at this", (expected,))
    assert (await bot.inbox.receive(2)).attachments == (expected,)


@pytest.mark.parametrize(
    ("fields", "zh", "en"),
    [
        ({"location": {"latitude": 31.2, "longitude": 121.5}}, "[位置 31.2, 121.5]", "[location 31.2, 121.5]"),
        (
            {"contact": {"phone_number": "+86 1", "first_name": "王", "last_name": "芳"}},
            "[联系人 王 芳, +86 1]",
            "[contact 王 芳, +86 1]",
        ),
        (
            {
                "sticker": {
                    "file_id": "s",
                    "file_unique_id": "s",
                    "type": "regular",
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                    "emoji": "😀",
                }
            },
            "[贴纸 😀]",
            "[sticker 😀]",
        ),
        ({"dice": {"emoji": "🎲", "value": 5}}, "[骰子 🎲 5]", "[dice 🎲 5]"),
    ],
    ids=["location", "contact", "sticker", "dice"],
)
async def test_what_has_no_text_is_described(bot: TelegramHarness, fields: dict[str, Any], zh: str, en: str) -> None:
    bot.telegram.person(8, language="zh-hans").write("", **fields)
    bot.telegram.person(9, language="de").write("", **fields)
    assert [(await bot.inbox.receive(1)).text, (await bot.inbox.receive(2)).text] == [zh, en]


async def test_service_messages_edits_and_other_bots_are_left_alone(bot: TelegramHarness) -> None:
    bot.person.write("", pinned_message={"message_id": 1, "date": 0, "chat": bot.person.chat.as_json()})
    bot.person.write("beep", **{"from": {"id": 99, "is_bot": True, "first_name": "Robot"}})
    bot.telegram.updates.put("edited_message", {"message_id": 1, "date": 1, "chat": bot.person.chat.as_json()})
    bot.person.write("a person")
    await bot.inbox.receive()
    await bot.inbox.nothing_more(1)
    assert bot.inbox.messages[0].text == "a person"


async def test_the_message_that_is_replied_to_is_quoted(bot: TelegramHarness) -> None:
    bot.person.write("the first")
    first = next(iter(bot.person.chat.messages.values()))
    bot.person.write("and this?", reply_to=first)
    bot.person.write("this part?", reply_to=first, quote={"text": "first", "position": 4})
    assert (await bot.inbox.receive(1)).quoted == ""
    assert (await bot.inbox.receive(2)).quoted == "the first"
    assert (await bot.inbox.receive(3)).quoted == "first"


async def test_half_a_surrogate_pair_does_not_stop_anything(bot: TelegramHarness) -> None:
    bot.telegram.updates.put_raw(
        {
            "update_id": 700_000,
            "message": {
                "message_id": 1,
                "date": 1_700_000_000,
                "chat": {"id": 7, "type": "private", "first_name": "A"},
                "from": {"id": 7, "is_bot": False, "first_name": "A\ud83d"},
                "text": "half \ud83d pair",
            },
        }
    )
    message = await bot.inbox.receive()
    assert message.text == "half \ufffd pair"
    assert message.sender.name.encode()


async def test_files_are_fetched_up_to_the_size_that_is_asked_for(bot: TelegramHarness) -> None:
    file_id = bot.telegram.file(b"x" * 100_000)
    attachment = Attachment(id=file_id, kind="file")
    assert await bot.channel.download(attachment, size_max_bytes=100_000) == b"x" * 100_000
    with pytest.raises(Refused):
        await bot.channel.download(attachment, size_max_bytes=99_999)
    with pytest.raises(Refused):
        await bot.channel.download(Attachment(id=file_id, kind="file", size_bytes=200), size_max_bytes=100)
    with pytest.raises(Refused):
        await bot.channel.download(Attachment(id="gone", kind="file"), size_max_bytes=100)


async def test_the_menu_is_published_in_both_languages_and_for_everybody_else(bot: TelegramHarness) -> None:
    await bot.channel.publish_commands(
        [
            CommandEntry(name="help", description="帮助", language="zh"),
            CommandEntry(name="help", description="Help", language="en"),
            CommandEntry(name="new", description="New", language="en"),
        ]
    )
    commands = bot.telegram.world.commands
    assert commands["zh"] == [{"command": "help", "description": "帮助"}]
    assert (
        commands["en"]
        == commands[""]
        == [
            {"command": "help", "description": "Help"},
            {"command": "new", "description": "New"},
        ]
    )


@pytest.fixture
async def webhook_bot(redis: Redis, tmp_path: Path) -> AsyncIterator[TelegramHarness]:
    async with telegram_harness(redis, tmp_path, mode="webhook", public_url="http://127.0.0.1:9/base") as made:
        yield made


async def test_webhook_mode_needs_a_public_address(redis: Redis, tmp_path: Path) -> None:
    async with telegram_harness(redis, tmp_path, mode="webhook") as bot:
        with pytest.raises(Refused, match="public_url"):
            await bot.channel.start()


async def test_the_webhook_is_set_with_a_secret_of_its_own(webhook_bot: TelegramHarness) -> None:
    await webhook_bot.channel.start()
    updates = webhook_bot.telegram.updates
    assert updates.url == "http://127.0.0.1:9/base/webhooks/telegram/default"
    assert len(updates.secret) == 64
    assert webhook_bot.telegram.token not in updates.secret
