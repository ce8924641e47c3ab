"""Agents with tools: their loop, their limits, and going on after a crash without doing anything twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from agents.base import ToolContext
from agents.checkpoints import Checkpoints
from agents.errors import UnknownTool
from agents.models.catalog import Models, open_session
from agents.runtimes.langgraph import LangGraphRuntime
from agents.tools.toolbox import Toolbox, ToolServices
from agents.types import Delta, Effect, Found, Prompt, Reply, RuntimeEvent, Step, ToolCall, Turn
from config.assistant import Assistant
from config.settings import ModelSettings
from tests.simulators.llm import Call, LLMSimulator, call, say, silent
from tests.simulators.llm import Step as Answer
from tests.unit.agents.making import Library, assistant, context, passage, said, turn


class Lamp:
    """A tool with an effect in the world: it counts how often it was switched."""

    description = "Switches the lamp."
    parameters: Mapping[str, Any] = {"type": "object", "properties": {"on": {"type": "boolean"}}}

    def __init__(self, name: str = "lamp", effect: Effect = "write", *, repeatable: bool = False) -> None:
        self.name = name
        self.effect = effect
        self.repeatable = repeatable
        self.keys: list[str] = []
        self.errors: list[Exception] = []
        self.hangs = False
        self.result = "The lamp is on."

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        self.keys.append(context.key)
        if self.hangs:
            await asyncio.Event().wait()
        if self.errors:
            raise self.errors.pop(0)
        return self.result


LAMP = assistant(tools=("lamp",))
READING = assistant(tools=("sensor",))


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator() as llm:
        yield llm


@pytest.fixture
def lamp() -> Lamp:
    return Lamp()


@pytest.fixture
def sensor() -> Lamp:
    return Lamp("sensor", "read")


@pytest.fixture
async def make(
    redis: Redis, llm: LLMSimulator, lamp: Lamp, sensor: Lamp
) -> AsyncIterator[Callable[[], LangGraphRuntime]]:
    library = Library(passage("Known.", chunk="c1"), passage("New.", chunk="c9"))
    services = ToolServices(
        retriever=library, redis=redis, key=lambda c, name: f"{c}:{name}", clock=lambda: datetime.now(UTC)
    )
    async with open_session() as session:
        settings = {
            "default": ModelSettings(base_url=llm.base_url, retries=0),
            "short": ModelSettings(base_url=llm.base_url, retries=0, context_tokens=1000),
        }

        def build() -> LangGraphRuntime:
            return LangGraphRuntime(
                models=Models(settings, session),
                tools=Toolbox(services, extra=[lamp, sensor]),
                checkpoints=Checkpoints(redis, lambda _: "parley:{p0}"),
            )

        yield build


@pytest.fixture
def runtime(make: Callable[[], LangGraphRuntime]) -> LangGraphRuntime:
    return make()


def asking(*texts: str) -> Prompt:
    return Prompt(system="Be kind.", messages=said(*texts), passages=(passage("Known.", chunk="c1"),))


async def run(
    runtime: LangGraphRuntime, of: Assistant = LAMP, *, attempt: int = 1, prompt: Prompt | None = None
) -> list[RuntimeEvent]:
    asked: Turn = turn("Switch it on.", of=of)
    events = runtime.run(prompt or asking("Switch it on."), asked, context(attempt=attempt))
    return [event async for event in events]


async def crash(runtime: LangGraphRuntime, *, when: Callable[[], bool], of: Assistant = LAMP) -> None:
    """Run until `when`, then end as a killed process does: nothing is tidied up."""
    task = asyncio.create_task(run(runtime, of))
    async with asyncio.timeout(5):
        while not when():
            await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def text_of(events: list[RuntimeEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def results(llm: LLMSimulator, request: int = -1) -> list[str]:
    return [message["content"] for message in llm.chats[request]["messages"] if message["role"] == "tool"]


async def test_a_tool_is_called_and_its_result_read(llm: LLMSimulator, runtime: LangGraphRuntime, lamp: Lamp) -> None:
    llm.script(Answer(text="One moment.", calls=(Call("lamp", {"on": True}, "call-1"),)), say("It is on."))

    events = await run(runtime)

    assert [event for event in events if isinstance(event, ToolCall)] == [
        ToolCall(id="call-1", name="lamp", arguments={"on": True})
    ]
    assert text_of(events) == "One moment.\n\nIt is on."
    assert isinstance(events[-1], Reply)
    assert events[-1].text == "One moment.\n\nIt is on."
    assert results(llm) == ["The lamp is on."]
    assert lamp.keys == ["turn-1:call-1"]
    assert llm.chats[0]["tools"][0]["function"] == {
        "name": "lamp",
        "description": "Switches the lamp.",
        "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}},
    }


async def test_tokens_of_all_calls_are_counted(llm: LLMSimulator, runtime: LangGraphRuntime) -> None:
    llm.script(call("lamp", {"on": True}, usage=(10, 5)), say("It is on.", usage=(20, 3)))

    reply = (await run(runtime))[-1]

    assert isinstance(reply, Reply)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (30, 8)


async def test_built_in_tools_say_what_they_are_doing(llm: LLMSimulator, runtime: LangGraphRuntime) -> None:
    llm.script(call("calculate", {"expression": "2 + 3"}), say("Five."))

    events = await run(runtime, assistant(tools=("calculate",)))

    assert Step(text="Calculating…") in events
    assert results(llm) == ["5"]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (call("lamp", '{"on": '), "not valid JSON"),
        (call("lamp", {"on": "yes"}), "on: 'yes' is not of type 'boolean'"),
        (call("rocket", {}), "There is no tool `rocket`; there are: lamp"),
    ],
)
async def test_a_bad_call_is_told_to_the_model(
    llm: LLMSimulator, runtime: LangGraphRuntime, lamp: Lamp, bad: Answer, told: str
) -> None:
    llm.script(bad, say("I see."))

    assert text_of(await run(runtime)) == "I see."
    assert told in results(llm)[0]
    assert lamp.keys == []


async def test_a_reading_tool_that_breaks_is_tried_again(
    llm: LLMSimulator, runtime: LangGraphRuntime, sensor: Lamp
) -> None:
    sensor.errors = [ConnectionError("gone")]
    llm.script(call("sensor", {}), say("Fine."))

    await run(runtime, READING)

    assert results(llm) == ["The lamp is on."]
    assert len(sensor.keys) == 2


async def test_a_tool_with_an_effect_that_breaks_is_not(
    llm: LLMSimulator, runtime: LangGraphRuntime, lamp: Lamp
) -> None:
    lamp.errors = [ConnectionError("secret address")]
    llm.script(call("lamp", {"on": True}), say("I am not sure."))

    assert text_of(await run(runtime)) == "I am not sure."
    assert "may have taken effect" in results(llm)[0]
    assert "secret address" not in results(llm)[0]
    assert len(lamp.keys) == 1


async def test_model_calls_have_an_end(llm: LLMSimulator, runtime: LangGraphRuntime) -> None:
    llm.script(call("sensor", {}), call("sensor", {}))

    events = await run(runtime, assistant(tools=("sensor",), limits={"model_calls": 2}))

    assert "more steps than one answer may take" in text_of(events)
    assert isinstance(events[-1], Reply)
    llm.assert_done()


async def test_tool_calls_have_an_end(llm: LLMSimulator, runtime: LangGraphRuntime, sensor: Lamp) -> None:
    llm.script(call("sensor", {}), call("sensor", {}), say("Enough."))

    events = await run(runtime, assistant(tools=("sensor",), limits={"tool_calls": 1}))

    assert text_of(events) == "Enough."
    assert len(sensor.keys) == 1
    assert "limit" in results(llm)[1]


async def test_what_a_search_finds_gets_the_next_numbers_before_it_is_referred_to(
    llm: LLMSimulator, runtime: LangGraphRuntime
) -> None:
    helper = assistant(tools=("search_knowledge",), knowledge={"bases": ["handbook"]})
    llm.script(call("search_knowledge", {"query": "more"}), say("It is new [2]."))

    events = await run(runtime, helper)

    found = [event for event in events if isinstance(event, Found)]
    assert [(one.number, one.passage.chunk) for one in found[0].passages] == [(2, "c9")]
    assert events.index(found[0]) < next(place for place, one in enumerate(events) if isinstance(one, Delta))
    assert '<passage number="1"' in results(llm)[0]
    assert '<passage number="2"' in results(llm)[0]


async def test_a_long_run_is_summarised_and_the_summary_is_not_shown(
    llm: LLMSimulator, runtime: LangGraphRuntime
) -> None:
    helper = assistant(tools=("sensor",), model="short")
    history = [f"Message {number}. {'word ' * 60}" for number in range(21)]
    llm.script(say("SUMMARY OF IT"), say("Done."))

    events = await run(runtime, helper, prompt=asking(*history))

    assert text_of(events) == "Done."
    assert "SUMMARY OF IT" in str(llm.chats[1]["messages"])
    assert len(llm.chats[1]["messages"]) < 20


async def test_an_agent_is_built_once(llm: LLMSimulator, runtime: LangGraphRuntime) -> None:
    first = runtime._agent(LAMP, "web:a:1", durable=True)

    assert runtime._agent(assistant(tools=("lamp",)), "web:a:2", durable=True) is first
    assert runtime._agent(assistant(tools=("lamp",), limits={"model_calls": 3}), "web:a:1", durable=True) is not first


async def test_an_unknown_tool_is_a_mistake_of_the_configuration(runtime: LangGraphRuntime) -> None:
    with pytest.raises(UnknownTool):
        await run(runtime, assistant(tools=("teleport",)))


async def test_only_runs_that_could_repeat_an_effect_are_checkpointed(
    llm: LLMSimulator, runtime: LangGraphRuntime, redis: Redis
) -> None:
    llm.script(call("sensor", {}), say("Fine."), call("lamp", {}), say("On."))

    await run(runtime, READING)
    assert await redis.keys("*") == []

    await run(runtime)
    assert await redis.keys("parley:{p0}:cp:*")


async def test_after_a_crash_it_goes_on_where_it_stood(
    llm: LLMSimulator, make: Callable[[], LangGraphRuntime], lamp: Lamp
) -> None:
    llm.script(Answer(text="One moment.", calls=(Call("lamp", {"on": True}, "call-1"),)), silent(), say("It is on."))
    await crash(make(), when=lambda: llm.count == 2 and llm.active == 1)

    events = await run(make(), attempt=2)

    assert lamp.keys == ["turn-1:call-1"]
    assert text_of(events) == "One moment.\n\nIt is on."
    assert results(llm) == ["The lamp is on."]
    llm.assert_done()


async def test_a_call_that_a_crash_cut_short_is_not_made_again(
    llm: LLMSimulator, make: Callable[[], LangGraphRuntime], lamp: Lamp
) -> None:
    lamp.hangs = True
    llm.script(call("lamp", {"on": True}), say("I do not know whether it is on."))
    await crash(make(), when=lambda: bool(lamp.keys))
    lamp.hangs = False

    events = await run(make(), attempt=2)

    assert len(lamp.keys) == 1
    assert "not known" in results(llm)[0]
    assert text_of(events) == "I do not know whether it is on."


async def test_a_call_that_honours_its_key_is_made_again_with_it(
    llm: LLMSimulator, make: Callable[[], LangGraphRuntime], lamp: Lamp
) -> None:
    lamp.hangs = lamp.repeatable = True
    llm.script(call("lamp", {"on": True}, id="call-1"), say("It is on."))
    await crash(make(), when=lambda: bool(lamp.keys))
    lamp.hangs = False

    await run(make(), attempt=2)

    assert lamp.keys == ["turn-1:call-1"] * 2
    assert results(llm) == ["The lamp is on."]


async def test_a_crash_before_the_first_step_begins_anew(
    llm: LLMSimulator, make: Callable[[], LangGraphRuntime]
) -> None:
    llm.script(silent(), say("Hello."))
    await crash(make(), when=lambda: llm.active == 1)

    assert text_of(await run(make(), attempt=2)) == "Hello."
    llm.assert_done()


async def test_a_run_that_had_ended_is_told_again_without_a_call(
    llm: LLMSimulator, make: Callable[[], LangGraphRuntime], lamp: Lamp
) -> None:
    llm.script(call("lamp", {"on": True}), say("It is on.", usage=(9, 4)))
    first = await run(make())

    again = await run(make(), attempt=2)

    assert text_of(again) == text_of(first)
    assert isinstance(again[-1], Reply)
    assert again[-1].usage == (first[-1].usage if isinstance(first[-1], Reply) else None)
    assert len(lamp.keys) == 1
    llm.assert_done()


async def test_what_a_search_found_before_a_crash_can_still_be_referred_to(
    llm: LLMSimulator, make: Callable[[], LangGraphRuntime]
) -> None:
    helper = assistant(tools=("search_knowledge", "lamp"), knowledge={"bases": ["handbook"]})
    llm.script(call("search_knowledge", {"query": "more"}), silent(), say("It is new [2]."))
    await crash(make(), when=lambda: llm.count == 2 and llm.active == 1, of=helper)

    events = await run(make(), helper, attempt=2)

    found = [event for event in events if isinstance(event, Found)]
    assert [(one.number, one.passage.chunk) for one in found[0].passages] == [(2, "c9")]
