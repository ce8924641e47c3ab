"""What people see of a turn while it runs, and that it never stands beside its answer."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from channels.telegram.live import LiveTurn
from channels.telegram.tempo import Tempo
from channels.types import Progress
from tests.contracts.channel_harness import FAST, TelegramHarness, eventually, telegram_harness
from tests.scenarios.telegram.conftest import conversation, outbound, send
from tests.simulators.bot_api.text import parse_html, utf16_length
from tests.simulators.telegram import Allowance, Chat

TEXT = "The **answer** to this question is forty-two, as everybody knows by now."
PLAIN = TEXT.replace("*", "")


async def show(
    bot: TelegramHarness, kind: str, text: str = "", offset: int = 0, chat: int = 7, **fields: object
) -> None:
    made = {"conversation": conversation(chat), "turn": "turn1", "kind": kind, "text": text, "offset": offset, **fields}
    await bot.channel.show(Progress(**made))  # type: ignore[arg-type]


async def stream(
    bot: TelegramHarness, text: str = TEXT, chat: int = 7, *, pause_s: float = 0.01, **fields: object
) -> None:
    await show(bot, "started", chat=chat, **fields)
    for match in re.finditer(r"\S+\s*", text):
        await show(bot, "text", match[0], match.start(), chat, **fields)
        await asyncio.sleep(pause_s)


@pytest.fixture
def group(bot: TelegramHarness) -> Chat:
    return bot.telegram.group()


async def test_in_private_the_text_grows_as_a_draft_and_gives_way_to_the_answer(bot: TelegramHarness) -> None:
    chat = bot.person.chat
    await stream(bot)
    await chat.until(lambda: chat.draft == PLAIN)
    assert len(chat.drafts) > 2
    assert len({draft.id for draft in chat.drafts}) == 1
    assert all(PLAIN.startswith(draft.text.replace("*", "")) for draft in chat.drafts)
    assert chat.answers == []
    await send(bot, outbound(TEXT, turn="turn1"))
    assert chat.texts == [PLAIN]
    assert chat.draft is None


async def test_nothing_of_a_turn_is_shown_after_its_answer(bot: TelegramHarness) -> None:
    await stream(bot)
    await send(bot, outbound(TEXT, turn="turn1"))
    drafts = len(bot.person.chat.drafts)
    actions = len(bot.person.chat.actions)
    await show(bot, "text", " more", len(TEXT))
    await show(bot, "step", "searching")
    await asyncio.sleep(0.3)
    assert (len(bot.person.chat.drafts), len(bot.person.chat.actions)) == (drafts, actions)


async def test_the_answer_waits_for_a_draft_that_is_under_way(bot: TelegramHarness) -> None:
    bot.telegram.fail("sendMessageDraft", kind="hang", seconds=0.3)
    await stream(bot, pause_s=0)
    await eventually(lambda: bot.telegram.calls_of("sendMessageDraft"))
    await send(bot, outbound(TEXT, turn="turn1"))
    assert [call.method for call in bot.telegram.calls][-1] == "sendMessage"
    await asyncio.sleep(0.1)
    assert bot.person.chat.draft is None


async def test_a_quick_turn_shows_no_sign_of_life(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with telegram_harness(redis, tmp_path_factory.mktemp("data"), tempo=Tempo()) as bot:
        await stream(bot, pause_s=0)
        await send(bot, outbound(TEXT, turn="turn1"))
        await asyncio.sleep(0.5)
        assert [call.method for call in bot.telegram.calls] == ["sendMessage"]


async def test_typing_is_shown_until_the_turn_ends(bot: TelegramHarness) -> None:
    await show(bot, "started")
    chat = bot.person.chat
    await chat.until(lambda: len(chat.actions) >= 3)
    assert chat.typing
    await show(bot, "ended")
    await asyncio.sleep(0.05)
    count = len(chat.actions)
    await asyncio.sleep(0.3)
    assert len(chat.actions) == count


async def test_before_any_text_the_draft_names_the_step(bot: TelegramHarness) -> None:
    chat = bot.person.chat
    await show(bot, "started")
    await show(bot, "step", "searching the handbook")
    await chat.until(lambda: chat.draft == "searching the handbook")
    await show(bot, "text", "Found it.")
    await chat.until(lambda: chat.draft == "Found it.")


async def test_a_draft_is_renewed_before_it_vanishes(bot: TelegramHarness) -> None:
    chat = bot.person.chat
    await stream(bot, "Thinking long.")
    await chat.until(lambda: chat.draft == "Thinking long.")
    count = len(chat.drafts)
    await chat.until(lambda: len(chat.drafts) > count + 1)
    assert {draft.text for draft in chat.drafts[count:]} == {"Thinking long."}


async def test_in_groups_the_text_grows_in_a_message_that_becomes_the_answer(bot: TelegramHarness, group: Chat) -> None:
    bot.person.write("/ask", group)
    question = next(iter(group.messages))
    await stream(bot, chat=group.id, in_reply_to=str(question))
    await group.until(lambda: group.texts == [PLAIN])
    await send(bot, outbound(TEXT, group.id, turn="turn1", suggestions=("More?",), in_reply_to=str(question)))
    [answer] = group.answers
    assert (answer.text, answer.labels, answer.reply_to) == (PLAIN, ["More?"], question)
    assert len(answer.edits) > 1
    assert group.drafts == []


async def test_in_groups_and_without_drafts_a_message_names_the_step_until_the_answer_takes_its_place(
    bot: TelegramHarness, group: Chat
) -> None:
    bot.person.chat.drafts_refused = True
    for chat in (group, bot.person.chat):
        turn = {"chat": chat.id, "turn": f"turn{chat.id}"}
        await show(bot, "started", **turn)
        for number in range(1, 4):
            await show(bot, "step", f"📥 {number}/3 报销.pdf", **turn)
            await chat.until(lambda chat=chat, number=number: chat.texts == [f"📥 {number}/3 报销.pdf"])
        await send(bot, outbound("Done.", chat.id, turn=turn["turn"]))
        assert chat.texts == ["Done."]
        [message] = chat.answers
        assert message.edits == [f"📥 {number}/3 报销.pdf" for number in range(1, 4)]


async def test_text_takes_the_place_of_the_step(bot: TelegramHarness, group: Chat) -> None:
    await show(bot, "started", chat=group.id)
    await show(bot, "step", "searching the handbook", chat=group.id)
    await group.until(lambda: group.texts == ["searching the handbook"])
    await stream(bot, chat=group.id)
    await group.until(lambda: group.texts == [PLAIN])
    assert len(group.answers) == 1


async def test_what_is_done_soon_names_no_step_and_delays_no_text(
    redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tempo = replace(FAST, step_s=0.6)
    async with telegram_harness(redis, tmp_path_factory.mktemp("data"), tempo=tempo) as bot:
        group = bot.telegram.group()
        begun = time.monotonic()
        await show(bot, "started", chat=group.id)
        await show(bot, "step", "quick", chat=group.id)
        await asyncio.sleep(0.1)
        assert group.texts == []
        await stream(bot, chat=group.id, pause_s=0)
        await group.until(lambda: group.texts == [PLAIN])
        assert time.monotonic() - begun < 0.6
        await show(bot, "step", "slow", chat=group.id, turn="turn2")
        await group.until(lambda: group.texts == [PLAIN, "slow"])
        assert time.monotonic() - begun > 0.6


async def test_many_steps_are_shown_at_the_pace_that_a_group_allows(
    redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tempo = replace(FAST, group_edit_s=0.1, later_group_edit_s=0.2)
    async with telegram_harness(redis, tmp_path_factory.mktemp("data"), tempo=tempo) as bot:
        group = bot.telegram.group()
        for number in range(100):
            await show(bot, "step", f"{number}/99", chat=group.id)
            await asyncio.sleep(0.005)
        await group.until(lambda: group.texts == ["99/99"])
        assert len(bot.telegram.calls_of("editMessageText")) < 12


async def test_the_rest_of_a_long_answer_follows_the_edited_message(bot: TelegramHarness, group: Chat) -> None:
    text = " ".join(f"word{number}" for number in range(1500))
    await stream(bot, text, group.id, pause_s=0)
    await group.until(lambda: group.answers)
    await send(bot, outbound(text, group.id, turn="turn1"))
    assert len(group.answers) == len(bot.channel.plan(outbound(text))) > 2
    assert " ".join(group.texts).split() == text.split()


async def test_after_a_restart_the_answer_still_replaces_what_was_shown(bot: TelegramHarness, group: Chat) -> None:
    await stream(bot, chat=group.id)
    await group.until(lambda: group.answers)
    successor = bot.another()
    for part in successor.plan(outbound(TEXT, group.id, turn="turn1")):
        await successor.send(part)
    assert group.texts == [PLAIN]


async def test_after_a_restart_the_turn_goes_on_in_the_same_message(bot: TelegramHarness, group: Chat) -> None:
    await stream(bot, chat=group.id)
    await group.until(lambda: group.answers)
    await bot.channel.stop()
    bot.channel = bot.another()
    await stream(bot, TEXT + " And more of it.", group.id)
    await group.until(lambda: group.texts == [PLAIN + " And more of it."])
    assert len(group.answers) == 1
    await bot.channel.stop()


async def test_an_answer_that_is_sent_again_is_still_seen_once(bot: TelegramHarness, group: Chat) -> None:
    await stream(bot, chat=group.id)
    await group.until(lambda: group.answers)
    bot.telegram.fail("editMessageText", kind="drop_after")
    [part] = bot.channel.plan(outbound(TEXT, group.id, turn="turn1"))
    for _ in range(3):
        await asyncio.gather(bot.channel.send(part), return_exceptions=True)
    assert group.texts == [PLAIN]


async def test_where_the_shown_message_was_deleted_the_answer_is_sent(bot: TelegramHarness, group: Chat) -> None:
    await stream(bot, chat=group.id)
    await group.until(lambda: group.answers)
    group.messages.clear()
    await send(bot, outbound(TEXT, group.id, turn="turn1"))
    assert group.texts == [PLAIN]


async def test_where_drafts_are_refused_a_message_is_edited_instead(bot: TelegramHarness) -> None:
    chat = bot.person.chat
    chat.drafts_refused = True
    await stream(bot)
    await chat.until(lambda: chat.texts == [PLAIN])
    await send(bot, outbound(TEXT, turn="turn1"))
    assert chat.texts == [PLAIN]
    assert len(bot.telegram.calls_of("sendMessageDraft")) == 1


async def test_flood_control_pauses_the_stream_and_the_answer_still_comes(bot: TelegramHarness) -> None:
    bot.telegram.limit(private=Allowance(2, 1.0))
    chat = bot.person.chat
    await stream(bot, TEXT * 3)
    await eventually(lambda: bot.telegram.api.flood.refusals == 1)
    refused_at = next(call.at for call in reversed(bot.telegram.calls_of("sendMessageDraft")))
    await chat.until(lambda: len(chat.drafts) > 2)
    assert bot.telegram.calls_of("sendMessageDraft")[-1].at - refused_at >= 1.0
    bot.telegram.limit()
    await send(bot, outbound(TEXT, turn="turn1"))
    assert chat.texts == [PLAIN]


@pytest.mark.parametrize("kind", ["drop", "garbage", "error"])
async def test_failures_of_the_stream_do_not_reach_the_answer(bot: TelegramHarness, kind: str) -> None:
    bot.telegram.fail("sendMessageDraft", kind=kind, times=100)
    bot.telegram.fail("sendChatAction", kind=kind, times=100)
    await stream(bot)
    await send(bot, outbound(TEXT, turn="turn1"))
    assert bot.person.chat.texts == [PLAIN]


async def test_a_person_who_blocked_the_bot_ends_the_stream_of_that_turn_only(bot: TelegramHarness) -> None:
    bot.person.chat.blocked = True
    await stream(bot)
    await eventually(lambda: bot.telegram.calls)
    await asyncio.sleep(0.2)
    count = len(bot.telegram.calls)
    await show(bot, "text", " more", len(TEXT))
    await asyncio.sleep(0.1)
    assert len([call for call in bot.telegram.calls[count:] if call.method != "getUpdates"]) == 0
    other = bot.telegram.person(8)
    await bot.channel.show(Progress(conversation=conversation(8), turn="turn2", kind="text", text="Hello there."))
    await other.chat.until(lambda: other.chat.draft == "Hello there.")


async def test_the_stop_button_of_a_draft_is_the_command(bot: TelegramHarness) -> None:
    await stream(bot)
    await bot.person.chat.until(lambda: bot.person.chat.drafts)
    bot.person.stop_generation()
    message = await bot.inbox.receive()
    assert (message.kind, message.text, message.sender.user) == ("command", "/stop", "7")
    assert message.conversation == conversation()


@pytest.mark.parametrize("bot", [{"streaming": False}], indirect=True)
async def test_streaming_can_be_turned_off_and_typing_remains(bot: TelegramHarness) -> None:
    assert bot.channel.limits.can_stream == "none"
    await stream(bot)
    await bot.person.chat.until(lambda: bot.person.chat.actions)
    await send(bot, outbound(TEXT, turn="turn1"))
    assert (bot.person.chat.drafts, bot.person.chat.texts) == ([], [PLAIN])


async def test_a_turn_that_starts_again_begins_its_text_anew(bot: TelegramHarness) -> None:
    chat = bot.person.chat
    await stream(bot, "The first attempt of an answer.")
    await stream(bot, "The second attempt, better.")
    await chat.until(lambda: chat.draft == "The second attempt, better.")


async def test_of_a_long_text_the_draft_shows_the_end(bot: TelegramHarness) -> None:
    chat = bot.person.chat
    text = "\n\n".join(f"Paragraph {number} " + "with words " * 30 for number in range(40))
    await show(bot, "text", text)
    await chat.until(lambda: chat.draft)
    assert chat.draft is not None
    assert chat.draft.startswith("…")
    assert chat.draft.split() == ["…", *text.split()[-len(chat.draft.split()) + 1 :]]


def test_the_id_of_a_draft_is_the_same_in_every_process_and_never_0() -> None:
    ids = [LiveTurn(f"turn{number}", conversation(), None).draft_id for number in range(1000)]
    assert len(set(ids)) == 1000
    assert all(0 < draft_id < 2**31 for draft_id in ids)
    assert LiveTurn("turn0", conversation(), None).draft_id == ids[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "**bold",
                "** ",
                "```py\n",
                "x = 1 < 2\n",
                "```\n",
                "- item\n",
                "[link](http",
                "s://e.com) ",
                "你好。",
                "😀",
                "> q\n\n",
            ]
        ),
        max_size=40,
    ),
    st.integers(1, 200),
)
def test_whatever_was_written_so_far_can_be_shown(pieces: list[str], repeat: int) -> None:
    turn = LiveTurn("turn1", conversation(), None)
    turn.text = "".join(pieces) * repeat
    for html in (turn.draft(), turn.message()):
        text, _ = parse_html(html)
        assert utf16_length(text) <= 4096


async def test_a_piece_that_does_not_fit_on_is_left_out(bot: TelegramHarness) -> None:
    await show(bot, "text", "The beginning.")
    await show(bot, "text", "a hole before it", 100)
    await bot.person.chat.until(lambda: bot.person.chat.draft)
    assert bot.person.chat.draft == "The beginning."


async def test_many_turns_do_not_wait_for_each_other(bot: TelegramHarness) -> None:
    people = [bot.telegram.person(user) for user in range(100, 130)]
    bot.telegram.fail("sendMessageDraft", kind="hang", seconds=1, chat=100)
    for person in people:
        where = conversation(person.id)
        await bot.channel.show(Progress(conversation=where, turn=f"t{person.id}", kind="text", text="Hello you."))
    for person in people[1:]:
        await person.chat.until(lambda person=person: person.chat.draft == "Hello you.", 0.8)
    assert FAST.grace_s < 1
