"""The turn: a graph that answers one message.

    admit (moderate) ∥ recall ∥ retrieve → respond → release

The graph is compiled once per configuration and keeps nothing: a turn is its state. An assistant without knowledge
bases has one without `retrieve`. It has no checkpoints of its own, since
everything before `respond` only reads; what must not be repeated after a crash is kept by the runtime.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from agents.base import MemoryStore, Write
from agents.checkpoints import Checkpoints
from agents.citations import strip
from agents.errors import AgentError, TurnTooLong
from agents.models.catalog import Models
from agents.moderation.moderator import Moderators
from agents.retrieval import Lookup, scope_of
from agents.rewriting import Rewriter
from agents.runtimes.choice import Runtimes
from agents.state import TurnScope, TurnState
from agents.steps import Clock, Steps
from agents.strict import END, START, StateGraph
from agents.suggestions import Suggester
from agents.summaries import Summariser
from agents.tools.toolbox import Toolbox
from agents.types import Answer, Final, RecalledMessage, Turn, TurnContext, TurnEvent
from knowledge.base import Retriever
from knowledge.types import Access

log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


class TurnEngine:
    """Answers turns, any number of them side by side."""

    def __init__(
        self,
        *,
        models: Models,
        memory: MemoryStore,
        retriever: Retriever,
        tools: Toolbox,
        checkpoints: Checkpoints,
        moderators: Moderators,
        clock: Clock = _now,
    ) -> None:
        self._memory = memory
        self._moderators = moderators
        self._tools = tools
        self._checkpoints = checkpoints
        self._clock = clock
        self._runtimes = Runtimes(models=models, tools=tools, checkpoints=checkpoints)
        self._suggester = Suggester(models, moderators)
        self._summariser = Summariser(models, memory)
        steps = Steps(
            memory=memory,
            lookup=Lookup(retriever, Rewriter(models)),
            moderators=moderators,
            runtimes=self._runtimes,
            clock=clock,
        )
        # A node costs 0.2 ms a turn, whether it has anything to do or not: two graphs, so that none is idle.
        self._graphs = {knows: _compile(steps, knows=knows) for knows in (False, True)}

    async def run(self, turn: Turn, context: TurnContext) -> AsyncGenerator[TurnEvent, None]:
        """Yield what happens, and one `Final` at the end; its text is what the deltas added up to, unless blocked.

        Close the generator, or cancel the task, to break off: the connection to the model is closed.

        Raises:
            ModelError: no model of the assistant's chain answered.
            KnowledgeFailed: the knowledge bases could not be searched.
            TurnTooLong: the deadline passed.
        """
        events: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        task = asyncio.create_task(self._drive(turn, context, events))
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, Final):
                    await task  # nothing is left undone when the last event is out
                yield event
            await task
        finally:
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def suggest(self, turn: Turn, answer: Answer) -> tuple[str, ...]:
        """Return questions that may follow; none where they are switched off or could not be found."""
        try:
            return await self._suggester.suggest(turn, answer)
        except AgentError as error:
            log.warning("suggestions.failed", turn=turn.id, error=repr(error))
            return ()

    async def remember(self, turn: Turn, context: TurnContext) -> None:
        """Roll the conversation's summary forward over what has left the recent messages.

        A failing model is logged: what is not summarised now is summarised after a later turn.
        """
        if turn.history is not None:
            return
        try:
            await self._summariser.roll(turn, scope_of(turn, context))
        except AgentError as error:
            log.warning("summary.failed", turn=turn.id, error=repr(error))

    def memory_writes(self, turn: Turn, answer: Answer) -> list[Write]:
        """Return the commands that append both sides to the memory; none where nothing is to be remembered."""
        if turn.history is not None or not answer.memorable:
            return []
        now = self._clock()
        text = strip(answer.text) if answer.citations else answer.text
        return self._memory.appending(
            turn.conversation,
            (
                RecalledMessage(role="user", text=answer.question or turn.text, at=now, access=answer.access),
                RecalledMessage(role="assistant", text=text, at=now, access=answer.access),
            ),
            turn.assistant.memory,
        )

    async def broken_off(self, turn: Turn, shown: str, access: tuple[Access, ...] = ()) -> Answer:
        """Return a turn that was stopped as it may be remembered: the question as moderated, and what was shown.

        `access` are the limits that the turn told of before it was stopped.
        """
        moderator = await self._moderators.of(turn.assistant.moderation)
        verdict = moderator.check_input(turn.text)
        return Answer(text=shown, question=verdict.text, memorable=verdict.action != "block", access=access)

    async def forget_checkpoint(self, turn: Turn) -> None:
        """Remove what was kept of a finished turn; costs nothing where nothing was kept."""
        if not self._runtimes.is_offline(turn.assistant) and self._tools.has_effects(turn.assistant.tools):
            await self._checkpoints.forget(turn.conversation, turn.id)

    async def _drive(self, turn: Turn, context: TurnContext, events: asyncio.Queue[TurnEvent | None]) -> None:
        loop = asyncio.get_running_loop()
        scope = TurnScope(
            turn=turn,
            context=context,
            emit=events.put_nowait,
            admitted=loop.create_future(),
            recalled=loop.create_future(),
        )
        seconds = min(context.deadline_s, turn.assistant.limits.turn_s)
        deadline = asyncio.timeout(seconds)
        graph = self._graphs[bool(turn.assistant.knowledge.bases)]
        try:
            async with deadline:
                # No stream mode: nodes emit on their own, and the graph saves the work of reporting each step.
                async for _ in graph.astream({}, context=scope, stream_mode=[]):
                    continue
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise TurnTooLong(f"the turn took longer than {seconds:g} s") from error
        finally:
            scope.admitted.cancel()
            scope.recalled.cancel()
            events.put_nowait(None)


def _compile(steps: Steps, *, knows: bool) -> Any:
    graph = StateGraph(TurnState, context_schema=TurnScope)
    first = ("admit", "recall", "retrieve") if knows else ("admit", "recall")
    for name in (*first, "respond", "release"):
        graph.add_node(name, getattr(steps, name))
    for name in first:
        graph.add_edge(START, name)
    graph.add_edge(list(first), "respond")
    graph.add_edge("respond", "release")
    graph.add_edge("release", END)
    return graph.compile(name="turn")
