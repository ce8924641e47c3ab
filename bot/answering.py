"""Answer one claimed message: a command, an event or a turn; then finish its lane in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import structlog

from agents.errors import AgentError, ModelError, TurnTooLong
from agents.types import Answer, Cited, Delta, Final, Principal, RecalledMessage, Step, ToolCall, Turn, TurnContext
from bot.commands.base import Call, CommandServices
from bot.commands.table import CommandTable
from bot.dead_letters import dead_letter
from bot.lanes import Lanes
from bot.live import Live
from bot.outbox import Outbox, outgoing
from bot.reader import Held
from bot.supervisor import Supervisor
from bot.telemetry import Metrics
from bot.texts import Language, language_of, say
from bot.wire import decode_inbound
from channels.types import Action, Citation, InboundMessage, OutboundMessage, Progress
from config.assistant import Assistant

if TYPE_CHECKING:
    from agents.turn import TurnEngine

log = structlog.get_logger()

EXCERPT_MAX = 1000
MERGE_MAX = 20
ProgressKind = Literal["started", "text", "step", "ended"]
MessageKind = Literal["answer", "notice", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message to answer, with everything that was looked up for it."""

    turn: str
    messages: tuple[InboundMessage, ...]
    """What is answered; more than one only where quick messages are merged."""
    principal: Principal
    assistant: Assistant
    language: Language

    @property
    def message(self) -> InboundMessage:
        """The newest of the messages: where the answer goes."""
        return self.messages[-1]


