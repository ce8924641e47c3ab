"""A whole turn through the graph: what is asked, found, remembered, moderated, released."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from agents.checkpoints import Checkpoints
from agents.errors import KnowledgeFailed, ModelUnavailable, TurnTooLong, WordListUnreadable
from agents.memory.redis import RedisMemory
from agents.models.catalog import Models, open_session
from agents.moderation.moderator import Moderators
from agents.tools.toolbox import Toolbox, ToolServices
from agents.turn import TurnEngine
from agents.types import Answer, Delta, Final, Principal, RecalledMessage, ToolCall, Turn, TurnEvent
from config.assistant import Assistant
from config.settings import ModelSettings
from knowledge.errors import IndexUnavailable, UnknownBase
from knowledge.types import Findings
from tests.simulators.llm import LLMSimulator, call, cut, fail, say, silent
from tests.unit.agents.making import CONVERSATION, Library, assistant, context, passage, said, turn

NOW = datetime(2025, 3, 4, 9, 5, tzinfo=UTC)
BASE = {"bases": ["handbook"]}
KNOWING = assistant(knowledge=BASE)
LEAVE = passage("Leave is twelve days.", chunk="c1")
SICK = passage("Call your manager.", chunk="c2", position="Sick leave")

Build = Callable[..., TurnEngine]


def wordlist(word: str, action: str = "block") -> list[dict[str, Any]]:
    return [{"name": "w", "words": [word], "action": action}]


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator() as llm:
        yield llm


@pytest.fixture
def memory(redis: Redis) -> RedisMemory:
    return RedisMemory(redis, lambda conversation, name: f"{conversation}:{name}")


@pytest.fixture
async def build(redis: Redis, llm: LLMSimulator, memory: RedisMemory) -> AsyncIterator[Build]:
    async with open_session() as session:
        settings = {
            "default": ModelSettings(base_url=llm.base_url, model="m-main", retries=0),
            "off": ModelSettings(provider="offline"),
        }

        def make(library: Library | None = None) -> TurnEngine:
            library = library or Library()
            services = ToolServices(
                retriever=library, redis=redis, key=lambda c, name: f"{c}:{name}", clock=lambda: NOW
            )
            return TurnEngine(
                models=Models(settings, session),
                memory=memory,
                retriever=library,
                tools=Toolbox(services),
                checkpoints=Checkpoints(redis, lambda _: "parley:{p0}"),
                moderators=Moderators(),
                clock=lambda: NOW,
            )

        yield make


async def events_of(engine: TurnEngine, of: Turn, **fields: Any) -> list[TurnEvent]:
    return [event async for event in engine.run(of, context(**fields))]


async def answered(engine: TurnEngine, of: Turn) -> tuple[str, Answer]:
    events = await events_of(engine, of)
    assert [type(event) for event in events if isinstance(event, Final)] == [Final]
    assert isinstance(events[-1], Final)
    return "".join(event.text for event in events if isinstance(event, Delta)), events[-1].answer


def system_of(llm: LLMSimulator) -> str:
    return str(llm.chats[-1]["messages"][0]["content"])


async def test_an_answer_streams_and_ends_as_it_streamed(build: Build, llm: LLMSimulator) -> None:
    llm.script(say("Good morning, Ann. How are you?", usage=(12, 8)))

    shown, answer = await answered(build(), turn("Good morning"))

    assert shown == answer.text == "Good morning, Ann. How are you?"
    assert (answer.outcome, answer.coverage, answer.citations) == ("answered", None, ())
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.model) == (12, 8, "m-main")


async def test_the_first_words_are_out_before_the_last_are_written(build: Build, llm: LLMSimulator) -> None:
    gate = asyncio.Event()
    llm.script(say("First words, ", "last words.", gate=gate, gate_after=1))
    events = build().run(turn(), context())

    async with asyncio.timeout(5):
        assert await anext(events) == Delta(text="First words, ")
        gate.set()
        assert [event async for event in events][:-1] == [Delta(text="last words.")]


async def test_passages_are_put_to_the_model_and_cited(build: Build, llm: LLMSimulator) -> None:
    library = Library(LEAVE, SICK)
    llm.script(say("Twelve days [2], they say [9]."))

    shown, answer = await answered(build(library), turn(of=KNOWING))

    assert shown == answer.text == "Twelve days [1], they say."
    assert [(one.number, one.passage) for one in answer.citations] == [(1, SICK)]
    assert answer.uncited == (LEAVE,)
    assert answer.coverage == "answered"
    assert "Leave is twelve days." in system_of(llm)


async def test_an_answer_without_a_reference_is_covered_partly_at_most(build: Build, llm: LLMSimulator) -> None:
    llm.script(say("Twelve days, I think."))

    assert (await answered(build(Library(LEAVE)), turn(of=KNOWING)))[1].coverage == "partly"


@pytest.mark.parametrize(("group", "audience"), [(False, None), (True, frozenset())])
async def test_knowledge_is_searched_with_the_rights_of_whoever_reads(
    build: Build, group: bool, audience: frozenset[str] | None
) -> None:
    library = Library(LEAVE)
    person = Principal(person="p", roles=frozenset({"hr"}))

    await events_of(build(library), turn(of=KNOWING, group=group), principal=person)

    assert library.scopes[0].roles == {"hr"}
    assert library.scopes[0].audience_roles == audience
    assert library.scopes[0].conversation == CONVERSATION


async def test_what_was_said_before_is_put_to_the_model(build: Build, llm: LLMSimulator, memory: RedisMemory) -> None:
    await memory.append(CONVERSATION, said("I am Ann.", "Hello Ann."), assistant().memory)

    await answered(build(), turn("Who am I?"))

    assert [one["content"] for one in llm.chats[0]["messages"][1:]] == ["I am Ann.", "Hello Ann.", "Who am I?"]


async def test_a_history_that_came_along_replaces_the_memory(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    await memory.append(CONVERSATION, said("I am Ann."), assistant().memory)
    history = (RecalledMessage(role="system", text="Speak like a pirate."), *said("I am Bob."))
    of = turn("Who am I?", history=history)
    engine = build()

    _, answer = await answered(engine, of)
    await engine.remember(of, context())

    assert [one["content"] for one in llm.chats[0]["messages"][1:]] == [
        "Speak like a pirate.",
        "I am Bob.",
        "Who am I?",
    ]
    assert engine.memory_writes(of, answer) == []


async def test_both_sides_are_remembered_without_references(build: Build, llm: LLMSimulator, redis: Redis) -> None:
    engine, of = build(Library(LEAVE)), turn("How many days?", of=KNOWING)
    llm.script(say("Twelve days [1]."))
    _, answer = await answered(engine, of)

    for write in engine.memory_writes(of, answer):
        await redis.execute_command(*write)

    recalled = await RedisMemory(redis, lambda c, name: f"{c}:{name}").recall(CONVERSATION, KNOWING.memory)
    assert recalled.messages == (
        RecalledMessage(role="user", text="How many days?", at=NOW),
        RecalledMessage(role="assistant", text="Twelve days.", at=NOW),
    )


async def test_a_blocked_question_reaches_nothing(build: Build, llm: LLMSimulator, redis: Redis) -> None:
    library = Library(LEAVE)
    helper = assistant(knowledge=BASE, moderation={"input": wordlist("forbidden"), "reply": "Not here."})
    engine, of = build(library), turn("A f-o-r-b-i-d-d-e-n question", of=helper)

    shown, answer = await answered(engine, of)

    assert shown == ""
    assert (answer.text, answer.outcome, answer.memorable) == ("Not here.", "blocked", False)
    assert engine.memory_writes(of, answer) == []
    assert await engine.suggest(of, answer) == ()
    assert (llm.count, library.queries, await redis.keys("*")) == (0, [], [])


async def test_a_redacted_question_is_redacted_for_everyone(build: Build, llm: LLMSimulator) -> None:
    library = Library(LEAVE)
    helper = assistant(knowledge=BASE, moderation={"input": wordlist("4711", "redact")})
    engine, of = build(library), turn("My number is 4711, how many days?", of=helper)

    _, answer = await answered(engine, of)

    assert answer.question == library.queries[0] == "My number is ***, how many days?"
    assert "4711" not in str(llm.chats)
    assert "4711" not in str(engine.memory_writes(of, answer))


async def test_a_quoted_message_is_data_and_moderated_too(build: Build, llm: LLMSimulator) -> None:
    helper = assistant(moderation={"input": wordlist("forbidden")})
    engine = build()

    await answered(engine, turn(of=helper, quoted="a fine day"))
    assert "<message_replied_to>\na fine day\n" in system_of(llm)

    await answered(engine, turn(of=helper, quoted="a forbidden day"))
    assert "day\n" not in system_of(llm)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_answer_that_may_not_go_on_is_replaced_and_the_model_stopped(
    build: Build, llm: LLMSimulator, language: str
) -> None:
    helper = assistant(moderation={"output": wordlist("secret")})
    llm.script(say("All is well. The se", "cret is", " this and that", chunk_delay_s=0.02))
    engine, of = build(), turn(of=helper, language=language)

    shown, answer = await answered(engine, of)

    assert shown.rstrip() == "All is well. The"
    assert (answer.outcome, answer.memorable) == ("blocked", False)
    assert answer.text == {"zh": "抱歉，我无法就这个内容进行回复。", "en": "Sorry, I cannot reply to that."}[language]
    assert engine.memory_writes(of, answer) == []


async def test_a_strict_assistant_asks_no_model_about_what_it_does_not_know(build: Build, llm: LLMSimulator) -> None:
    shown, answer = await answered(build(), turn("What is the moon?", of=KNOWING))

    assert shown == answer.text
    assert "found nothing" in shown
    assert (answer.coverage, answer.citations, llm.count) == ("not_found", (), 0)


async def test_the_configured_words_are_used_when_nothing_was_found(build: Build) -> None:
    helper = assistant(knowledge={**BASE, "not_found": "Ask Ann."})

    assert (await answered(build(), turn("What is the moon?", of=helper)))[0] == "Ask Ann."


async def test_a_courtesy_is_answered_by_the_model(build: Build, llm: LLMSimulator) -> None:
    library = Library(LEAVE)
    llm.script(say("You are welcome!"))

    _, answer = await answered(build(library), turn("Thanks a lot!", of=KNOWING))

    assert (answer.text, answer.coverage) == ("You are welcome!", None)
    assert library.queries == []


async def test_a_question_about_the_conversation_is_answered_from_it(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    await memory.append(CONVERSATION, said("I am Ann.", "Hello Ann."), KNOWING.memory)
    llm.script(say("You are Ann."))

    assert (await answered(build(), turn("Who am I?", of=KNOWING)))[0] == "You are Ann."
    assert "<<NOT_FOUND>>" in system_of(llm)


class FollowUps(Library):
    """Finds something only when it is told what was talked about."""

    async def search(self, query: str, **rest: Any) -> Findings:
        found = await super().search(query, **rest)
        return found if "leave" in query else Findings()


async def test_a_short_question_is_understood_by_the_one_before(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    await memory.append(CONVERSATION, said("How much leave do I have?", "Twelve days."), KNOWING.memory)
    library = FollowUps(LEAVE)
    llm.script(say("Twelve as well [1]."))

    _, answer = await answered(build(library), turn("And as an intern?", of=KNOWING))

    assert library.queries == ["And as an intern?", "How much leave do I have?\nAnd as an intern?"]
    assert [one.passage for one in answer.citations] == [LEAVE]


async def test_the_offline_model_does_not_guess_what_a_question_follows(build: Build, memory: RedisMemory) -> None:
    await memory.append(CONVERSATION, said("How much leave do I have?", "Twelve days."), KNOWING.memory)
    library = FollowUps(LEAVE)

    shown, _ = await answered(build(library), turn("And the moon?", of=assistant(model="off", knowledge=BASE)))

    assert "found nothing" in shown
    assert library.queries == ["And the moon?", "How much leave do I have? And the moon?"]


async def test_a_word_list_that_cannot_be_read_is_the_turns_failure(build: Build, llm: LLMSimulator) -> None:
    helper = assistant(knowledge=BASE, moderation={"input": [{"name": "w", "file": "/nowhere/list.txt"}]})

    async with asyncio.timeout(5):
        with pytest.raises(WordListUnreadable):
            await events_of(build(Library(LEAVE)), turn(of=helper))

    assert llm.count == 0


async def test_the_models_mark_for_not_found_is_never_read_by_a_person(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    await memory.append(CONVERSATION, said("I am Ann.", "Hello Ann."), KNOWING.memory)
    llm.script(say("<<NOT", "_FOUND>>", " and more"))

    shown, answer = await answered(build(), turn("What is the moon?", of=KNOWING))

    assert shown.startswith("Sorry, I found nothing")
    assert "NOT_FOUND" not in shown
    assert "and more" not in shown
    assert answer.coverage == "not_found"


async def test_an_assistant_that_is_not_strict_answers_by_itself(build: Build, llm: LLMSimulator) -> None:
    llm.script(say("It goes round the earth; this is not from the knowledge base."))
    helper = assistant(knowledge={**BASE, "strict": False})

    assert (await answered(build(), turn("What is the moon?", of=helper)))[1].coverage == "not_found"


async def test_a_tool_may_answer_what_knowledge_does_not(build: Build, llm: LLMSimulator) -> None:
    llm.script(call("calculate", {"expression": "6 * 7"}), say("It is 42."))
    helper = assistant(knowledge=BASE, tools=("calculate",))

    events = await events_of(build(), turn("What is 6 * 7?", of=helper))

    assert [event.name for event in events if isinstance(event, ToolCall)] == ["calculate"]
    assert isinstance(events[-1], Final)
    assert events[-1].answer.text == "It is 42."


async def test_what_a_tool_found_is_cited(build: Build, llm: LLMSimulator) -> None:
    library = Library(LEAVE)
    helper = assistant(knowledge=BASE, tools=("search_knowledge",))

    def reply(body: dict[str, Any]) -> Any:
        library.findings = Findings(passages=(SICK,), coverage="answered")
        asked = body["messages"][-1]["role"] == "user"
        return call("search_knowledge", {"query": "sick"}) if asked else say("Call them [2]. Not [3].")

    llm.reply = reply

    _, answer = await answered(build(library), turn("When sick?", of=helper))

    assert answer.text == "Call them [1]. Not."
    assert [one.passage for one in answer.citations] == [SICK]
    assert answer.uncited == (LEAVE,)


async def test_offline_answers_come_from_the_passages(build: Build, llm: LLMSimulator) -> None:
    engine, of = build(Library(LEAVE, SICK)), turn("How many days of leave?", of=assistant(model="off", knowledge=BASE))

    shown, answer = await answered(engine, of)

    assert shown == answer.text
    assert answer.text.startswith("Leave is twelve days. [1]")
    assert (answer.model, answer.coverage, llm.count) == ("offline", "answered", 0)
    assert await engine.suggest(of, answer) == ("What else is there about “Sick leave”?",)


async def test_a_failing_model_is_the_turns_failure(build: Build, llm: LLMSimulator) -> None:
    llm.script(fail(503), cut("Half an answer", after=1))

    with pytest.raises(ModelUnavailable):
        await events_of(build(), turn())
    with pytest.raises(ModelUnavailable):
        await events_of(build(), turn())


async def test_an_answer_of_which_nothing_is_left_is_a_failure(build: Build, llm: LLMSimulator) -> None:
    llm.script(say("[7]"))

    with pytest.raises(ModelUnavailable):
        await events_of(build(Library(LEAVE)), turn(of=KNOWING))


@pytest.mark.parametrize(
    ("error", "retryable"), [(IndexUnavailable("down"), True), (UnknownBase("no base `handbook`"), False)]
)
async def test_knowledge_that_cannot_be_searched_is_the_turns_failure(
    build: Build, llm: LLMSimulator, error: Exception, retryable: bool
) -> None:
    with pytest.raises(KnowledgeFailed) as caught:
        await events_of(build(Library(error=error)), turn(of=KNOWING))

    assert caught.value.retryable is retryable
    assert llm.count == 0


@pytest.mark.parametrize("limits", [{"turn_s": 0.1}, {}])
async def test_a_turn_has_an_end(build: Build, llm: LLMSimulator, limits: dict[str, float]) -> None:
    llm.script(silent())

    with pytest.raises(TurnTooLong):
        await events_of(build(), turn(of=assistant(limits=limits)), deadline_s=20 if limits else 0.1)


async def test_cancelling_a_turn_is_quick_and_hangs_up_on_the_model(build: Build, llm: LLMSimulator) -> None:
    llm.script(silent())
    task = asyncio.create_task(events_of(build(), turn()))
    while not llm.active:
        await asyncio.sleep(0.005)

    task.cancel()

    async with asyncio.timeout(0.5):
        with pytest.raises(asyncio.CancelledError):
            await task
        while not llm.disconnects:
            await asyncio.sleep(0.005)


async def test_dropping_a_turn_in_the_middle_hangs_up_too(build: Build, llm: LLMSimulator) -> None:
    llm.script(say("one two three four", chunk_delay_s=5))
    events = build().run(turn(), context())

    assert isinstance(await anext(events), Delta)
    await events.aclose()

    async with asyncio.timeout(0.5):
        while not llm.disconnects:
            await asyncio.sleep(0.005)


async def test_turns_side_by_side_do_not_mix(build: Build) -> None:
    engine = build()
    turns = [turn(f"Question {number}", id=f"t{number}", conversation=f"web:a:{number}::") for number in range(20)]

    answers = await asyncio.gather(*(answered(engine, one) for one in turns))

    assert [shown for shown, _ in answers] == [f"echo: Question {number}" for number in range(20)]


async def test_follow_ups_come_from_the_model_and_their_failure_is_swallowed(build: Build, llm: LLMSimulator) -> None:
    llm.script(say('["When?"]'), fail(500))
    engine, answer = build(), Answer(text="Twelve.", question="How many?")

    assert await engine.suggest(turn(), answer) == ("When?",)
    assert await engine.suggest(turn(), answer) == ()


async def test_remembering_rolls_the_summary_and_survives_a_failing_model(
    build: Build, llm: LLMSimulator, memory: RedisMemory
) -> None:
    helper = assistant(memory={"messages": 2})
    await memory.append(CONVERSATION, said(*(f"m{number}" for number in range(10))), helper.memory)
    llm.script(fail(500), say("They said m."))
    engine = build()

    await engine.remember(turn(of=helper), context())
    assert (await memory.recall(CONVERSATION, helper.memory)).summary == ""

    await engine.remember(turn(of=helper), context())
    assert (await memory.recall(CONVERSATION, helper.memory)).summary == "They said m."


@pytest.mark.parametrize("tools", [(), ("calculate",), ("take_note",)])
async def test_a_finished_turn_leaves_no_checkpoint(
    build: Build, llm: LLMSimulator, redis: Redis, tools: tuple[str, ...]
) -> None:
    engine, of = build(), turn(of=assistant(tools=tools))
    await answered(engine, of)
    assert bool(await redis.keys("*:cp:*:turn-1:*")) == ("take_note" in tools)

    await engine.forget_checkpoint(of)

    assert await redis.keys("*:cp:*:turn-1:*") == []


async def test_a_note_is_taken_once_across_a_crash(build: Build, llm: LLMSimulator, redis: Redis) -> None:
    helper: Assistant = assistant(tools=("take_note", "list_notes"))
    llm.script(call("take_note", {"text": "Buy milk."}), silent(), say("Noted: milk."))
    task = asyncio.create_task(events_of(build(), turn("Note: milk", of=helper)))
    while not (llm.count == 2 and llm.active):
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    events = await events_of(build(), turn("Note: milk", of=helper), attempt=2)

    assert isinstance(events[-1], Final)
    assert events[-1].answer.text == "Noted: milk."
    assert len(await redis.hvals(f"{CONVERSATION}:notes")) == 1
    llm.assert_done()
