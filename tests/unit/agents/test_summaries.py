"""The rolling summary: rolled when enough waits, by a model or without one, never beyond its length."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from agents.errors import ModelUnavailable
from agents.memory.redis import RedisMemory
from agents.models.catalog import Models, open_session
from agents.summaries import WAITING_MIN, Summariser, extract
from agents.types import RecalledMessage
from config.assistant import Assistant
from config.settings import ModelSettings
from knowledge.types import Access, Scope
from tests.simulators.llm import LLMSimulator, fail, say
from tests.unit.agents.making import CONVERSATION, assistant, said, turn

REMEMBERING = assistant(memory={"messages": 2, "summary_characters": 120})
OFFLINE = assistant(model="off", memory={"messages": 2, "summary_characters": 120})
TALK = said(*(f"Message number {number}. And more of it." for number in range(2 + WAITING_MIN)))


@pytest.fixture
def memory(redis: Redis) -> RedisMemory:
    return RedisMemory(redis, lambda conversation, name: f"{conversation}:{name}")


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator() as llm:
        yield llm


@pytest.fixture
async def summariser(llm: LLMSimulator, memory: RedisMemory) -> AsyncIterator[Summariser]:
    async with open_session() as session:
        settings = {
            "default": ModelSettings(base_url=llm.base_url, retries=0),
            "off": ModelSettings(provider="offline"),
        }
        yield Summariser(Models(settings, session), memory)


async def test_what_has_left_the_recent_messages_is_summarised(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser
) -> None:
    await memory.append(CONVERSATION, TALK, REMEMBERING.memory)
    llm.script(say("They counted messages."))

    await summariser.roll(turn(of=REMEMBERING), Scope())

    recalled = await memory.recall(CONVERSATION, REMEMBERING.memory)
    assert recalled.summary == "They counted messages."
    asked = llm.chats[0]["messages"][1]["content"]
    assert "Message number 0" in asked
    assert "Message number 7" not in asked
    assert (await memory.unsummarised(CONVERSATION, REMEMBERING.memory))[1] == ()


async def test_the_next_summary_is_made_of_the_last_one(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser
) -> None:
    for summary in ("First summary.", "Second summary."):
        await memory.append(CONVERSATION, TALK, REMEMBERING.memory)
        llm.script(say(summary))
        await summariser.roll(turn(of=REMEMBERING), Scope())

    assert "First summary." in llm.chats[1]["messages"][1]["content"]
    assert (await memory.recall(CONVERSATION, REMEMBERING.memory)).summary == "Second summary."


async def test_a_few_messages_are_not_worth_a_call(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser
) -> None:
    await memory.append(CONVERSATION, TALK[:-1], REMEMBERING.memory)

    await summariser.roll(turn(of=REMEMBERING), Scope())

    assert llm.count == 0


async def test_a_summary_is_never_longer_than_configured(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser
) -> None:
    await memory.append(CONVERSATION, TALK, REMEMBERING.memory)
    llm.script(say("long " * 100))

    await summariser.roll(turn(of=REMEMBERING), Scope())

    assert len((await memory.recall(CONVERSATION, REMEMBERING.memory)).summary) <= 120


async def test_a_failing_model_loses_nothing(llm: LLMSimulator, memory: RedisMemory, summariser: Summariser) -> None:
    await memory.append(CONVERSATION, TALK, REMEMBERING.memory)
    llm.script(fail(500))

    with pytest.raises(ModelUnavailable):
        await summariser.roll(turn(of=REMEMBERING), Scope())

    assert len((await memory.unsummarised(CONVERSATION, REMEMBERING.memory))[1]) == WAITING_MIN


async def test_without_a_model_it_keeps_first_sentences(memory: RedisMemory, summariser: Summariser) -> None:
    await memory.append(CONVERSATION, TALK, OFFLINE.memory)

    await summariser.roll(turn(of=OFFLINE), Scope())

    summary = (await memory.recall(CONVERSATION, OFFLINE.memory)).summary
    assert "Assistant: Message number 5." in summary
    assert "And more" not in summary


async def test_where_summaries_are_off_nothing_happens(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser
) -> None:
    helper = assistant(memory={"messages": 2, "summary": False})
    await memory.append(CONVERSATION, TALK, helper.memory)

    await summariser.roll(turn(of=helper), Scope())

    assert llm.count == 0


def test_of_extracts_the_oldest_give_way() -> None:
    summary = extract("Person: very old.", said("我叫小明。住在上海。", "你好，小明。"), "zh", 24)

    assert summary == "用户: 我叫小明。\n助手: 你好，小明。"


HR = Access(roles=frozenset({"hr"}))
LIMITED = (*TALK[:-1], *(RecalledMessage(role="assistant", text=text, access=(HR,)) for text in ("A quokka.", "Two.")))


@pytest.mark.parametrize("of", [REMEMBERING, OFFLINE], ids=["model", "offline"])
async def test_a_summary_carries_the_limits_of_all_that_it_covers(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser, of: Assistant
) -> None:
    entitled = Scope(roles=frozenset({"hr"}))
    llm.reply = "They spoke of a quokka."
    await memory.append(CONVERSATION, [*LIMITED, *TALK[:2]], of.memory)
    await summariser.roll(turn(of=of), entitled)
    first = await memory.recall(CONVERSATION, of.memory)
    assert first.summary_access == (HR,)
    assert "quokka" in first.summary

    await memory.append(CONVERSATION, TALK, of.memory)
    await summariser.roll(turn(of=of), entitled)
    assert (await memory.recall(CONVERSATION, of.memory)).summary_access == (HR,), "what came before is in it"


@pytest.mark.parametrize("of", [REMEMBERING, OFFLINE], ids=["model", "offline"])
async def test_what_may_not_be_told_any_more_is_dropped_instead_of_summarised(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser, of: Assistant
) -> None:
    await memory.append(CONVERSATION, [*LIMITED, *TALK[:2]], of.memory)
    version, _ = await memory.unsummarised(CONVERSATION, of.memory)
    await memory.summarise(CONVERSATION, "Quokka!", covers=0, version=version, access=(HR,))
    llm.reply = "They spoke."
    await summariser.roll(turn(of=of), Scope())
    recalled = await memory.recall(CONVERSATION, of.memory)
    assert recalled.summary_access == ()
    assert recalled.summary
    assert "quokka" not in f"{recalled.summary} {llm.chats}".casefold()
    assert (await memory.unsummarised(CONVERSATION, of.memory))[1] == ()


async def test_where_nothing_may_be_told_the_summary_is_empty(
    llm: LLMSimulator, memory: RedisMemory, summariser: Summariser
) -> None:
    limited = [RecalledMessage(role="user", text="Quokka.", access=(HR,))] * (2 + WAITING_MIN)
    await memory.append(CONVERSATION, limited, REMEMBERING.memory)
    await summariser.roll(turn(of=REMEMBERING), Scope())
    assert (await memory.recall(CONVERSATION, REMEMBERING.memory)).summary == ""
    assert (await memory.unsummarised(CONVERSATION, REMEMBERING.memory))[1] == ()
    assert llm.count == 0
