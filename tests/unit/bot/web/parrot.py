"""A stand-in for the durable path: answers what the test taught it, through the channel like a worker would."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from channels.types import Acceptance, Action, Citation, Conversation, InboundMessage, OutboundMessage, Progress
from channels.web import WebChannel


@dataclass
class Lesson:
    """What to answer to a text: the pieces as they are streamed, and the final message around them."""

    pieces: Sequence[str] = ()
    content: str | None = None
    """None: the pieces put together."""
    kind: str = "answer"
    outcome: str = "answered"
    citations: Sequence[Citation] = ()
    suggestions: Sequence[str] = ()
    actions: Sequence[Action] = ()
    step: str = ""
    pause_s: float = 0.0
    endless: bool = False
    """Streams until it is stopped."""
    hold_after: int | None = None
    """Waits for `go_on` after so many pieces."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Parrot:
    channel: WebChannel | None = None
    lessons: dict[str, Lesson] = field(default_factory=dict)
    received: list[InboundMessage] = field(default_factory=list)
    cancelled: list[Conversation] = field(default_factory=list)
    busy: int = 0
    failure: Callable[[], Exception] | None = None
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _turns: itertools.count[int] = field(default_factory=itertools.count)

    async def __call__(self, message: InboundMessage) -> Acceptance:
        if self.failure:
            raise self.failure()
        if self.busy:
            self.busy -= 1
            return "busy"
        if any(known.id == message.id for known in self.received):
            return "duplicate"
        self.received.append(message)
        if message.kind == "command" and message.text == "/stop":
            await self.cancel(message.conversation)
        else:
            key = message.conversation.key
            before = self._tasks.get(key)
            self._tasks[key] = asyncio.create_task(self._answer(message, before))
        return "accepted"

    async def cancel(self, conversation: Conversation) -> None:
        self.cancelled.append(conversation)
        task = self._tasks.get(conversation.key)
        if task:
            task.cancel()

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _answer(self, message: InboundMessage, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.gather(before, return_exceptions=True)
        lesson = self.lessons.get(message.text) or Lesson(pieces=[f"You said: {message.text}"])
        turn = f"turn{next(self._turns)}"
        said = ""
        try:
            await self._show(message, turn, "started")
            if lesson.step:
                await self._show(message, turn, "step", lesson.step)
            for number, piece in enumerate(itertools.cycle(lesson.pieces) if lesson.endless else lesson.pieces):
                if number == lesson.hold_after:
                    await lesson.go_on.wait()
                await asyncio.sleep(lesson.pause_s)
                await self._show(message, turn, "text", piece, len(said))
                said += piece
        except asyncio.CancelledError:
            lesson = Lesson(content=f"{said}\n\n⏹ Stopped.", kind="notice", outcome="stopped")
        await self._say(message, turn, lesson, said)

    async def _say(self, message: InboundMessage, turn: str, lesson: Lesson, said: str) -> None:
        final = OutboundMessage(
            id=f"{turn}-0",
            conversation=message.conversation,
            content=said if lesson.content is None else lesson.content,
            kind=lesson.kind,  # type: ignore[arg-type]
            turn=turn,
            citations=tuple(lesson.citations),
            actions=tuple(lesson.actions),
            in_reply_to=message.reply_to,
            outcome=lesson.outcome,
            usage={"prompt_tokens": 7, "completion_tokens": 3},
        )
        await self._send(final)
        await self._show(message, turn, "ended")
        if lesson.suggestions:
            following = replace(
                final, id=f"{turn}-1", kind="suggestions", content="", citations=(), actions=(), amends=final.id
            )
            await self._send(replace(following, suggestions=tuple(lesson.suggestions)))

    async def _send(self, message: OutboundMessage) -> None:
        assert self.channel
        for part in self.channel.plan(message):
            await self.channel.send(part)

    async def _show(self, message: InboundMessage, turn: str, kind: str, text: str = "", offset: int = 0) -> None:
        assert self.channel
        await self.channel.show(
            Progress(
                conversation=message.conversation,
                turn=turn,
                kind=kind,  # type: ignore[arg-type]
                text=text,
                offset=offset,
                in_reply_to=message.reply_to,
            )
        )
