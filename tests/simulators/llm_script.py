"""What the simulated model does with one request: a step, and the usual ones by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulators.llm_request import ChatRequest, TextPart

Match = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model; `fragments` are the pieces that its arguments are streamed in."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str = ""
    fragments: Sequence[str] | None = None

    @property
    def text(self) -> str:
        """The arguments as the JSON text that goes over the wire."""
        if self.fragments is not None:
            return "".join(self.fragments)
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)

    @property
    def pieces(self) -> Sequence[str]:
        """The arguments cut for streaming."""
        if self.fragments is not None:
            return self.fragments
        text = self.text
        return [text[start : start + 5] for start in range(0, len(text), 5)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One answer. The defaults are a healthy model; every other field makes it sick in one way."""

    text: str = ""
    chunks: Sequence[str] | None = None
    """The exact pieces of `text` when streamed; by default the simulator's own chunk size applies."""
    calls: Sequence[Call] = ()
    finish: str | None = None
    """finish_reason; by default `stop` or `tool_calls`."""
    status: int = 200
    """Not 200: an error in OpenAI's format instead of an answer."""
    message: str = "The server had an error while processing your request."
    code: str | None = None
    retry_after_s: float | None = None
    delay_s: float | None = None
    """Before the first token (and before an error); None: the simulator's own."""
    chunk_delay_s: float | None = None
    """Before every further chunk; None: the simulator's own."""
    cut_after: int | None = None
    """Break the connection after so many pieces of text (0: after the headers)."""
    malformed_after: int | None = None
    """After so many pieces send an event that is no JSON (not streamed: answer a body that is none)."""
    hang_after: int | None = None
    """After so many pieces say nothing more, for ever (0: not even the headers)."""
    gate: asyncio.Event | None = None
    """Wait for this event of the test's own, after `gate_after` pieces."""
    gate_after: int = 0
    wire_bytes: int | None = None
    """Write the stream in pieces of so many bytes, across events and across characters."""
    usage: tuple[int, int] | None = None
    """Prompt and completion tokens; by default counted."""
    match: str | Match | None = None
    """Only for requests whose last user message contains this, or that satisfy it."""

    def suits(self, body: dict[str, Any]) -> bool:
        """Whether the step is meant for this request."""
        if isinstance(self.match, str):
            return self.match in last_user_text(body)
        return self.match is None or self.match(body)

    def for_(self, match: str | Match) -> Step:
        """The same step for certain requests only."""
        return replace(self, match=match)


def say(text: str, *chunks: str, **options: Any) -> Step:
    """Answer `text`; with `chunks`, answer all of them, streamed exactly so."""
    pieces = (text, *chunks)
    return Step(text="".join(pieces), chunks=pieces if chunks else None, **options)


def call(name: str, arguments: Mapping[str, Any] | str | None = None, *, id: str = "", **options: Any) -> Step:
    """Call one tool."""
    return Step(calls=(Call(name, arguments or {}, id),), **options)


def fail(status: int, message: str = "", *, retry_after_s: float | None = None, **options: Any) -> Step:
    """Answer an error status."""
    if message:
        options["message"] = message
    return Step(status=status, retry_after_s=retry_after_s, **options)


def cut(text: str, *, after: int = 1, **options: Any) -> Step:
    """Begin to answer `text`, and break the connection after `after` chunks."""
    return Step(text=text, cut_after=after, **options)


def malformed(text: str = "fine so far", *, after: int = 1, **options: Any) -> Step:
    """Send something that is no JSON after `after` chunks."""
    return Step(text=text, malformed_after=after, **options)


def empty(**options: Any) -> Step:
    """Answer with no text and no call."""
    return Step(**options)


def silent(**options: Any) -> Step:
    """Accept the request and never answer."""
    return Step(hang_after=0, **options)


def last_user_text(body: dict[str, Any] | ChatRequest) -> str:
    """The text of the request's last user message."""
    messages = body.messages if isinstance(body, ChatRequest) else body.get("messages", [])
    for message in reversed(messages):
        role, content = (
            (message["role"], message.get("content")) if isinstance(message, dict) else (message.role, message.content)
        )
        if role == "user":
            return content_text(content)
    return ""


def content_text(content: Any) -> str:
    """A message's text, whether it is a string or a list of parts."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for part in content:
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif isinstance(part, dict) and part.get("type") == "text":
            texts.append(part["text"])
    return "".join(texts)
