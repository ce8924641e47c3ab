"""The steps of a turn, as nodes of its graph: admit, recall, retrieve, respond, release.

What a turn knows is in its state; what its nodes share beside it (who is asking, where events go) is its scope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypedDict

from agents.base import MemoryStore
from agents.citations import References
from agents.errors import ModelUnavailable
from agents.moderation.moderator import Moderator, Moderators
from agents.prompts import NOT_FOUND_MARK, messages, not_found_text, system_prompt
from agents.releasing import MarkFilter, Release
from agents.retrieval import Lookup
from agents.runtimes.choice import Runtimes
from agents.texts import courtesy, say
from agents.types import (
    Answer,
    Delta,
    Final,
    Found,
    Prompt,
    Recollection,
    Reply,
    Turn,
    TurnContext,
    TurnEvent,
    Verdict,
)
from knowledge.types import Coverage, Findings

Clock = Callable[[], datetime]


class TurnState(TypedDict, total=False):
    """What a turn has found out so far."""

    verdict: Verdict
    quoted: str
    recalled: Recollection
    findings: Findings | None
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


class Run(Protocol):
    """What LangGraph passes to a node as `runtime`, as far as nodes need it."""

    @property
    def context(self) -> TurnScope:
        """The scope of this run."""


class Steps:
    """The nodes. Each takes the state and the run, and returns what it adds to the state."""

    def __init__(
        self,
        *,
        memory: MemoryStore,
        lookup: Lookup,
        moderators: Moderators,
        runtimes: Runtimes,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._lookup = lookup
        self._moderators = moderators
        self._runtimes = runtimes
        self._clock = clock

    async def admit(self, state: TurnState, runtime: Run) -> TurnState:
        """Moderate the question. Nothing leaves the process before this has said yes."""
        turn = runtime.context.turn
        moderator = await self._moderators.of(turn.assistant.moderation)
        verdict = moderator.check_input(turn.text)
        quoted = _usable(moderator, turn.quoted)
        runtime.context.admitted.set_result(verdict)
        return {"verdict": verdict, "quoted": quoted}

    async def recall(self, state: TurnState, runtime: Run) -> TurnState:
        """Read what was said before, unless the request brought it along."""
        turn = runtime.context.turn
        if turn.history is not None:
            return {"recalled": Recollection(messages=turn.history)}
        verdict = await runtime.context.admitted
        if verdict.action == "block":
            return {"recalled": Recollection()}
        return {"recalled": await self._memory.recall(turn.conversation, turn.assistant.memory)}

    async def retrieve(self, state: TurnState, runtime: Run) -> TurnState:
        """Search the assistant's knowledge bases.

        Raises:
            KnowledgeFailed: they cannot be searched.
        """
        turn = runtime.context.turn
        verdict = await runtime.context.admitted
        if verdict.action == "block":
            return {"findings": Findings()}
        return {"findings": await self._lookup.question(turn, runtime.context.context, verdict.text)}

    async def respond(self, state: TurnState, runtime: Run) -> TurnState:
        """Let the assistant's runtime answer, and let out what moderation releases."""
        scope, verdict = runtime.context, state["verdict"]
        if verdict.action == "block":
            return {}
        moderator = await self._moderators.of(scope.turn.assistant.moderation)
        turn = replace(scope.turn, text=verdict.text, quoted=state["quoted"])
        recalled, findings = state["recalled"], await self._findings(turn, scope.context, state)
        release = Release(
            moderator.output_filter(),
            references=References(findings.passages) if findings is not None else None,
            mark=MarkFilter(NOT_FOUND_MARK, not_found_text(turn)) if findings is not None else None,
        )
        if self._is_hopeless(turn, recalled, findings):
            _show(scope, release.push(NOT_FOUND_MARK))
            return {"release": release, "findings": findings, "reply": Reply(text="")}
        prompt = Prompt(
            system=system_prompt(turn, scope.context, recalled=recalled, findings=findings, now=self._clock()),
            messages=messages(turn, verdict.text, recalled),
            passages=findings.passages if findings else (),
            coverage=findings.coverage if findings else None,
        )
        reply = await self._answer(prompt, turn, scope, release)
        return {"release": release, "findings": findings, "reply": reply}

    async def release(self, state: TurnState, runtime: Run) -> TurnState:
        """Give out what was held back, and the whole answer."""
        scope, verdict = runtime.context, state["verdict"]
        turn = scope.turn
        release = state.get("release")
        if release is None:
            scope.emit(Final(answer=_blocked(turn)))
            return {}
        _show(scope, release.finish())
        if release.is_blocked:
            scope.emit(Final(answer=_blocked(turn)))
            return {}
        text, reply = release.text, state["reply"]
        if not text.strip():
            raise ModelUnavailable("the answer was empty", alias=turn.assistant.model)
        references = release.references
        scope.emit(
            Final(
                answer=Answer(
                    text=text,
                    citations=references.cited() if references else (),
                    uncited=references.uncited() if references else (),
                    coverage=coverage_of(release, state["findings"], verdict.text),
                    usage=reply.usage,
                    model=reply.model,
                    question=verdict.text,
                )
            )
        )
        return {}

    async def _findings(self, turn: Turn, context: TurnContext, state: TurnState) -> Findings | None:
        """Look once more, with the question before, where a model can tell whether the two belong together."""
        findings = state.get("findings")
        if findings is None or findings.coverage != "not_found" or self._runtimes.is_offline(turn.assistant):
            return findings
        return await self._lookup.follow_up(turn, context, turn.text, state["recalled"])

    def _is_hopeless(self, turn: Turn, recalled: Recollection, findings: Findings | None) -> bool:
        """Whether a strict assistant without passages has nothing to say: no model need be asked.

        A model is asked where the message may be about something else than the knowledge: a courtesy, the
        conversation itself, or what a tool can do. The offline model speaks for itself.
        """
        if findings is None or findings.coverage != "not_found" or not turn.assistant.knowledge.strict:
            return False
        spoken = bool(recalled.messages or recalled.summary or turn.quoted)
        asked = spoken or courtesy(turn.text) or turn.assistant.tools
        return not asked and not self._runtimes.is_offline(turn.assistant)

    async def _answer(self, prompt: Prompt, turn: Turn, scope: TurnScope, release: Release) -> Reply:
        reply = Reply(text="")
        events = self._runtimes.of(turn.assistant).run(prompt, turn, scope.context)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Delta):
                    shown = _show(scope, release.push(event.text))
                    # Where nothing came out, the answer may be at its end: the model need not go on.
                    if release.is_not_found or (not shown and release.is_blocked):
                        break
                elif isinstance(event, Reply):
                    reply = event
                elif isinstance(event, Found):
                    release.found(event)
                else:
                    scope.emit(event)
        return reply


def coverage_of(release: Release, findings: Findings | None, question: str) -> Coverage | None:
    """Return how far the answer rests on the knowledge base.

    None: there is no base, or nothing was asked. `not_found`: nothing was found, or the model said so. `partly`:
    passages were there and the answer refers to none, or the search itself found only a part.
    """
    if findings is None or release.references is None or courtesy(question):
        return None
    if release.references.cited():
        return "answered" if findings.coverage == "not_found" else findings.coverage
    if release.is_not_found or findings.coverage == "not_found":
        return "not_found"
    return "partly"


def _usable(moderator: Moderator, quoted: str) -> str:
    """Another person's words, as far as they may be read out to a model."""
    if not quoted:
        return ""
    verdict = moderator.check_input(quoted)
    return "" if verdict.action == "block" else verdict.text


def _show(scope: TurnScope, text: str) -> bool:
    if text:
        scope.emit(Delta(text=text))
    return bool(text)


def _blocked(turn: Turn) -> Answer:
    reply = turn.assistant.moderation.reply or say("blocked", turn.language)
    return Answer(text=reply, outcome="blocked", memorable=False)
