"""Answer one claimed message: a command, an event or a turn; then finish its lane in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from bot.case import Case, failure, turn_id
from bot.commands.base import Call, CommandServices
from bot.commands.table import CommandTable
from bot.dead_letters import dead_letter
from bot.lanes import Lanes
from bot.outbox import outgoing
from bot.reader import Held
from bot.telemetry import Metrics
from bot.texts import language_of, say
from bot.turns import Turns
from bot.wire import decode_inbound
from channels.types import InboundMessage
from config.assistant import Assistant

log = structlog.get_logger()

MERGE_MAX = 20


class Answering:
    """Turns claims into finished lanes."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        turns: Turns,
        commands: CommandTable,
        services: CommandServices,
        metrics: Metrics,
    ) -> None:
        self._lanes = lanes
        self._turns = turns
        self._commands = commands
        self._services = services
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
        elapsed_s = time.monotonic() - started
        self._metrics.turns.labels(outcome).inc()
        self._metrics.turn_seconds.observe(elapsed_s)
        log.debug("turn.finished", trace=turn_id(message), outcome=outcome, elapsed_ms=round(elapsed_s * 1000))

    async def rescue(self, held: Held, error: Exception) -> None:
        """Tell the person that their message failed, after `answer` raised something unforeseen."""
        message = decode_inbound(held.claim.payload)
        notice = failure(message, "failed")
        letter = dead_letter(held.claim, message.id, reason=repr(error))
        await self._lanes.finish(held.claim, outgoing=[outgoing(notice)], dead=letter)

    async def _open(self, held: Held, message: InboundMessage) -> Case:
        principal, chosen = await asyncio.gather(
            self._services.access.principal(message.sender),
            self._services.profiles.assistant(message.conversation.key),
        )
        assistant = self._assistant(message, chosen)
        return Case(
            turn=turn_id(message),
            messages=(message,),
            principal=principal,
            assistant=assistant,
            language=language_of(self._worded(message), hint=message.sender.language, fixed=assistant.language),
        )

    def _worded(self, message: InboundMessage) -> str:
        """Return what tells a person's language: an English command such as `/kb ls` does not."""
        return "" if message.text.isascii() and self._commands.parse(message) else message.text

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
        await self._services.recent_files.note(message)
        command = self._commands.parse(message)
        if command:
            return await self._command(held, case, *command)
        length, limit = len(message.text), case.assistant.limits.input_characters
        if length > limit:
            notice = failure(message, "too_long", length=length, limit=limit)
            await self._lanes.finish(held.claim, outgoing=[outgoing(notice)])
            return "too_long"
        return await self._turns.answer(held, await self._merged(held, case))

    async def _greet(self, held: Held, case: Case) -> str:
        content = case.assistant.opening or say("hello", case.language)
        greeting = case.reply(content, kind="notice", suggestions=case.assistant.questions)
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
            show=self._shows(case),
            again=held.claim.attempt > 1,
        )
        try:
            reply, outcome = await self._commands.run(name, call), "answered"
        except asyncio.CancelledError:
            held.ending = True
            if held.reason != "stopped":
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
            reply, outcome = self._commands.stopped(name, call), "stopped"
        held.ending = True
        answer = case.reply(
            reply.content, kind="notice", outcome=outcome, suggestions=reply.suggestions, actions=reply.actions
        )
        await self._lanes.finish(held.claim, outgoing=[outgoing(answer)] if reply.content else [])
        return "command"

    def _shows(self, case: Case) -> Callable[[str], None]:
        first = [case.sign("started")]

        def show(text: str) -> None:
            for sign in (*first, case.sign("step", text)):
                self._services.live.publish(sign)
            first.clear()

        return show

    async def _merged(self, held: Held, case: Case) -> Case:
        busy = case.assistant.while_busy
        if busy.mode != "merge" or case.message.history is not None:
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

    async def _give_up(self, held: Held, message: InboundMessage) -> None:
        log.error("turn.dead", trace=turn_id(message), attempts=held.claim.attempt)
        letter = dead_letter(held.claim, message.id, reason="every attempt ended without an answer")
        await self._lanes.finish(held.claim, outgoing=[outgoing(failure(message, "gave_up"))], dead=letter)
        self._metrics.turns.labels("dead").inc()
