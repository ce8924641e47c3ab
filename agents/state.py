"""What a turn's nodes share: its state, and the scope of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from agents.limits import Limits
from agents.releasing import Release
from agents.types import Delta, Limited, RecalledMessage, Recollection, Reply, Turn, TurnContext, TurnEvent, Verdict
from knowledge.types import Access, Annotation, Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was looked up for a question."""

    findings: Findings = field(default_factory=Findings)
    annotation: Annotation | None = None
    """The fixed answer to it: nothing else was looked for."""
    question: str = ""
    """The question as it was looked up, where it says more than the message."""


class TurnState(TypedDict, total=False):
    """What a turn has found out so far."""

    verdict: Verdict
    quoted: str
    recalled: Recollection
    withheld: tuple[RecalledMessage, ...]
    """What is remembered and may not be told here any more."""
    looked: Looked | None
    """None or absent: the assistant has no knowledge base."""
    release: Release
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnScope:
    """One run of a turn. `admitted` ends when the question may be used, and says how it reads."""

    turn: Turn
    context: TurnContext
    emit: Callable[[TurnEvent], None]
    admitted: asyncio.Future[Verdict]
    recalled: asyncio.Future[Recollection]
    limits: Limits = field(default_factory=Limits)
    """Those of everything that has flowed into the answer."""

    def show(self, text: str) -> bool:
        """Give text out; return whether there was any."""
        if text:
            self.emit(Delta(text=text))
        return bool(text)

    def limit(self, access: Iterable[Access]) -> None:
        """Note the limits of what flows into the answer from now on, and tell of new ones."""
        if self.limits.add(access):
            self.emit(Limited(access=self.limits.access))


class Run(Protocol):
    """What LangGraph passes to a node as `runtime`, as far as nodes need it."""

    @property
    def context(self) -> TurnScope:
        """The scope of this run."""