class Answering:
    """Turns claims into finished lanes."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        engine: Callable[[], TurnEngine],
        commands: CommandTable,
        services: CommandServices,
        live: Live,
        outbox: Outbox,
        background: Supervisor,
        metrics: Metrics,
    ) -> None:
        self._lanes = lanes
        self._engine = engine
        self._commands = commands
        self._services = services
        self._live = live
        self._outbox = outbox
        self._background = background
        self._metrics = metrics

    async def answer(self, held: Held) -> None:
        """Answer the head of a claimed lane.

        Raises:
            LaneLost: another worker has taken over; nothing was changed.
        """
        message = decode_inbound(held.claim.payload)
        if held.claim.attempt > self._services.configuration().settings.limits.attempts:
            await self._give_up(held, message)
            return
        started = time.monotonic()
        outcome = await self._route(held, await self._open(held, message))
        self._metrics.turns.labels(outcome).inc()
        self._metrics.turn_seconds.observe(time.monotonic() - started)

    async def rescue(self, held: Held, error: Exception) -> None:
        """Tell the person that their message failed, after `answer` raised something unforeseen."""
        message = decode_inbound(held.claim.payload)
        notice = self._notice(message, "failed")
        letter = dead_letter(held.claim, message.id, reason=repr(error))
        await self._lanes.finish(held.claim, outgoing=[outgoing(notice)], dead=letter)

    async def _open(self, held: Held, message: InboundMessage) -> Case:
        principal = await self._services.access.principal(message.sender)
        chosen = await self._services.profiles.assistant(message.conversation.key)
        assistant = self._assistant(message, chosen)
        return Case(
            turn=turn_id(message),
            messages=(message,),
            principal=principal,
            assistant=assistant,
            language=language_of(message.text, hint=message.sender.language, fixed=assistant.language),
        )

    def _assistant(self, message: InboundMessage, chosen: str | None) -> Assistant:
        """Return the assistant that the request, the conversation or the account names, else the default one."""
        configuration = self._services.configuration()
        channel, account = message.conversation.channel, message.conversation.account
        names = (message.assistant, chosen, configuration.settings.channels.assistant_of(channel, account))
        found = (configuration.assistants[name] for name in names if name and name in configuration.assistants)
        return next(found, None) or configuration.assistant(None)

    async def _route(self, held: Held, case: Case) -> str:
        message = case.message
        if message.kind == "event":
            return await self._greet(held, case)
        command = self._commands.parse(message)
        if command:
            return await self._command(held, case, *command)
        length, limit = len(message.text), case.assistant.limits.input_characters
        if length > limit:
            notice = self._notice(message, "too_long", length=length, limit=limit)
            await self._lanes.finish(held.claim, outgoing=[outgoing(notice)])
            return "too_long"
        return await self._turn(held, await self._merged(held, case))

    async def _greet(self, held: Held, case: Case) -> str:
        content = case.assistant.opening or say("hello", case.language)
        greeting = self._message(case, content, kind="notice", suggestions=case.assistant.questions)
        await self._lanes.finish(held.claim, outgoing=[outgoing(greeting)])
        return "greeted"

    async def _command(self, held: Held, case: Case, name: str, arguments: str) -> str:
        call = Call(
            arguments=arguments,
            message=case.message,
            principal=case.principal,
            language=case.language,
            assistant=case.assistant,
            services=self._services,
        )
        reply = await self._commands.run(name, call)
        answer = self._message(case, reply.content, kind="notice", suggestions=reply.suggestions, actions=reply.actions)
        await self._lanes.finish(held.claim, outgoing=[outgoing(answer)] if reply.content else [])
        return "command"

    async def _merged(self, held: Held, case: Case) -> Case:
        busy = case.assistant.while_busy
        if busy.mode != "merge":
            return case
        await asyncio.sleep(busy.merge_wait_s)
        waiting = [decode_inbound(text) for text in await self._lanes.peek(held.claim, MERGE_MAX)]
        messages = [waiting[0]]
        for following in waiting[1:]:
            same = following.sender.user == messages[0].sender.user and following.kind == "message"
            if not same or self._commands.parse(following):
                break
            messages.append(following)
        return replace(case, messages=tuple(messages))

    async def _turn(self, held: Held, case: Case) -> str:
        engine = self._engine()
        turn = self._asked(case)
        seconds = case.assistant.limits.turn_s
        context = TurnContext(trace=case.turn, principal=case.principal, deadline_s=seconds, attempt=held.claim.attempt)
        shown: list[str] = []
        if case.assistant.while_busy.mode == "interrupt":
            held.interruptible_by = case.principal.person
        self._show(case, "started")
        try:
            async with asyncio.timeout(seconds):
                answer = await self._run(engine, turn, context, case, shown)
        except asyncio.CancelledError:
            if held.reason not in ("stopped", "interrupted"):
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
            return await self._broken_off(held, case, engine, turn, "".join(shown))
        except (AgentError, TimeoutError) as error:
            return await self._failed(held, case, error)
        await self._finish(held, case, engine, turn, answer)
        return answer.outcome

    async def _run(self, engine: TurnEngine, turn: Turn, context: TurnContext, case: Case, shown: list[str]) -> Answer:
        offset = 0
        async for event in engine.run(turn, context):
            match event:
                case Delta(text=text):
                    self._show(case, "text", text, offset)
                    shown.append(text)
                    offset += len(text)
                case Step(text=text):
                    self._show(case, "step", text)
                case ToolCall(name=name):
                    self._show(case, "step", f"🔧 {name}")
                case Final(answer=answer):
                    return answer
        raise TurnTooLong("the turn ended without an answer")

    async def _finish(self, held: Held, case: Case, engine: TurnEngine, turn: Turn, answer: Answer) -> None:
        message = replace(
            self._message(case, answer.text, kind="answer", outcome=answer.outcome),
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
            writes=engine.memory_writes(turn, answer),
        )
        self._metrics.tokens.labels("prompt").inc(answer.usage.prompt_tokens)
        self._metrics.tokens.labels("completion").inc(answer.usage.completion_tokens)
        self._background.spawn(f"after:{turn.id}", self._after(engine, turn, answer, message))

    async def _after(self, engine: TurnEngine, turn: Turn, answer: Answer, message: OutboundMessage) -> None:
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
        await engine.remember(turn)

    async def _broken_off(self, held: Held, case: Case, engine: TurnEngine, turn: Turn, shown: str) -> str:
        mark = say(held.reason, case.language)
        content = f"{shown.rstrip()}\n\n{mark}" if shown.strip() else mark
        message = self._message(case, content, kind="notice", outcome=held.reason)
        answer = await engine.broken_off(turn, content)
        await self._lanes.finish(
            held.claim,
            taken=len(case.messages),
            outgoing=[outgoing(message)],
            writes=engine.memory_writes(turn, answer),
        )
        await engine.forget_checkpoint(turn)
        return held.reason

    async def _failed(self, held: Held, case: Case, error: AgentError | TimeoutError) -> str:
        log.warning("turn.failed", trace=case.turn, error=repr(error))
        if isinstance(error, TimeoutError | TurnTooLong):
            text = "too_slow"
        elif isinstance(error, ModelError):
            text = "model_failed" if error.retryable else "model_refused"
        else:
            text = "failed"
        notice = self._notice(case.message, text, seconds=int(case.assistant.limits.turn_s))
        await self._lanes.finish(held.claim, taken=len(case.messages), outgoing=[outgoing(notice)])
        return "failed"

    async def _give_up(self, held: Held, message: InboundMessage) -> None:
        log.error("turn.dead", trace=turn_id(message), attempts=held.claim.attempt)
        letter = dead_letter(held.claim, message.id, reason="every attempt ended without an answer")
        await self._lanes.finish(held.claim, outgoing=[outgoing(self._notice(message, "gave_up"))], dead=letter)
        self._metrics.turns.labels("dead").inc()

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

    def _show(self, case: Case, kind: ProgressKind, text: str = "", offset: int = 0) -> None:
        message = case.message
        self._live.publish(
            Progress(
                conversation=message.conversation,
                turn=case.turn,
                kind=kind,
                text=text,
                offset=offset,
                in_reply_to=message.reply_to,
            )
        )

    def _message(
        self,
        case: Case,
        content: str,
        *,
        kind: MessageKind,
        outcome: str = "answered",
        suggestions: Sequence[str] = (),
        actions: Sequence[Action] = (),
    ) -> OutboundMessage:
        return OutboundMessage(
            id=f"{case.turn}-0",
            conversation=case.message.conversation,
            content=content,
            kind=kind,
            turn=case.turn,
            suggestions=tuple(suggestions),
            actions=tuple(actions),
            in_reply_to=case.message.reply_to,
            language=case.language,
            outcome=outcome,
        )

    @staticmethod
    def _notice(message: InboundMessage, text: str, **values: object) -> OutboundMessage:
        language = language_of(message.text, hint=message.sender.language)
        turn = turn_id(message)
        return OutboundMessage(
            id=f"{turn}-0",
            conversation=message.conversation,
            content=say(text, language, trace=turn[:8], **values),
            kind="failure",
            turn=turn,
            in_reply_to=message.reply_to,
            language=language,
            outcome="failed",
        )


def turn_id(message: InboundMessage) -> str:
    """Return the turn's id: the same whenever the same message is answered again."""
    return hashlib.sha256(f"{message.conversation.key}\n{message.id}".encode()).hexdigest()[:20]


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
