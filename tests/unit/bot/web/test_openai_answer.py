"""Chunks of an answer: a turn that starts again after a crash must not be seen twice."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence

import pytest

from bot.web.openai_answer import Chunks, Event, rest_of
from bot.web.openai_request import ApiProblem
from channels.types import Conversation, OutboundMessage, Progress

TALK = Conversation(channel="api", account="default", chat="shop", thread="r1")


def text(piece: str, offset: int) -> Progress:
    return Progress(conversation=TALK, turn="t", kind="text", text=piece, offset=offset)


STARTED = Progress(conversation=TALK, turn="t", kind="started")


def answer(content: str, **more: str) -> OutboundMessage:
    return OutboundMessage(id="t-0", conversation=TALK, content=content, outcome=more.get("outcome", "answered"))


async def written(events: Sequence[Event | ApiProblem]) -> list[bytes]:
    async def source() -> AsyncGenerator[Event]:
        for event in events:
            if isinstance(event, ApiProblem):
                raise event
            yield event

    chunks = Chunks(id_="chatcmpl-1", model="plain", include_usage=False, created=1)
    return [chunk async for chunk in chunks.write(source())]


def said(chunks: Sequence[bytes]) -> str:
    lines = b"".join(chunks).decode().split("\n\n")
    data = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(item["choices"][0]["delta"].get("content", "") for item in data)


async def test_a_turn_that_starts_again_goes_on_where_it_was() -> None:
    events = [text("One ", 0), text("two ", 4), STARTED, text("One ", 0), text("two three", 4), answer("One two three")]
    assert said(await written(events)) == "One two three"


async def test_a_turn_that_says_something_else_the_second_time_is_not_mixed() -> None:
    events = [text("One two", 0), STARTED, text("Uno", 0), text(" due", 3), answer("Uno due")]
    assert said(await written(events)) == "One two"


async def test_a_gap_is_filled_by_the_final_text() -> None:
    events = [text("One ", 0), text("three ", 8), answer("One two three four")]
    assert said(await written(events)) == "One two three four"


async def test_silence_keeps_the_connection_alive() -> None:
    assert b": keep-alive\n\n" in await written([None, answer("Hi")])


async def test_a_problem_becomes_the_last_event() -> None:
    chunks = await written([text("Hi", 0), ApiProblem(503, "gone", type_="server_error")])
    assert json.loads(chunks[-1][6:])["error"]["message"] == "gone"


@pytest.mark.parametrize(
    ("content", "sent", "rest"),
    [
        ("All of it", "", "All of it"),
        ("  indented", "", "  indented"),
        ("All of it", "All", " of it"),
        ("All of it", "All ", "of it"),
        ("All of it", "\n\nAll of it\n", ""),
        ("Something else", "All", ""),
    ],
)
def test_a_client_gets_what_it_lacks(content: str, sent: str, rest: str) -> None:
    assert rest_of(content, sent=sent, replaces=False) == rest
