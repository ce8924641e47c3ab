"""Short ways to make what the tests of agents need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.types import Principal, RecalledMessage, Turn, TurnContext
from config.assistant import Assistant
from knowledge.types import Annotation, Coverage, Findings, Passage, Scope

CONVERSATION = "web:default:chat-1::"


def assistant(**fields: Any) -> Assistant:
    return Assistant.model_validate({"name": "helper", **fields})


def turn(text: str = "How many days?", *, of: Assistant | None = None, **fields: Any) -> Turn:
    values: dict[str, Any] = {"id": "turn-1", "conversation": CONVERSATION, "language": "en", **fields}
    return Turn(assistant=of or assistant(), text=text, **values)


def context(**fields: Any) -> TurnContext:
    values: dict[str, Any] = {"trace": "trace-1", "principal": Principal(person="p1", name="Ann"), "deadline_s": 20.0}
    return TurnContext(**{**values, **fields})


def passage(text: str, *, chunk: str = "c1", position: str = "Leave > Days", **fields: Any) -> Passage:
    values: dict[str, Any] = {
        "document": "d1",
        "title": "Handbook",
        "chunk": chunk,
        "position": position,
        "score": 0.8,
        "source": "handbook.md",
        "base": "handbook",
    }
    return Passage(text=text, **{**values, **fields})


def said(*texts: str) -> tuple[RecalledMessage, ...]:
    """A conversation: the person begins, and the two take turns."""
    return tuple(
        RecalledMessage(role="assistant" if place % 2 else "user", text=one) for place, one in enumerate(texts)
    )


class Library:
    """A retriever that finds what it was given, and remembers what was looked for."""

    def __init__(self, *passages: Passage, coverage: Coverage | None = None, error: Exception | None = None) -> None:
        self.findings = Findings(passages=passages, coverage=coverage or ("answered" if passages else "not_found"))
        self.error = error
        self.queries: list[str] = []
        self.also: list[str] = []
        self.fixed: dict[str, Annotation] = {}
        self.given: list[int] = []
        self.scopes: list[Scope] = []

    async def search(self, query: str, *, bases: Any, limit: int, scope: Scope, also: Sequence[str] = ()) -> Findings:
        self.queries.append(query)
        self.also += also
        self.scopes.append(scope)
        if self.error:
            raise self.error
        return Findings(passages=self.findings.passages[:limit], coverage=self.findings.coverage)

    async def answer(self, query: str, *, bases: Any, scope: Scope, count: bool = True) -> Annotation | None:
        found = self.fixed.get(query)
        self.given += [found.number] if found and count else []
        return found
