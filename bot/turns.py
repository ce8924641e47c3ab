"""Run a turn: show it while it runs, finish its lane with the answer, and do what may come after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from agents.errors import AgentError, ModelError, TurnTooLong
from agents.types import Answer, Cited, Delta, Final, Limited, RecalledMessage, Step, ToolCall, Turn, TurnContext
from bot.case import Case, Sign, failure
from bot.lanes import Lanes
from bot.live import Live
from bot.outbox import Outbox, outgoing
from bot.reader import Held
from bot.supervisor import Supervisor
from bot.telemetry import Metrics
from bot.texts import Language, say
from channels.types import Citation, InboundMessage, OutboundMessage
from knowledge.types import Access

if TYPE_CHECKING:
    from agents.turn import TurnEngine

log = structlog.get_logger()

EXCERPT_MAX = 1000


@dataclass(slots=True)
class _Run:
    """One run of a turn, what it has told so far, and whom that may be told to."""

    engine: TurnEngine
    turn: Turn
    context: TurnContext
    told: list[str] = field(default_factory=list)
    access: tuple[Access, ...] = ()


class Turns:
    """Answers cases with the engine of the configuration in force."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        engine: Callable[[], TurnEngine],
        live: Live,
        outbox: Outbox,
        background: Supervisor,
        metrics: Metrics,
    ) -> None:
        self._lanes = lanes
        self._engine = engine
        self._live = live
        self._outbox = outbox
        self._background = background
        self._metrics = metrics

    async def answer(self, held: Held, case: Case) -> str:
        """Answer the case, finish its lane, and return how the turn ended.

        Raises:
            LaneLost: another worker has taken over; nothing was changed.
        """
        seconds = case.assistant.limits.turn_s
        context = TurnContext(trace=case.turn, principal=case.principal, deadline_s=seconds, attempt=held.claim.attempt)
        run = _Run(self._engine(), self._asked(case), context)
        if case.assistant.while_busy.mode == "interrupt":
            held.interruptible_by = case.principal.person
        self._show(case, "started")
        try:
            async with asyncio.timeout(seconds):
                answer = await self._run(run, case)
        except asyncio.CancelledError:
            held.ending = True
            if held.reason not in ("stopped", "interrupted"):
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
            return await self._broken_off(held, case, run)
        except (AgentError, TimeoutError) as error:
            held.ending = True
            return await self._failed(held, case, error)
        held.ending = True
        await self._finish(held, case, run, answer)
        return answer.outcome

    async def _run(self, run: _Run, case: Case) -> Answer:
        offset = 0
        async for event in run.engine.run(run.turn, run.context):
            match event:
                case Delta(text=text):
                    self._show(case, "text", text, offset)
                    run.told.append(text)
                    offset += len(text)
                case Limited(access=access):
                    run.access = access
                case Step(text=text):
                    self._show(case, "step", text)
                case ToolCall(name=name):
                    self._show(case, "step", f"🔧 {name}")
                case Final(answer=answer):
                    return answer
        raise TurnTooLong("the turn ended without an answer")

    async def _finish(self, held: Held, case: Case, run: _Run, answer: Answer) -> None:
        message = replace(
            case.reply(answer.text, kind="answer", outcome=answer.outcome),
            citations=tuple(_citation(cited) for cited in answer.citations),
            usage={
                "prompt_tokens": answer.usage.prompt_tokens,
                "completion_tokens": answer.usage.completion_tokens,
            },
        )
        await self._lanes.finish(
            held.claim,
            taken=len(case.messages),
            outgoing=[outgoing(message)],
            writes=run.engine.memory_writes(run.turn, answer),
        )
        self._metrics.tokens.labels("prompt").inc(answer.usage.prompt_tokens)
        self._metrics.tokens.labels("completion").inc(answer.usage.completion_tokens)
        if answer.coverage:
            self._metrics.knowledge.labels("annotated" if answer.annotation else answer.coverage).inc()
        self._background.spawn(f"after:{run.turn.id}", self._after(run, answer, message))

    async def _after(self, run: _Run, answer: Answer, message: OutboundMessage) -> None:
        engine, turn = run.engine, run.turn
        await engine.forget_checkpoint(turn)
        if turn.history is not None:
            return
        if answer.outcome == "answered" and turn.assistant.follow_ups.enabled:
            suggestions = await engine.suggest(turn, answer)
            if suggestions:
                await self._outbox.put(
                    replace(
                        message,
                        id=f"{turn.id}-1",
                        kind="suggestions",
                        content="",
                        citations=(),
                        suggestions=suggestions,
                        amends=message.id,
                    )
                )
        await engine.remember(turn, run.context)

    async def _broken_off(self, held: Held, case: Case, run: _Run) -> str:
        mark, text = say(held.reason, case.language), "".join(run.told)
        content = f"{text.rstrip()}\n\n{mark}" if text.strip() else mark
        message = case.reply(content, kind="notice", outcome=held.reason)
        answer = await run.engine.broken_off(run.turn, content, run.access)
        await self._lanes.finish(
            held.claim,
            taken=len(case.messages),
            outgoing=[outgoing(message)],
            writes=run.engine.memory_writes(run.turn, answer),
        )
        await run.engine.forget_checkpoint(run.turn)
        return held.reason

    async def _failed(self, held: Held, case: Case, error: AgentError | TimeoutError) -> str:
        log.warning("turn.failed", trace=case.turn, error=repr(error))
        if isinstance(error, TimeoutError | TurnTooLong):
            text = "too_slow"
        elif isinstance(error, ModelError):
            text = "model_failed" if error.retryable else "model_refused"
        else:
            text = "failed"
        notice = failure(case.message, text, seconds=int(case.assistant.limits.turn_s))
        await self._lanes.finish(held.claim, taken=len(case.messages), outgoing=[outgoing(notice)])
        return "failed"

    def _asked(self, case: Case) -> Turn:
        message = case.message
        texts = [_with_attachments(part, case.language) for part in case.messages]
        history = message.history
        return Turn(
            id=case.turn,
            conversation=message.conversation.key,
            assistant=case.assistant,
            text="\n".join(texts),
            language=case.language,
            quoted=message.quoted,
            history=None
            if history is None
            else tuple(RecalledMessage(role=item.role, text=item.text) for item in history),
            options=message.options,
            group=not message.private,
        )

    def _show(self, case: Case, kind: Sign, text: str = "", offset: int = 0) -> None:
        self._live.publish(case.sign(kind, text, offset))


def _with_attachments(message: InboundMessage, language: Language) -> str:
    lines = [say("attachment", language, kind=item.kind, name=item.name) for item in message.attachments]
    return "\n".join([message.text, *lines]).strip()


def _citation(cited: Cited) -> Citation:
    passage = cited.passage
    return Citation(
        number=cited.number,
        title=passage.title,
        source=passage.source,
        position=passage.position,
        excerpt=passage.text[:EXCERPT_MAX],
    )
