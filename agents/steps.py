"""The steps of a turn, as nodes of its graph: admit, recall, retrieve, respond, release.

What a turn knows is in its state; what its nodes share beside it (who is asking, where events go) is its scope.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

from agents.base import MemoryStore
from agents.citations import References
from agents.errors import ModelUnavailable
from agents.limits import of_messages, repeats, union, visible
from agents.moderation.moderator import Moderator, Moderators
from agents.prompts import NOT_FOUND_MARK, messages, not_found_text, system_prompt
from agents.releasing import MarkFilter, Release
from agents.retrieval import Lookup, scope_of
from agents.runtimes.choice import Runtimes
from agents.state import Looked, Run, TurnScope, TurnState
from agents.texts import courtesy, say
from agents.types import Answer, Delta, Final, Found, Prompt, Recollection, Reply, Turn, TurnContext
from knowledge.types import Annotation, Coverage, Findings

Clock = Callable[[], datetime]


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
        """Read what was said before, unless the request brought it along; leave out what may not be told here now."""
        scope, turn = runtime.context, runtime.context.turn
        held = Recollection(messages=turn.history or ())
        if turn.history is None and (await scope.admitted).action != "block":
            held = await self._memory.recall(turn.conversation, turn.assistant.memory)
        recalled = visible(held, scope_of(turn, scope.context))
        scope.recalled.set_result(recalled)
        withheld = tuple(message for message in held.messages if message not in recalled.messages)
        return {"recalled": recalled, "withheld": withheld}

    async def retrieve(self, state: TurnState, runtime: Run) -> TurnState:
        """Look for a fixed answer to the question, and where there is none, search the assistant's knowledge bases.

        Raises:
            KnowledgeFailed: they cannot be searched.
        """
        scope = runtime.context
        verdict = await scope.admitted
        if verdict.action == "block":
            return {"looked": Looked()}
        return {"looked": await self._lookup.question(scope.turn, scope.context, verdict.text, scope.recalled)}

    async def respond(self, state: TurnState, runtime: Run) -> TurnState:
        """Let the assistant's runtime answer, and let out what moderation releases."""
        scope, verdict = runtime.context, state["verdict"]
        if verdict.action == "block":
            return {}
        moderator = await self._moderators.of(scope.turn.assistant.moderation)
        looked = state.get("looked")
        if looked and looked.annotation:
            return self._fixed(scope, moderator, looked, looked.annotation)
        quoted = "" if repeats(state["quoted"], state["withheld"]) else state["quoted"]
        turn = replace(scope.turn, text=verdict.text, quoted=quoted)
        recalled, looked = state["recalled"], await self._looked(turn, scope.context, state)
        findings = looked.findings if looked else None
        release = Release(
            moderator.output_filter(),
            references=References(findings.passages) if findings is not None else None,
            mark=MarkFilter(NOT_FOUND_MARK, not_found_text(turn)) if findings is not None else None,
        )
        if self._is_hopeless(turn, recalled, findings):
            scope.show(release.push(NOT_FOUND_MARK))
            return {"release": release, "looked": looked, "reply": Reply(text="")}
        prompt = self._prompt(turn, scope, recalled, looked)
        reply = await self._answer(prompt, turn, scope, release)
        return {"release": release, "looked": looked, "reply": reply}

    def _fixed(self, scope: TurnScope, moderator: Moderator, looked: Looked, annotation: Annotation) -> TurnState:
        """Give a fixed answer out."""
        scope.limit(annotation.access)
        release = Release(moderator.output_filter())
        scope.show(release.push(annotation.answer))
        return {"release": release, "looked": looked, "reply": Reply(text="")}

    def _prompt(self, turn: Turn, scope: TurnScope, recalled: Recollection, looked: Looked | None) -> Prompt:
        """Put everything together that the runtime is to answer from, and note its limits."""
        findings = looked.findings if looked else None
        passages = findings.passages if findings else ()
        scope.limit(
            union(
                recalled.summary_access,
                of_messages(recalled.messages),
                *(passage.access for passage in passages),
            )
        )
        return Prompt(
            system=system_prompt(turn, scope.context, recalled=recalled, findings=findings, now=self._clock()),
            messages=messages(turn, turn.text, recalled),
            passages=passages,
            coverage=findings.coverage if findings else None,
            question=looked.question if looked else "",
            access=scope.limits.access,
        )

    async def release(self, state: TurnState, runtime: Run) -> TurnState:
        """Give out what was held back, and the whole answer."""
        scope, verdict = runtime.context, state["verdict"]
        turn = scope.turn
        release = state.get("release")
        if release is None:
            scope.emit(Final(answer=_blocked(turn)))
            return {}
        scope.show(release.finish())
        if release.is_blocked:
            scope.emit(Final(answer=_blocked(turn)))
            return {}
        text, reply = release.text, state["reply"]
        if not text.strip():
            raise ModelUnavailable("the answer was empty", alias=turn.assistant.model)
        references, looked = release.references, state["looked"]
        scope.emit(
            Final(
                answer=Answer(
                    text=text,
                    citations=references.cited() if references else (),
                    uncited=references.uncited() if references else (),
                    coverage=coverage_of(release, looked, verdict.text),
                    usage=reply.usage,
                    model=reply.model,
                    question=verdict.text,
                    access=scope.limits.access,
                    annotation=looked.annotation if looked else None,
                )
            )
        )
        return {}

    async def _looked(self, turn: Turn, context: TurnContext, state: TurnState) -> Looked | None:
        """Look once more, with the question before, where the question says too little by itself."""
        looked = state.get("looked")
        if looked is None:
            return None
        if self._runtimes.is_offline(turn.assistant):
            return await self._lookup.elliptical(turn, context, looked, state["recalled"])
        if looked.findings.coverage != "not_found" or looked.question:
            return looked
        return Looked(findings=await self._lookup.follow_up(turn, context, turn.text, state["recalled"]))

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
                    shown = scope.show(release.push(event.text))
                    # Where nothing came out, the answer may be at its end: the model need not go on.
                    if release.is_not_found or (not shown and release.is_blocked):
                        break
                elif isinstance(event, Reply):
                    reply = event
                elif isinstance(event, Found):
                    scope.limit(union(event.access, *(cited.passage.access for cited in event.passages)))
                    release.found(event)
                else:
                    scope.emit(event)
        return reply


def coverage_of(release: Release, looked: Looked | None, question: str) -> Coverage | None:
    """Return how far the answer rests on the knowledge base.

    None: there is no base, or nothing was asked. `not_found`: nothing was found, or the model said so. `partly`:
    passages were there and the answer refers to none, or the search itself found only a part.
    """
    if looked and looked.annotation:
        return "answered"
    if looked is None or release.references is None or courtesy(question):
        return None
    found = looked.findings.coverage
    if release.references.cited():
        return "answered" if found == "not_found" else found
    if release.is_not_found or found == "not_found":
        return "not_found"
    return "partly"


def _usable(moderator: Moderator, quoted: str) -> str:
    """Another person's words, as far as they may be read out to a model."""
    if not quoted:
        return ""
    verdict = moderator.check_input(quoted)
    return "" if verdict.action == "block" else verdict.text


def _blocked(turn: Turn) -> Answer:
    reply = turn.assistant.moderation.reply or say("blocked", turn.language)
    return Answer(text=reply, outcome="blocked", memorable=False)
