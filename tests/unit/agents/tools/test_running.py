"""Calling tools: wrong arguments are told, effects are done once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from agents.base import ToolContext
from agents.errors import ToolFailed
from agents.tools.ledger import Done, Ledger
from agents.tools.running import RESULT_MAX, UNKNOWN_OUTCOME, call_tool
from agents.types import Effect
from tests.unit.agents.making import context, turn


class Counter:
    """A tool that counts how often it took effect."""

    name = "count"
    description = "Counts."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {"step": {"type": "integer", "minimum": 1}},
        "required": ["step"],
        "additionalProperties": False,
    }

    def __init__(self, effect: Effect = "write", *, repeatable: bool = False, result: str = "") -> None:
        self.effect = effect
        self.repeatable = repeatable
        self.result = result
        self.calls: list[str] = []
        self.breaks: Exception | None = None

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        self.calls.append(context.key)
        if self.breaks:
            raise self.breaks
        return self.result or f"counted {arguments['step']}"


CONTEXT = ToolContext(key="turn-1:call-1", turn=turn(), context=context())


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, "ledger", ttl_s=100)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "'step' is a required property"),
        ({"step": "two"}, "step: 'two' is not of type 'integer'"),
        ({"step": 0}, "step: 0 is less than the minimum"),
        ({"step": 1, "also": 2}, "Additional properties are not allowed"),
    ],
)
async def test_wrong_arguments_are_told_and_nothing_is_called(
    ledger: Ledger, redis: Redis, arguments: dict[str, Any], says: str
) -> None:
    tool = Counter()

    done = await call_tool(tool, arguments, CONTEXT, ledger)

    assert done.failed
    assert says in done.text
    assert "step: integer" in done.text
    assert tool.calls == []
    assert not await redis.exists("ledger")


async def test_an_effect_is_done_once_and_its_result_given_again(ledger: Ledger) -> None:
    tool = Counter()

    results = [await call_tool(tool, {"step": 2}, CONTEXT, ledger) for _ in range(3)]

    assert results == [Done("counted 2")] * 3
    assert len(tool.calls) == 1


async def test_a_failure_for_good_is_recorded_as_well(ledger: Ledger) -> None:
    tool = Counter()
    tool.breaks = ToolFailed("no more paper")

    results = [await call_tool(tool, {"step": 2}, CONTEXT, ledger) for _ in range(2)]

    assert results == [Done("no more paper", failed=True)] * 2
    assert len(tool.calls) == 1


async def test_another_call_is_another_effect(ledger: Ledger) -> None:
    tool = Counter()

    for number in range(2):
        await call_tool(tool, {"step": 1}, ToolContext(key=f"k{number}", turn=turn(), context=context()), ledger)

    assert len(tool.calls) == 2


async def test_a_call_of_unknown_outcome_is_not_made_again(ledger: Ledger) -> None:
    tool = Counter("dangerous")
    tool.breaks = ConnectionError("gone in the middle")
    with pytest.raises(ConnectionError):
        await call_tool(tool, {"step": 1}, CONTEXT, ledger)
    tool.breaks = None

    assert await call_tool(tool, {"step": 1}, CONTEXT, ledger) == Done(UNKNOWN_OUTCOME, failed=True)
    assert len(tool.calls) == 1


async def test_a_tool_that_honours_its_key_is_called_again_with_the_same(ledger: Ledger) -> None:
    tool = Counter(repeatable=True)
    tool.breaks = ConnectionError("gone in the middle")
    with pytest.raises(ConnectionError):
        await call_tool(tool, {"step": 1}, CONTEXT, ledger)
    tool.breaks = None

    assert await call_tool(tool, {"step": 1}, CONTEXT, ledger) == Done("counted 1")
    assert tool.calls == [CONTEXT.key] * 2


async def test_reading_is_not_recorded(ledger: Ledger, redis: Redis) -> None:
    tool = Counter("read")

    for _ in range(2):
        await call_tool(tool, {"step": 1}, CONTEXT, ledger)

    assert len(tool.calls) == 2
    assert not await redis.exists("ledger")


async def test_a_long_result_is_cut() -> None:
    done = await call_tool(Counter("read", result="x" * (RESULT_MAX + 1)), {"step": 1}, CONTEXT, None)

    assert len(done.text) < RESULT_MAX + 10
    assert done.text.endswith("[cut]")


async def test_the_record_expires(ledger: Ledger, redis: Redis) -> None:
    await call_tool(Counter(), {"step": 1}, CONTEXT, ledger)

    assert 0 < await redis.ttl("ledger") <= 100
