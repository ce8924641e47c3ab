"""One message to answer, with everything that was looked up for it, and what is said about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from agents.types import Principal
from bot.texts import Language, language_of, say
from channels.types import Action, InboundMessage, OutboundMessage, Progress
from config.assistant import Assistant

Kind = Literal["answer", "notice", "failure"]
Sign = Literal["started", "text", "step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A message on its way to its answer."""

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

    def reply(
        self,
        content: str,
        *,
        kind: Kind,
        outcome: str = "answered",
        suggestions: tuple[str, ...] = (),
        actions: tuple[Action, ...] = (),
    ) -> OutboundMessage:
        """Return what ends this case; its id is the same whenever the case is answered again."""
        return OutboundMessage(
            id=f"{self.turn}-0",
            conversation=self.message.conversation,
            content=content,
            kind=kind,
            turn=self.turn,
            suggestions=suggestions,
            actions=actions,
            in_reply_to=self.message.reply_to,
            language=self.language,
            outcome=outcome,
        )

    def sign(self, kind: Sign, text: str = "", offset: int = 0) -> Progress:
        """Return a sign of life, which the reply replaces."""
        return Progress(
            conversation=self.message.conversation,
            turn=self.turn,
            kind=kind,
            text=text,
            offset=offset,
            in_reply_to=self.message.reply_to,
        )


def failure(message: InboundMessage, text: str, **values: object) -> OutboundMessage:
    """Return the notice that a message failed, with a reference by which an operator finds it in the log."""
    language = language_of(message.text, hint=message.sender.language)
    turn = turn_id(message)
    return OutboundMessage(
        # Not the answer's id: a dead letter that is retried may still be answered.
        id=f"{turn}-failed",
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
