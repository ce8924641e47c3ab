"""From outbound messages to what people see, and what happens when Telegram says no."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from channels.errors import ChannelError, RateLimited, Refused, Unauthorized, Unreachable
from channels.types import Action, Attachment, Citation, Part
from tests.contracts.channel_harness import TelegramHarness
from tests.scenarios.telegram.conftest import outbound, send
from tests.simulators.telegram import Allowance, Fault

CITATIONS = (
    Citation(number=1, title="Travel <policy>", source="https://example.com/t?a=1&b=2", position="Trains > Seats"),
    Citation(number=2, title="", source="handbook/出差.md"),
    Citation(number=3, title="A note", source="javascript:alert(1)"),
)


async def test_sources_stand_below_the_answer_numbered_and_linked_where_they_are_on_the_web(
    bot: TelegramHarness,
) -> None:
    await send(bot, outbound("By train [1].", citations=CITATIONS))
    [seen] = bot.person.chat.answers
    assert seen.text == (
        "By train [1].\n\nSources\n[1] Travel <policy> · Trains > Seats\n[2] handbook/出差.md\n[3] A note"
    )
    links = [entity["url"] for entity in seen.entities if entity["type"] == "text_link"]
    assert links == ["https://example.com/t?a=1&b=2"]


async def test_the_heading_of_the_sources_is_in_the_answers_language(bot: TelegramHarness) -> None:
    await send(bot, outbound("坐火车 [1]。", citations=CITATIONS[:1], language="zh"))
    assert "\n\n来源\n[1] " in bot.person.chat.texts[0]


async def test_buttons_stand_under_the_last_part_only(bot: TelegramHarness) -> None:
    actions = (Action(label="Yes", text="/approve 1"), Action(label="No", text="/deny 1"))
    await send(bot, outbound("word " * 2000, suggestions=("One?", "Two?"), actions=actions))
    first, *_, last = bot.person.chat.answers
    assert first.buttons == []
    assert [[button["text"] for button in row] for row in last.buttons] == [["Yes", "No"], ["One?"], ["Two?"]]
    bot.person.press("No")
    assert (await bot.inbox.receive()).text == "/deny 1"


async def test_no_more_buttons_than_the_limit(bot: TelegramHarness) -> None:
    await send(bot, outbound("Hi.", suggestions=tuple(f"Question {number}" for number in range(20))))
    assert len(bot.person.chat.answers[0].labels) == bot.channel.limits.buttons_max


async def test_a_long_suggestion_is_sent_whole_when_its_button_is_pressed_also_in_another_process(
    bot: TelegramHarness,
) -> None:
    question = (
        "请详细说明一下公司的差旅报销流程，包括需要哪些材料、多久可以到账，以及超标准的部分如何处理，" * 2 + "可以吗？"
    )
    await send(bot, outbound("Hi.", suggestions=(question,)))
    label = bot.person.chat.answers[0].labels[0]
    assert len(label) <= 64
    await bot.channel.stop()
    successor = bot.another()
    await successor.start()
    bot.person.press(label)
    message = await bot.inbox.receive()
    assert (message.text, message.kind) == (question, "button")
    await successor.stop()


async def test_a_press_is_acknowledged_after_it_is_durable(bot: TelegramHarness) -> None:
    await send(bot, outbound("Hi.", suggestions=("More?",)))
    bot.inbox.failures = 2
    bot.person.press("More?")
    await bot.inbox.receive()
    await bot.person.chat.until(lambda: bot.telegram.world.answered)
    assert list(bot.telegram.world.answered.values()) == [""]


async def test_a_press_whose_text_has_expired_is_answered_politely_in_both_languages(bot: TelegramHarness) -> None:
    await send(bot, outbound("Hi.", suggestions=("x" * 100,)))
    await bot.context.state.delete("button:" + bot.person.chat.answers[0].buttons[0][0]["callback_data"][2:])
    update = bot.person.press("x" * 63 + "…")
    await bot.person.chat.until(lambda: bot.telegram.world.answered)
    await bot.telegram.confirmed(update)
    assert "已过期" in str(bot.telegram.world.answered)
    assert "expired" in str(bot.telegram.world.answered)
    assert bot.inbox.messages == []


async def test_suggestions_that_come_later_are_put_under_the_answer(bot: TelegramHarness) -> None:
    await send(bot, outbound("word " * 2000, id="a:0"))
    receipts = await send(bot, outbound(id="a:1", kind="suggestions", amends="a:0", suggestions=("More?",)))
    last = bot.person.chat.answers[-1]
    assert last.labels == ["More?"]
    assert receipts[0].platform_id == str(last.id)
    assert len(bot.person.chat.answers) == 3
    await send(bot, outbound(id="a:1", kind="suggestions", amends="a:0", suggestions=("More?",)))
    assert len(bot.person.chat.answers) == 3


async def test_suggestions_whose_answer_is_gone_come_quietly_on_their_own(bot: TelegramHarness) -> None:
    await send(bot, outbound("An answer.", id="a:0"))
    bot.person.chat.messages.clear()
    for amended in ("a:0", "unknown:0"):
        await send(
            bot, outbound(id="a:1", kind="suggestions", amends=amended, suggestions=("还有呢？",), language="zh")
        )
    assert bot.person.chat.texts == ["您还可以问："] * 2
    assert all(message.silent and message.labels == ["还有呢？"] for message in bot.person.chat.answers)


async def test_no_suggestions_are_no_message(bot: TelegramHarness) -> None:
    assert bot.channel.plan(outbound(id="a:1", kind="suggestions", amends="a:0")) == ()


async def test_a_text_that_telegram_cannot_parse_after_all_is_sent_plain(bot: TelegramHarness) -> None:
    error = "Bad Request: can't parse entities: Unsupported start tag"
    bot.telegram.fail("sendMessage", status=400, description=error)
    with structlog.testing.capture_logs() as logs:
        await send(bot, outbound("**bold** & `<code>`"))
    [seen] = bot.person.chat.answers
    assert (seen.text, seen.entities) == ("bold & <code>", [])
    assert [entry["event"] for entry in logs] == ["telegram.html_refused"]


@pytest.mark.parametrize(
    ("fault", "expected", "code"),
    [
        (Fault("sendMessage", status=403, description="Forbidden: bot was blocked by the user"), Refused, "403"),
        (Fault("sendMessage", status=400, description="Bad Request: chat not found"), Refused, "400"),
        (Fault("sendMessage", status=401, description="Unauthorized"), Unauthorized, "401"),
        (Fault("sendMessage", status=500), Unreachable, "5xx"),
        (Fault("sendMessage", "garbage"), Unreachable, "decode"),
        (Fault("sendMessage", "drop"), Unreachable, "network"),
        (Fault("sendMessage", status=418, description="Teapot"), Unreachable, "5xx"),
        (
            Fault("sendMessage", status=429, description="Too Many Requests", parameters={"retry_after": 17}),
            RateLimited,
            "429",
        ),
    ],
    ids=lambda value: getattr(value, "description", ""),
)
async def test_every_failure_is_a_channel_error_that_says_whether_to_try_again(
    bot: TelegramHarness, fault: Fault, expected: type[ChannelError], code: str
) -> None:
    bot.telegram.faults.add(Fault(**{name: getattr(fault, name) for name in Fault.__slots__}))
    with pytest.raises(expected) as caught:
        await send(bot, outbound("Hi."))
    assert type(caught.value) is expected
    assert (caught.value.channel, caught.value.code) == ("telegram", code)
    assert caught.value.retryable == (expected in (RateLimited, Unreachable))
    assert bot.telegram.token not in f"{caught.value} {caught.value!r}"
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_s == 17


async def test_a_blocked_bot_is_refused_for_good(bot: TelegramHarness) -> None:
    bot.person.chat.blocked = True
    with pytest.raises(Refused):
        await send(bot, outbound("Hi."))


async def test_flood_control_is_reported_with_its_wait(bot: TelegramHarness) -> None:
    bot.telegram.limit(private=Allowance(2, 30.0))
    await send(bot, outbound("one"))
    await send(bot, outbound("two"))
    with pytest.raises(RateLimited) as caught:
        await send(bot, outbound("three"))
    assert 28 <= caught.value.retry_after_s <= 30


async def test_a_field_that_aiogram_does_not_know_does_not_make_a_sent_message_look_unsent(
    bot: TelegramHarness,
) -> None:
    bot.person.chat.title = ["a", "new", "form"]  # type: ignore[assignment]
    [receipt] = await send(bot, outbound("Hi."))
    assert receipt.platform_id == str(bot.person.chat.answers[0].id)


async def test_a_group_that_became_a_supergroup_is_followed(bot: TelegramHarness) -> None:
    old = bot.telegram.group(-5, kind="group")
    new = bot.telegram.migrate(old, -1005)
    await send(bot, outbound("one", -5, in_reply_to="3"))
    await send(bot, outbound("two", -5, suggestions=("More?",)))
    assert new.texts == ["one", "two"]
    assert len(bot.telegram.calls_of("sendMessage")) == 3


async def test_in_groups_an_answer_quotes_its_question_and_in_private_it_does_not(bot: TelegramHarness) -> None:
    group = bot.telegram.group()
    bot.person.write(f"@{bot.telegram.username} a question", group)
    question = next(iter(group.messages.values()))
    await send(bot, outbound("word " * 2000, group.id, in_reply_to=str(question.id)))
    await send(bot, outbound("late", group.id, in_reply_to="999999"))
    await send(bot, outbound("private", in_reply_to=str(question.id)))
    assert [message.reply_to for message in group.answers] == [question.id, None, None, None]
    assert bot.person.chat.answers[0].reply_to is None


async def test_an_answer_goes_to_its_topic(bot: TelegramHarness) -> None:
    forum = bot.telegram.group(-1002, topics=[11, 12])
    await send(bot, outbound("in a topic", forum.id, thread=12))
    await send(bot, outbound("in general", forum.id))
    assert [message.thread for message in forum.answers] == [12, None]


async def test_what_only_one_member_may_read_is_sent_to_them_privately(bot: TelegramHarness) -> None:
    group = bot.telegram.group()
    await send(bot, outbound("for your eyes", group.id, audience="7", in_reply_to="1"))
    assert (group.texts, bot.person.chat.texts) == ([], ["for your eyes"])
    with pytest.raises(Refused):
        await send(bot, outbound("for your eyes", group.id, audience="chat:-1001"))


async def test_links_are_not_previewed(bot: TelegramHarness) -> None:
    await send(bot, outbound("https://example.com"))
    [call] = bot.telegram.calls_of("sendMessage")
    assert call.params.data("link_preview_options")["is_disabled"] is True


async def test_files_go_out_by_id_by_address_and_from_the_data_folder(bot: TelegramHarness, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "chart.png").write_bytes(b"PNG")
    known = bot.telegram.file(b"known")
    attachments = (
        Attachment(id="out/chart.png", kind="image", name="chart.png"),
        Attachment(id=known, kind="file"),
        Attachment(id="https://example.com/a.mp3", kind="audio"),
    )
    await send(bot, outbound("See:", attachments=attachments, suggestions=("More?",)))
    text, image, document, audio = bot.person.chat.answers
    assert text.text == "See:"
    assert image.file is not None
    assert bot.telegram.world.files[image.file["photo"][0]["file_id"]] == b"PNG"
    assert document.file is not None
    assert document.file["document"]["file_id"] == known
    assert audio.labels == ["More?"]


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret.txt", "out/missing.png"])
async def test_a_file_outside_the_data_folder_is_refused(bot: TelegramHarness, tmp_path: Path, path: str) -> None:
    (tmp_path.parent / "secret.txt").write_text("secret")
    with pytest.raises(Refused):
        await send(bot, outbound(attachments=(Attachment(id=path, kind="file"),)))


async def test_nothing_telegram_would_drop_silently_is_sent(bot: TelegramHarness) -> None:
    await send(bot, outbound("# A `b` **c**\n> quote `x`\n>> deeper\n\n[**b** `c`](https://e.com)\n\n```\ncode\n```"))
    assert bot.telegram.api.nesting_errors == []


async def test_a_part_is_json_and_can_be_sent_by_another_process(bot: TelegramHarness) -> None:
    [part] = bot.channel.plan(outbound("Hi **there**.", suggestions=("x" * 100,)))
    again = Part(conversation=part.conversation, message=part.message, ordinal=0, payload=dict(part.payload))
    await bot.another().send(again)
    assert bot.person.chat.texts == ["Hi there."]
