"""The inbox: makes an inbound message durable, once, before its platform is told "received"."""

from __future__ import annotations

from collections.abc import Callable

from bot.access import person_of
from bot.commands.table import CommandTable
from bot.control import Control, Signal
from bot.lanes import Lanes
from bot.outbox import Outbox
from bot.telemetry import Metrics
from bot.texts import language_of, say
from bot.wire import encode_inbound
from channels.types import Acceptance, InboundMessage, OutboundMessage
from config.settings import ConversationLimits

IN = "in"
CONTROL = "control"
"""Lanes of what must not wait behind a running turn."""


class Inbox:
    """Accepts messages from every channel."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        beside: Lanes,
        control: Control,
        outbox: Outbox,
        commands: CommandTable,
        limits: Callable[[], ConversationLimits],
        metrics: Metrics,
    ) -> None:
        self._lanes = lanes
        self._beside = beside
        self._control = control
        self._outbox = outbox
        self._commands = commands
        self._limits = limits
        self._metrics = metrics

    async def accept(self, message: InboundMessage) -> Acceptance:
        """Store the message; afterwards its platform may be acknowledged.

        Returns "accepted", "duplicate" (it was accepted before) or "busy" (too many messages wait in the
        conversation: the person is told so, and the message is not answered).
        """
        limits = self._limits()
        conversation = message.conversation
        lanes = self._beside if self._commands.is_beside(message) else self._lanes
        appended = await lanes.append(
            conversation.key,
            encode_inbound(message),
            once=f"{conversation.channel}:{conversation.account}:{message.id}",
            remember_s=limits.deduplicate_hours * 3600,
            depth=limits.lane_depth,
        )
        self._metrics.accepted.labels(conversation.channel, appended.acceptance).inc()
        if appended.acceptance == "busy":
            await self._outbox.put(self._busy(message))
        elif appended.leased and lanes is self._lanes and self._commands.parse(message) is None:
            by = person_of(message.sender)
            await self._control.send(Signal(kind="arrived", conversation=conversation.key, by=by))
        return appended.acceptance

    @staticmethod
    def _busy(message: InboundMessage) -> OutboundMessage:
        language = language_of(message.text, hint=message.sender.language)
        return OutboundMessage(
            id=f"busy:{message.id}",
            conversation=message.conversation,
            kind="failure",
            content=say("busy", language),
            language=language,
            outcome="busy",
            turn=message.id,
            in_reply_to=message.reply_to,
        )
