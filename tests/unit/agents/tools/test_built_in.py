"""The built-in tools, and the box they come out of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from redis.asyncio import Redis

from agents.base import ToolContext
from agents.errors import ToolFailed, UnknownTool
from agents.tools import toolbox
from agents.tools.calculate import Calculate, evaluate
from agents.tools.current_time import CurrentTime
from agents.tools.notes import NOTES_MAX, ListNotes, Notes, TakeNote
from agents.tools.search_knowledge import SearchKnowledge
from agents.tools.toolbox import BUILT_IN, Toolbox, ToolServices
from knowledge.errors import IndexUnavailable
from knowledge.types import Passage
from tests.unit.agents.making import Library, assistant, context, passage, turn

NOW = datetime(2025, 3, 4, 9, 5, tzinfo=UTC)
KNOWING = assistant(knowledge={"bases": ["handbook"], "passages": 2})


def calling(key: str = "turn-1:call-1", cite: Callable[[Passage], int] | None = None, **fields: Any) -> ToolContext:
    return ToolContext(key=key, turn=turn(**fields), context=context(), cite=cite)


@pytest.fixture
def services(redis: Redis) -> ToolServices:
    return ToolServices(retriever=Library(), redis=redis, key=lambda c, name: f"{c}:{name}", clock=lambda: NOW)


def test_every_built_in_tool_is_found_and_well_described(services: ToolServices) -> None:
    tools = [Toolbox(services).get(name) for name in BUILT_IN]

    assert [tool.name for tool in tools] == list(BUILT_IN)
    for tool in tools:
        Draft202012Validator.check_schema(dict(tool.parameters))
        assert tool.description
        assert tool.effect in ("read", "write", "dangerous")


def test_an_unknown_tool_is_refused_with_the_known_ones(services: ToolServices) -> None:
    with pytest.raises(UnknownTool, match=r"`teleport`.*calculate"):
        Toolbox(services).get("teleport")


def test_tools_of_others_come_through_entry_points(services: ToolServices, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("their_tool", "agents.tools.calculate:Calculate", toolbox.GROUP)
    monkeypatch.setattr(toolbox, "entry_points", lambda **_: [entry])

    box = Toolbox(services)

    assert isinstance(box.get("their_tool"), Calculate)
    assert "their_tool" in box.names()


def test_a_tool_is_made_once(services: ToolServices) -> None:
    box = Toolbox(services)

    assert box.get("calculate") is box.get("calculate")


def test_effects_are_known(services: ToolServices) -> None:
    box = Toolbox(services)

    assert not box.has_effects(("calculate", "current_time", "list_notes", "search_knowledge"))
    assert box.has_effects(("calculate", "take_note"))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(3 + 4.5) * 2 ** 10", 7680.0),
        ("-7 // 2 + 7 % 3", -3),
        ("sqrt(16) + abs(-2) + min(3, 1, 2)", 7.0),
        ("round(3.14159, 2)", 3.14),
        ("round(2.5)", 2),
        ("2^10", 1024),
        ("（1 + 2）× 3 ÷ 2", 4.5),
        ("floor(pi)", 3),
        ("10 ** -2", 0.01),
    ],
)
def test_arithmetic(expression: str, value: float) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "9 ** 9 ** 9",
        "2 ** 99999",
        "10 ** 999 * 10 ** 999",
        "round(5, -1000000000)",
        "1 / 0",
        "sqrt(-1)",
        "(-8) ** 0.5",
        "__import__('os')",
        "open('x')",
        "().__class__",
        "'a' * 10",
        "[1] * 10",
        "lambda: 1",
        "x + 1",
        "True",
        "1e308 * 10",
        "exp(1000)",
        "max(*[1])",
        "round(number=1)",
        "1 +",
        "",
        "1" * 600,
        "(" * 250 + "1" + ")" * 249,
        "-" * 400 + "1",
        "1+" * 240 + "1",
    ],
)
def test_what_is_no_bounded_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(ToolFailed):
        evaluate(expression)


@settings(deadline=None)
@given(st.text(alphabet="0123456789+-*/().eEx ,sqrt%!_'\"[]", max_size=40))
def test_no_expression_does_more_than_fail(expression: str) -> None:
    with suppress(ToolFailed):
        assert isinstance(evaluate(expression), int | float)


async def test_the_time_is_told_anywhere() -> None:
    clock = CurrentTime(lambda: NOW)

    assert await clock.call({}, calling()) == "Tuesday, 2025-03-04 09:05:00 UTC (UTC+0000)"
    assert "17:05:00 CST" in await clock.call({"timezone": "Asia/Shanghai"}, calling())


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "\x00"])
async def test_an_unknown_timezone_is_refused(zone: str) -> None:
    with pytest.raises(ToolFailed, match="timezone"):
        await CurrentTime(lambda: NOW).call({"timezone": zone}, calling())


async def test_knowledge_is_searched_with_the_askers_rights_and_can_be_cited() -> None:
    library = Library(passage("One."), passage("Two.", chunk="c2"), passage("Three.", chunk="c3"))
    numbers = iter((4, 5))

    text = await SearchKnowledge(library).call(
        {"query": "leave"}, calling(cite=lambda _: next(numbers), of=KNOWING, group=True)
    )

    assert '<passage number="4"' in text
    assert '<passage number="5"' in text
    assert "Three." not in text
    assert library.queries == ["leave"]
    assert library.scopes[0].audience_roles == frozenset()


async def test_a_search_that_finds_nothing_says_so() -> None:
    assert await SearchKnowledge(Library()).call({"query": "x"}, calling(of=KNOWING)) == "Nothing was found."


async def test_a_search_that_fails_is_told() -> None:
    with pytest.raises(ToolFailed):
        await SearchKnowledge(Library(error=IndexUnavailable("down"))).call({"query": "x"}, calling(of=KNOWING))
    with pytest.raises(ToolFailed):
        await SearchKnowledge(Library()).call({"query": "x"}, calling())


async def test_notes_are_kept_in_order_once_a_key_and_expire(redis: Redis) -> None:
    notes = Notes(redis, lambda c, name: f"{c}:{name}")
    texts = [f"{'long note ' * 20}{number}" for number in range(12)]

    for number, text in enumerate(texts):
        for _ in range(2):
            assert await TakeNote(notes).call({"text": text}, calling(key=f"k{number}")) == "Noted."

    assert (await ListNotes(notes).call({}, calling())).splitlines() == [f"- {text}" for text in texts]
    assert await redis.ttl(f"{turn().conversation}:notes") > 0


async def test_there_is_an_end_to_notes(redis: Redis) -> None:
    notes = Notes(redis, lambda c, name: f"{c}:{name}")
    await redis.hset(f"{turn().conversation}:notes", mapping={f"k{n}": f"{n:04d} x" for n in range(NOTES_MAX)})

    with pytest.raises(ToolFailed):
        await TakeNote(notes).call({"text": "one more"}, calling(key="new"))


async def test_no_notes_is_said(redis: Redis) -> None:
    assert await ListNotes(Notes(redis, lambda c, name: f"{c}:{name}")).call({}, calling()) == "There are no notes."
