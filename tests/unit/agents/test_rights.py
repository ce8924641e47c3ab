"""What an answer is made from limits who may be told of it later: through memory, summary, notes and tools."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from agents.errors import KnowledgeFailed
from agents.limits import repeats, union
from agents.memory.redis import RedisMemory
from agents.types import Answer, Delta, Final, Limited, Principal, RecalledMessage, TurnEvent
from config.assistant import Assistant
from knowledge.types import Access, Annotation, Findings
from tests.simulators.llm import LLMSimulator, call, say, silent
from tests.unit.agents.making import CONVERSATION, Library, assistant, passage, said, turn
from tests.unit.agents.test_turn import KNOWING, Build, answered, build, events_of, llm, memory, system_of

__all__ = ["build", "llm", "memory"]

HR, BOARD, PLACE = (
    Access(roles=frozenset({"hr"})),
    Access(roles=frozenset({"board"})),
    Access(conversations=frozenset({CONVERSATION})),
)
OPEN = passage("Leave is twelve days.", chunk="c1")
LIMITED = passage("The bonus is a quokka.", chunk="c2", access=(HR, PLACE))
ANN = {"principal": Principal(person="ann", roles=frozenset({"hr", "board"}))}
ONLY_HR = Principal(person="ann", roles=frozenset({"hr"}))
FIXED = Annotation(number=3, base="handbook", question="Who?", answer="A numbat.", author="x", hits=0, access=(BOARD,))


def limits(events: list[TurnEvent]) -> list[tuple[Access, ...]]:
    return [event.access for event in events if isinstance(event, Limited)]


def final(events: list[TurnEvent]) -> Answer:
    assert isinstance(events[-1], Final)
    return events[-1].answer


async def told(memory: RedisMemory, *messages: RecalledMessage) -> None:
    await memory.append(CONVERSATION, messages, KNOWING.memory)


async def test_an_answer_carries_the_limits_of_its_passages_and_tells_them_before_its_text(
    build: Build, llm: LLMSimulator
) -> None:
    llm.script(say("A quokka [2]."))
    events = await events_of(build(Library(OPEN, LIMITED)), turn(of=KNOWING), **ANN)
    assert final(events).access == (HR, PLACE)
    assert limits(events) == [(HR, PLACE)]
    assert isinstance(events[0], Limited)


async def test_what_has_no_limits_says_nothing_of_any(build: Build, llm: LLMSimulator) -> None:
    events = await events_of(build(Library(OPEN)), turn(of=KNOWING), **ANN)
    assert (final(events).access, limits(events)) == ((), [])


async def test_a_passage_that_the_answer_does_not_cite_limits_it_too(build: Build, llm: LLMSimulator) -> None:
    llm.script(say("Twelve [1]."))
    assert final(await events_of(build(Library(OPEN, LIMITED)), turn(of=KNOWING), **ANN)).access == (HR, PLACE)


async def test_both_sides_are_remembered_with_the_limits_of_the_answer(build: Build, redis: Redis) -> None:
    engine, of = build(), turn("And?", of=KNOWING)
    for write in engine.memory_writes(of, Answer(text="A quokka.", question="And?", access=(HR,))):
        await redis.execute_command(*write)
    recalled = await RedisMemory(redis, lambda c, name: f"{c}:{name}").recall(CONVERSATION, KNOWING.memory)
    assert [message.access for message in recalled.messages] == [(HR,), (HR,)]


async def test_what_is_recalled_limits_the_answer(build: Build, llm: LLMSimulator, memory: RedisMemory) -> None:
    await told(
        memory, RecalledMessage(role="user", text="a?"), RecalledMessage(role="assistant", text="b", access=(HR,))
    )
    assert final(await events_of(build(Library(OPEN)), turn(of=KNOWING), **ANN)).access == (HR,)


async def test_what_may_not_be_told_any_more_is_left_out(build: Build, llm: LLMSimulator, memory: RedisMemory) -> None:
    await told(
        memory,
        RecalledMessage(role="user", text="open question"),
        RecalledMessage(role="assistant", text="open answer"),
        RecalledMessage(role="user", text="a quokka?", access=(HR,)),
        RecalledMessage(role="assistant", text="yes, a quokka", access=(HR, BOARD)),
    )
    assert final(await events_of(build(), turn("And?", of=KNOWING))).access == ()
    assert [one["content"] for one in llm.chats[-1]["messages"][1:]] == ["open question", "open answer", "And?"]
    assert final(await events_of(build(), turn("And?", of=KNOWING), principal=ONLY_HR)).access == (HR,)
    assert len(llm.chats[-1]["messages"]) == 5
    # Others read along now: her own roles count no longer.
    assert final(await events_of(build(), turn("And?", of=KNOWING, group=True), **ANN)).access == ()
    assert "quokka" not in str(llm.chats[-1])


async def test_a_summary_is_left_out_with_what_it_covers(build: Build, llm: LLMSimulator, memory: RedisMemory) -> None:
    await told(memory, *said(*(f"m{number}" for number in range(30))))
    version, waiting = await memory.unsummarised(CONVERSATION, KNOWING.memory)
    await memory.summarise(CONVERSATION, "A quokka.", covers=len(waiting), version=version, access=(HR,))

    assert final(await events_of(build(), turn("And?", of=KNOWING), **ANN)).access == (HR,)
    assert "A quokka." in system_of(llm)
    assert final(await events_of(build(), turn("And?", of=KNOWING))).access == ()
    assert "quokka" not in str(llm.chats[-1])


async def test_a_quote_of_what_may_not_be_told_any_more_is_left_out(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    await told(memory, RecalledMessage(role="assistant", text="**Yes**, a *quokka*. Indeed!", access=(HR,)))
    await events_of(build(), turn("What?", of=KNOWING, quoted="Yes, a quokka."))
    assert "quokka" not in str(llm.chats)
    await events_of(build(), turn("What?", of=KNOWING, quoted="Yes, a quokka."), **ANN)
    assert "<message_replied_to>\nYes, a quokka." in system_of(llm)


@pytest.mark.parametrize(("quoted", "same"), [("", False), ("?!", False), ("a QUOKKA", True), ("a wombat", False)])
def test_what_a_quote_repeats(quoted: str, same: bool) -> None:
    assert repeats(quoted, said("Nothing", "It is **a quokka**.", "…")) is same


async def test_what_a_tool_found_limits_the_answer_and_what_is_streamed_after_it(
    build: Build, llm: LLMSimulator
) -> None:
    library = Library(OPEN)
    helper = assistant(knowledge={"bases": ["handbook"]}, tools=("search_knowledge",))

    def reply(body: dict[str, Any]) -> Any:
        library.findings = Findings(passages=(LIMITED,), coverage="answered")
        asked = body["messages"][-1]["role"] == "user"
        return call("search_knowledge", {"query": "bonus"}) if asked else say("A quokka [2].")

    llm.reply = reply
    events = await events_of(build(library), turn(of=helper), **ANN)
    answer = final(events)
    assert answer.access == (HR, PLACE)
    assert [one.passage for one in answer.citations] == [LIMITED]
    told_at = next(place for place, event in enumerate(events) if isinstance(event, Limited))
    assert all(place > told_at for place, event in enumerate(events) if isinstance(event, Delta))


NOTING = assistant(tools=("take_note", "list_notes"), knowledge={"bases": ["handbook"]})


async def test_a_note_is_for_those_who_may_see_what_it_was_made_from(build: Build, llm: LLMSimulator) -> None:
    llm.script(call("take_note", {"text": "a quokka!\nreally"}), say("Noted."))
    await events_of(build(Library(LIMITED)), turn("Note the bonus", of=NOTING), **ANN)
    llm.script(call("take_note", {"text": "buy milk"}), say("Noted."))
    await events_of(build(), turn("Note: milk", of=NOTING, id="turn-2"))

    llm.script(call("list_notes"), say("Those."))
    answer = final(await events_of(build(), turn("Which notes?", of=NOTING, id="turn-3")))
    assert llm.chats[-1]["messages"][-1]["content"] == "- buy milk"
    assert answer.access == ()

    llm.script(call("list_notes"), say("Those."))
    answer = final(await events_of(build(), turn("Which notes?", of=NOTING, id="turn-4"), **ANN))
    assert llm.chats[-1]["messages"][-1]["content"] == "- a quokka!\nreally\n- buy milk"
    assert answer.access == (HR, PLACE)


async def crashed(build: Build, llm: LLMSimulator) -> Assistant:
    """Break a turn off after its tool has found what is limited, before it has said anything."""
    helper = assistant(tools=("search_knowledge", "take_note"), knowledge={"bases": ["handbook"]})
    library = Library(OPEN)

    def reply(body: dict[str, Any]) -> Any:
        library.findings = Findings(passages=(LIMITED,), coverage="answered")
        asked = body["messages"][-1]["role"] == "user"
        return call("search_knowledge", {"query": "bonus"}) if asked else silent()

    llm.reply = reply
    task = asyncio.create_task(events_of(build(library), turn(of=helper), **ANN))
    while llm.count < 2:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return helper


async def test_limits_survive_a_crash_in_the_middle_of_a_turn(build: Build, llm: LLMSimulator) -> None:
    helper = await crashed(build, llm)
    llm.script(say("A quokka [2]."))
    answer = final(await events_of(build(Library(OPEN)), turn(of=helper), attempt=2, **ANN))
    assert answer.access == (HR, PLACE)
    assert [one.passage for one in answer.citations] == [LIMITED]


async def test_a_turn_does_not_go_on_with_what_may_not_be_seen_any_more(build: Build, llm: LLMSimulator) -> None:
    helper = await crashed(build, llm)
    count = llm.count
    with pytest.raises(KnowledgeFailed):
        await events_of(build(Library(OPEN)), turn(of=helper), attempt=2)
    assert llm.count == count


async def test_a_turn_does_not_go_on_with_a_past_that_may_not_be_told_any_more(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    await told(memory, RecalledMessage(role="user", text="a quokka?", access=(BOARD,)))
    helper = await crashed(build, llm)
    with pytest.raises(KnowledgeFailed):
        await events_of(build(Library(OPEN)), turn(of=helper), attempt=2, principal=ONLY_HR)


async def test_a_stopped_turn_is_remembered_with_the_limits_that_it_told(build: Build, redis: Redis) -> None:
    engine, of = build(), turn(of=KNOWING)
    answer = await engine.broken_off(of, "A quok", (HR,))
    assert answer.access == (HR,)
    assert all('"hr"' in str(item) for item in engine.memory_writes(of, answer)[0][2:])


async def test_a_fixed_answer_is_given_without_asking_a_model_or_searching(build: Build, llm: LLMSimulator) -> None:
    library = Library(OPEN)
    library.fixed["How many days?"] = FIXED
    events = await events_of(build(library), turn(of=KNOWING), **ANN)
    answer = final(events)
    assert [event for event in events if isinstance(event, Delta)] == [Delta(text="A numbat.")]
    assert (answer.text, answer.coverage, answer.annotation, answer.access) == (
        "A numbat.",
        "answered",
        FIXED,
        (BOARD,),
    )
    assert (answer.citations, answer.uncited, answer.usage.prompt_tokens) == ((), (), 0)
    assert (llm.count, library.queries, library.given) == (0, [], [3])


async def test_a_fixed_answer_counts_once_in_a_turn_that_is_run_again(build: Build) -> None:
    library = Library(OPEN)
    library.fixed["How many days?"] = FIXED
    for attempt in (1, 2, 3):
        await events_of(build(library), turn(of=KNOWING), attempt=attempt)
    assert library.given == [3]


@pytest.mark.parametrize(("action", "text"), [("redact", "A ***."), ("block", "Sorry, I cannot reply to that.")])
async def test_a_fixed_answer_is_moderated_like_any_other(
    build: Build, llm: LLMSimulator, action: str, text: str
) -> None:
    library = Library(OPEN)
    library.fixed["How many days?"] = FIXED
    lists = [{"name": "w", "words": ["numbat"], "action": action}]
    helper = assistant(knowledge={"bases": ["handbook"]}, moderation={"output": lists})
    shown, answer = await answered(build(library), turn(of=helper))
    assert answer.text == text
    assert "numbat" not in shown
    assert llm.count == 0


async def test_a_blocked_question_has_no_fixed_answer(build: Build) -> None:
    library = Library(OPEN)
    library.fixed["How many days?"] = FIXED
    lists = [{"name": "w", "words": ["days"], "action": "block"}]
    helper = assistant(knowledge={"bases": ["handbook"]}, moderation={"input": lists})
    assert (await answered(build(library), turn(of=helper)))[1].outcome == "blocked"
    assert library.given == []


def test_limits_are_joined_once_each_and_those_that_limit_nothing_are_left_out() -> None:
    assert union((HR, Access(), BOARD), (), (BOARD, HR, PLACE)) == (HR, BOARD, PLACE)
