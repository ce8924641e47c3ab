"""The vocabulary of agents: turns, what happens in them, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from config.assistant import Assistant
from knowledge.types import Access, Annotation, Coverage, Passage

Language = Literal["zh", "en"]
Role = Literal["system", "user", "assistant"]
Effect = Literal["read", "write", "dangerous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, after `bot/access.py` looked up the platform's verified id; `person` is stable across channels."""

    person: str
    roles: frozenset[str] = frozenset()
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalledMessage:
    """One message of the conversation's past."""

    role: Role
    text: str
    at: datetime | None = None
    access: tuple[Access, ...] = ()
    """The limits of everything that its turn was made from; all of them must permit who is told of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What is remembered of a conversation: the recent messages, oldest first, and a summary of the rest."""

    messages: tuple[RecalledMessage, ...] = ()
    summary: str = ""
    summary_access: tuple[Access, ...] = ()
    """The limits of everything that the summary covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is to be answered. `id` is the same when the turn is run again after a crash."""

    id: str
    conversation: str
    """The key of the conversation."""
    assistant: Assistant
    text: str
    language: Language
    quoted: str = ""
    """The message that the person replied to; untrusted."""
    history: tuple[RecalledMessage, ...] | None = None
    """None: the assistant's own memory applies, and is written."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the model's sampling: temperature, top_p, max_tokens, stop."""
    group: bool = False
    """True where others read along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnContext:
    """The circumstances of one run of a turn. Cancellation is the task's own (`CancelledError`)."""

    trace: str
    principal: Principal
    deadline_s: float
    """Seconds that the turn may take."""
    attempt: int = 1
    """Above 1, an earlier run did not finish: resume from its checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Text that was released by moderation and may be shown."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the assistant is doing, for a person: "searching the handbook"."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool is about to be called."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What the answer is made from has limits: what comes now, and what is kept of it, is for those they permit."""

    access: tuple[Access, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the model counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A passage that the answer refers to as [number]."""

    number: int
    passage: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a turn ended."""

    text: str
    """Markdown."""
    outcome: Literal["answered", "blocked"] = "answered"
    citations: tuple[Cited, ...] = ()
    coverage: Coverage | None = None
    """None: the assistant has no knowledge base."""
    usage: Usage = Usage()
    model: str = ""
    memorable: bool = True
    """False: neither side enters the conversation's memory (a blocked question)."""
    question: str = ""
    """The person's text as it may be remembered: after redaction."""
    uncited: tuple[Passage, ...] = ()
    """Passages that were found and that the answer does not refer to: what else one might ask about."""
    access: tuple[Access, ...] = ()
    """The limits of everything that flowed into it: passages, memory, a fixed answer, what tools brought."""
    annotation: Annotation | None = None
    """The fixed answer that was given; no model was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The last event of a turn."""

    answer: Answer


TurnEvent = Delta | Step | ToolCall | Limited | Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a runtime is given to answer: everything that was recalled and retrieved for the turn."""

    system: str
    """The assistant's prompt, rendered, with summary and passages in it, marked as data."""
    messages: tuple[RecalledMessage, ...]
    """Oldest first; the last one is the question."""
    passages: tuple[Passage, ...] = ()
    coverage: Coverage | None = None
    question: str = ""
    """The question as it was looked up, where it says more than the last message."""
    access: tuple[Access, ...] = ()
    """The limits of all of this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a runtime ends with, before it is moderated."""

    text: str
    usage: Usage = Usage()
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A tool found passages; from now on the answer may refer to them by their numbers."""

    passages: tuple[Cited, ...] = ()
    access: tuple[Access, ...] = ()
    """Limits of what else the tool brought."""


RuntimeEvent = Delta | Step | ToolCall | Found | Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What moderation says of a text."""

    action: Literal["allow", "redact", "block"]
    text: str
    """The text after redaction."""
    category: str = ""
    rule: str = ""
    """The rule that matched, by its name: never the text of the message."""
