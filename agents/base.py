"""The protocols of agents."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.types import Effect, Prompt, RecalledMessage, Recollection, RuntimeEvent, Turn, TurnContext
from config.assistant import MemorySettings
from knowledge.types import Access, Passage

Write = tuple[str | bytes | int, ...]
"""One Redis command, to be run inside a fenced script together with others of the same conversation."""


class Runtime(Protocol):
    """A way to answer: one per framework, chosen by the assistant and its model."""

    def run(self, prompt: Prompt, turn: Turn, context: TurnContext) -> AsyncGenerator[RuntimeEvent, None]:
        """Yield deltas and steps as they come, and exactly one `Reply` at the end; close it to break off.

        Raises:
            ModelError: no model of the assistant's chain answered.
        """


def _unlimited(access: Iterable[Access]) -> None:
    """Where a tool is called outside a turn, nobody remembers limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool knows of its call. `key` is the same when the call is repeated after a crash."""

    key: str
    turn: Turn
    context: TurnContext
    cite: Callable[[Passage], int] | None = None
    """Makes a passage citable in this answer and returns its number; None where nothing can be cited."""
    access: tuple[Access, ...] = ()
    """The limits of everything that the model has read so far, and so of what it writes."""
    limit: Callable[[Iterable[Access]], None] = _unlimited
    """Tells the limits of what the tool returns; those of cited passages are known."""


class Tool(Protocol):
    """Something that an assistant can do; one file and an entry point in `parley.tools`."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments."""
    effect: Effect
    """`read` may be repeated at will. Anything else is done once: its result is recorded and given again. A tool that
    honours `ToolContext.key` (two calls with one key have one effect) says so with an attribute `repeatable = True`;
    any other is not called again when a crash left its outcome unknown."""

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Do it and return what the model is told.

        Raises:
            ToolFailed: for good; the model is told why.
        """


class MemoryStore(Protocol):
    """Short-term messages and a rolling summary, by conversation."""

    async def recall(self, conversation: str, settings: MemorySettings) -> Recollection:
        """Return the last messages within the settings' count and token budget, and the summary."""

    def appending(
        self, conversation: str, messages: Sequence[RecalledMessage], settings: MemorySettings
    ) -> list[Write]:
        """Return the Redis commands that append `messages`; the worker runs them in its fenced finish."""

    async def append(self, conversation: str, messages: Sequence[RecalledMessage], settings: MemorySettings) -> None:
        """Append at once."""

    async def unsummarised(
        self, conversation: str, settings: MemorySettings
    ) -> tuple[int, tuple[RecalledMessage, ...]]:
        """Return the summary's version and the messages that have left the recent window and wait to be summarised."""

    async def summarise(
        self, conversation: str, summary: str, *, covers: int, version: int, access: Sequence[Access] = ()
    ) -> bool:
        """Replace the summary, dropping the `covers` oldest messages; False if another did it since `version`.

        `access` are the limits of what it covers.
        """

    async def forget(self, conversation: str) -> None:
        """Forget everything of the conversation."""
