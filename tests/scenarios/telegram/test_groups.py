"""Whom the bot listens to in groups, topics, and behind anonymous senders."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.channel_harness import TelegramHarness
from tests.scenarios.telegram.conftest import outbound, send
from tests.simulators.telegram import Chat, Person

EVERYTHING = pytest.mark.parametrize("bot", [{"groups": "all"}], indirect=True)


@pytest.fixture
def group(bot: TelegramHarness) -> Chat:
    bot.telegram.privacy = False  # what Telegram keeps back is not what is tested here
    return bot.telegram.group()


@pytest.fixture
def bob(bot: TelegramHarness) -> Person:
    return bot.telegram.person(8, name="Bob")


async def test_a_mention_is_answered_and_not_part_of_the_text(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    name = bot.telegram.username
    for text in (f"@{name} what now", f"what @{name.upper()} now", f"😀 what now @{name}", f"@{name}\nwhat now"):
        bob.write(text, group)
    await bot.inbox.receive(4)
    assert [message.text for message in bot.inbox.messages] == ["what now", "what now", "😀 what now", "what now"]
    first = bot.inbox.messages[0]
    assert (first.mentions_bot, first.private, first.sender.user) == (True, False, "8")
    assert first.conversation.chat == str(group.id)
    assert first.reply_to is not None


async def test_a_mention_by_name_without_username_counts(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    entity = {"type": "text_mention", "offset": 4, "length": 6, "user": bot.telegram.world.bot()}
    bob.write("hey Parley help", group, entities=[entity])
    assert (await bot.inbox.receive()).text == "hey help"


async def test_talk_among_people_is_left_alone(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    bob.write("nothing to do with a bot", group)
    bob.write("@somebody_else hi", group)
    bob.write(f"mail@{bot.telegram.username}", group)
    bob.write(f"@{bot.telegram.username}_2 hi", group)
    bob.write(f"@{bot.telegram.username} hi", group)
    assert (await bot.inbox.receive()).text == "hi"
    await bot.inbox.nothing_more(1)


async def test_a_reply_to_the_bot_is_for_the_bot_and_a_reply_to_a_person_is_not(
    bot: TelegramHarness, group: Chat, bob: Person
) -> None:
    await send(bot, outbound("An answer.", group.id))
    bob.write("a remark", group)
    remark = list(group.messages.values())[-1]
    bot.person.write("to Bob", group, reply_to=remark)
    bot.person.write("to the bot", group, reply_to=group.answers[0])
    message = await bot.inbox.receive()
    assert (message.text, message.quoted, message.mentions_bot) == ("to the bot", "An answer.", True)
    await bot.inbox.nothing_more(1)


async def test_commands_for_this_bot_and_for_others(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    name = bot.telegram.username
    for text in (
        "/help",
        f"/new@{name} now",
        "/help@other_bot",
        f"@{name} /status",
        "see /help",
        f"/Use@{name.upper()} a",
    ):
        bob.write(text, group)
    await bot.inbox.receive(4)
    await bot.inbox.nothing_more(4)
    assert [(message.kind, message.text) for message in bot.inbox.messages] == [
        ("command", "/help"),
        ("command", "/new now"),
        ("command", "/status"),
        ("command", "/Use a"),
    ]


@EVERYTHING
async def test_all_messages_of_a_group_are_delivered_where_that_is_configured(
    bot: TelegramHarness, group: Chat, bob: Person
) -> None:
    bob.write("just talking", group)
    bob.write(f"@{bot.telegram.username} you there?", group)
    bob.write("/help@other_bot", group)
    await bot.inbox.receive(2)
    await bot.inbox.nothing_more(2)
    assert [message.mentions_bot for message in bot.inbox.messages] == [False, True]


@pytest.mark.parametrize("bot", [{"groups": "off"}], indirect=True)
async def test_groups_can_be_turned_off(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    bob.write(f"@{bot.telegram.username} hi", group)
    bot.telegram.add_to_group(bob, group)
    bob.write("private")
    assert (await bot.inbox.receive()).text == "private"
    await bot.inbox.nothing_more(1)


async def test_a_topic_is_a_conversation_of_its_own(bot: TelegramHarness, bob: Person) -> None:
    forum = bot.telegram.group(-1002, topics=[11, 12])
    created = {"message_id": 11, "date": 1, "chat": forum.as_json(), "from": bot.telegram.world.bot()}
    created["forum_topic_created"] = {"name": "A topic", "icon_color": 1}
    for thread in (11, 12, None):
        bob.write(f"@{bot.telegram.username} hi", forum, thread=thread, reply_to_message=created)
    bob.write("in a topic the bot made, but not to it", forum, thread=11, reply_to_message=created)
    await bot.inbox.receive(3)
    await bot.inbox.nothing_more(3)
    assert [message.conversation.thread for message in bot.inbox.messages] == ["11", "12", None]
    assert {message.quoted for message in bot.inbox.messages} == {""}


async def test_a_chain_of_replies_in_a_plain_group_is_no_topic(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    bob.write("/help", group, message_thread_id=5)
    assert (await bot.inbox.receive()).conversation.thread is None


@pytest.mark.parametrize("bot", [{"group_memory": "member"}], indirect=True)
async def test_members_can_be_kept_apart(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    bob.write("/help", group)
    bot.person.write("/help", group)
    bob.write("/help")
    await bot.inbox.receive(3)
    assert [message.conversation.member for message in bot.inbox.messages] == ["8", "7", None]
    assert len({message.conversation.key for message in bot.inbox.messages}) == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sender_chat": {"id": -1001, "type": "supergroup", "title": "A group"}}, "chat:-1001"),
        ({"sender_chat": {"id": -1009, "type": "channel", "title": "News"}}, "chat:-1009"),
    ],
)
async def test_who_hides_behind_a_chat_is_never_taken_for_a_person(
    bot: TelegramHarness, group: Chat, bob: Person, fields: dict[str, Any], expected: str
) -> None:
    bob.write("/help", group, **fields)
    message = await bot.inbox.receive()
    assert message.sender.user == expected
    assert message.sender.language is None


async def test_posts_copied_from_a_channel_are_left_alone(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    channel = {"id": -1009, "type": "channel", "title": "News"}
    bob.write(f"@{bot.telegram.username} news", group, sender_chat=channel, is_automatic_forward=True)
    bob.write("/help", group)
    assert (await bot.inbox.receive()).text == "/help"


async def test_being_added_to_a_group_is_a_first_contact(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    bot.telegram.add_to_group(bob, group)
    message = await bot.inbox.receive()
    assert (message.kind, message.text, message.private) == ("event", "contact", False)
    assert (message.sender.user, message.conversation.chat) == ("8", str(group.id))


async def test_a_button_in_a_group_is_pressed_by_whoever_presses_it(
    bot: TelegramHarness, group: Chat, bob: Person
) -> None:
    await send(bot, outbound("An answer.", group.id, suggestions=("More?",)))
    bob.press("More?", group)
    message = await bot.inbox.receive()
    assert (message.text, message.sender.user, message.private) == ("More?", "8", False)
    assert message.conversation.chat == str(group.id)


async def test_a_mention_alone_is_delivered(bot: TelegramHarness, group: Chat, bob: Person) -> None:
    bob.write(f"@{bot.telegram.username}", group)
    assert (await bot.inbox.receive()).text == ""


async def test_a_photo_with_a_mention_in_its_caption_is_for_the_bot(
    bot: TelegramHarness, group: Chat, bob: Person
) -> None:
    size = {"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}
    bob.write(f"@{bot.telegram.username} what is this", group, photo=[size])
    bob.write("just a photo", group, photo=[size])
    message = await bot.inbox.receive()
    assert (message.text, len(message.attachments)) == ("what is this", 1)
    await bot.inbox.nothing_more(1)
