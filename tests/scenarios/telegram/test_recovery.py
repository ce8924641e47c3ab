"""A part whose sender died: it is found where it arrived, and left to be sent where it did not."""

from __future__ import annotations

import pytest

from channels.types import OutboundMessage, Receipt
from tests.contracts.channel_harness import TelegramHarness
from tests.scenarios.telegram.conftest import outbound, send


async def find(bot: TelegramHarness, message: OutboundMessage, *, behind: str, near: str = "") -> Receipt | None:
    return await bot.channel.find(bot.channel.plan(message)[0], behind=behind, near=near)


async def question(bot: TelegramHarness) -> str:
    bot.person.write("hello?")
    await bot.inbox.receive()
    return str(next(reversed(bot.person.chat.messages)))


async def test_an_answer_that_arrived_is_found_and_not_changed(bot: TelegramHarness) -> None:
    asked = await question(bot)
    answer = outbound("**Yes**, of course.", suggestions=("And now?",))
    [sent] = await send(bot, answer)
    found = await find(bot, answer, behind=asked)
    assert found == Receipt(platform_id=sent.platform_id, code="found")
    assert bot.person.chat.texts == ["Yes, of course."]
    assert bot.person.chat.answers[0].edits == []


async def test_an_answer_that_never_arrived_is_not_found_and_nothing_is_touched(bot: TelegramHarness) -> None:
    await send(bot, outbound("An earlier answer.", id="turn0:0"))
    asked = await question(bot)
    bot.person.write("I am still waiting")
    assert await find(bot, outbound("The answer."), behind=asked) is None
    assert bot.person.chat.texts == ["An earlier answer."]


async def test_it_is_found_among_what_other_people_were_sent_at_the_same_time(bot: TelegramHarness) -> None:
    asked = await question(bot)
    for number in range(30):
        other = bot.telegram.person(1000 + number)
        other.write("me too")
        await bot.inbox.receive()
        await send(bot, outbound("Hi.", chat=other.id, id=f"other{number}:0"))
    answer = outbound("For you.")
    [sent] = await send(bot, answer)
    near = str(int(sent.platform_id) - 5)
    found = await find(bot, answer, behind=asked, near=near)
    assert found is not None
    assert found.platform_id == sent.platform_id


async def test_groups_are_not_searched(bot: TelegramHarness) -> None:
    group = bot.telegram.group(-1001)
    answer = outbound("To all.", chat=group.id)
    await send(bot, answer)
    edits = len(bot.telegram.calls_of("editMessageText"))
    assert await find(bot, answer, behind="1") is None
    assert len(bot.telegram.calls_of("editMessageText")) == edits


async def test_a_person_who_blocked_the_bot_costs_one_question(bot: TelegramHarness) -> None:
    asked = await question(bot)
    bot.person.chat.blocked = True
    before = len(bot.telegram.calls_of("editMessageText"))
    assert await find(bot, outbound("Hello."), behind=asked) is None
    assert len(bot.telegram.calls_of("editMessageText")) == before + 1


async def test_a_server_that_edits_whatever_it_is_told_proves_nothing(
    bot: TelegramHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await question(bot)
    methods = {**bot.telegram.api._methods, "editmessagetext": lambda params: True}
    monkeypatch.setattr(bot.telegram.api, "_methods", methods)
    assert await find(bot, outbound("The answer."), behind=asked) is None
