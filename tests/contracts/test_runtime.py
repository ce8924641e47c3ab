"""What every runtime promises: direct calls, agents with tools, and the offline model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from redis.asyncio import Redis

from agents.base import Runtime
from agents.checkpoints import Checkpoints
from agents.errors import ModelError, ModelUnavailable, UnknownModel
from agents.models.catalog import Models, open_session
from agents.runtimes.choice import Runtimes
from agents.runtimes.direct import DirectRuntime
from agents.runtimes.langgraph import LangGraphRuntime
from agents.runtimes.offline import OfflineRuntime
from agents.tools.toolbox import Toolbox, ToolServices
from agents.types import Delta, Found, Prompt, Reply, RuntimeEvent, Step, ToolCall, Turn
from config.assistant import Assistant
from config.settings import ModelSettings
from tests.simulators.llm import LLMSimulator, cut, fail, say, silent
from tests.simulators.llm import Step as Answer
from tests.unit.agents.making import Library, assistant, context, passage, said, turn

Kind = Literal["direct", "agent", "durable", "offline"]
ASSISTANTS: dict[Kind, Assistant] = {
    "direct": assistant(),
    "agent": assistant(tools=("calculate",)),
    "durable": assistant(tools=("calculate", "take_note")),
    "offline": assistant(model="off", knowledge={"bases": ["handbook"]}),
}
WITH_MODEL: tuple[Kind, ...] = ("direct", "agent", "durable")
PASSAGES = (passage("Leave is twelve days. After five years it is fifteen days."),)


@dataclass(frozen=True)
class Case:
    runtime: Runtime
    assistant: Assistant
    llm: LLMSimulator

    def turn(self, text: str = "How many days of leave?", **fields: Any) -> Turn:
        return turn(text, of=self.assistant, **fields)

    async def run(self, prompt: Prompt | None = None, of: Turn | None = None) -> list[RuntimeEvent]:
        of = of or self.turn()
        return [event async for event in self.runtime.run(prompt or asking(of.text), of, context())]


def asking(*texts: str) -> Prompt:
    return Prompt(system="Be kind.", messages=said(*texts), passages=PASSAGES, coverage="answered")


def text_of(events: list[RuntimeEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator(chunk_delay_s=0.002) as llm:
        yield llm


@pytest.fixture
async def runtimes(redis: Redis, llm: LLMSimulator) -> AsyncIterator[Runtimes]:
    services = ToolServices(
        retriever=Library(), redis=redis, key=lambda c, name: f"{c}:{name}", clock=lambda: datetime.now(UTC)
    )
    async with open_session() as session:
        main = ModelSettings(base_url=llm.base_url, model="m-main", retries=0, fallbacks=("spare",))
        settings = {
            "default": main,
            "spare": ModelSettings(base_url=llm.base_url, model="m-spare", retries=0),
            "gone": main.model_copy(update={"fallbacks": ("nowhere",)}),
            "off": ModelSettings(provider="offline"),
        }
        yield Runtimes(
            models=Models(settings, session),
            tools=Toolbox(services),
            checkpoints=Checkpoints(redis, lambda _: "parley:{p0}"),
        )


def case_of(kind: Kind, runtimes: Runtimes, llm: LLMSimulator) -> Case:
    return Case(runtimes.of(ASSISTANTS[kind]), ASSISTANTS[kind], llm)


@pytest.fixture(params=[*WITH_MODEL, "offline"])
def case(request: pytest.FixtureRequest, runtimes: Runtimes, llm: LLMSimulator) -> Case:
    return case_of(request.param, runtimes, llm)


@pytest.fixture(params=WITH_MODEL)
def modelled(request: pytest.FixtureRequest, runtimes: Runtimes, llm: LLMSimulator) -> Case:
    return case_of(request.param, runtimes, llm)


def test_each_assistant_gets_its_runtime(runtimes: Runtimes) -> None:
    kinds = {kind: type(runtimes.of(one)) for kind, one in ASSISTANTS.items()}

    assert kinds == {
        "direct": DirectRuntime,
        "agent": LangGraphRuntime,
        "durable": LangGraphRuntime,
        "offline": OfflineRuntime,
    }
    assert isinstance(runtimes.of(assistant(tools=("calculate",), limits={"tool_calls": 0})), DirectRuntime)


async def test_a_run_ends_with_one_reply_that_is_what_its_deltas_add_up_to(case: Case) -> None:
    events = await case.run()

    *before, reply = events
    assert isinstance(reply, Reply)
    assert all(isinstance(event, Delta | Step | ToolCall | Found) for event in before)
    assert len([event for event in before if isinstance(event, Delta)]) > 1
    assert text_of(before) == reply.text
    assert reply.text.strip()
    assert reply.model


async def test_runs_side_by_side_do_not_mix(case: Case) -> None:
    questions = [f"Leave of person {number}?" for number in range(8)]

    runs = await asyncio.gather(
        *(case.run(of=case.turn(text, id=f"turn-{text}")) for text in questions), return_exceptions=False
    )

    if case.assistant.model != "off":
        assert [text_of(events) for events in runs] == [f"echo: {text}" for text in questions]
    assert all(isinstance(events[-1], Reply) for events in runs)


async def test_a_run_may_be_broken_off(case: Case) -> None:
    async with aclosing(case.runtime.run(asking("Leave?"), case.turn(), context())) as events:
        first = await anext(events)

    assert isinstance(first, Delta)
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_breaking_off_closes_the_connection(modelled: Case) -> None:
    modelled.llm.script(say("one two three four five six seven", chunk_delay_s=5))
    async with aclosing(modelled.runtime.run(asking("Leave?"), modelled.turn(), context())) as events:
        await anext(events)

    async with asyncio.timeout(2):
        while not modelled.llm.disconnects:
            await asyncio.sleep(0.005)


async def test_cancelling_is_quick_and_closes_the_connection(modelled: Case) -> None:
    modelled.llm.script(silent())
    task = asyncio.create_task(modelled.run())
    while not modelled.llm.active:
        await asyncio.sleep(0.005)

    task.cancel()

    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await task
        while not modelled.llm.disconnects:
            await asyncio.sleep(0.005)


async def test_the_model_is_told_the_whole_conversation_and_the_turns_own_sampling(modelled: Case) -> None:
    prompt = asking("My name is Ann.", "Hello Ann.", "How many days?")

    await modelled.run(prompt, replace(modelled.turn(), options={"temperature": 0.3, "max_tokens": 99}))

    body = modelled.llm.chats[0]
    assert [(message["role"], message["content"]) for message in body["messages"]] == [
        ("system", "Be kind."),
        ("user", "My name is Ann."),
        ("assistant", "Hello Ann."),
        ("user", "How many days?"),
    ]
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0.3, 99, "m-main")


async def test_tokens_are_counted_and_the_model_is_named(modelled: Case) -> None:
    modelled.llm.script(say("Twelve.", usage=(30, 4)))

    reply = (await modelled.run())[-1]

    assert isinstance(reply, Reply)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (30, 4)
    assert reply.model == "m-main"


@pytest.mark.parametrize("first", [fail(500), fail(401), fail(400), cut("Half", after=0)])
async def test_a_model_that_fails_is_replaced_by_its_fallback(modelled: Case, first: Answer) -> None:
    modelled.llm.script(first, say("From the spare one."))

    events = await modelled.run()

    assert text_of(events) == "From the spare one."
    assert isinstance(events[-1], Reply)
    assert events[-1].model == "m-spare"
    modelled.llm.assert_done()


async def test_after_something_was_shown_no_other_model_starts_over(modelled: Case) -> None:
    modelled.llm.script(cut("The answer is twelve days", after=2))

    with pytest.raises(ModelUnavailable) as caught:
        await modelled.run()

    assert caught.value.shown
    modelled.llm.assert_done()


async def test_when_the_whole_chain_fails_its_last_error_is_raised(modelled: Case) -> None:
    modelled.llm.script(fail(503), fail(503, "the spare one"))

    with pytest.raises(ModelError) as caught:
        await modelled.run()

    assert (caught.value.alias, caught.value.retryable) == ("spare", True)


async def test_a_fallback_that_is_not_configured_is_a_mistake_of_the_configuration(
    runtimes: Runtimes, llm: LLMSimulator
) -> None:
    llm.script(fail(500))
    case = Case(runtimes.of(assistant(model="gone")), assistant(model="gone"), llm)

    with pytest.raises(UnknownModel):
        await case.run()
