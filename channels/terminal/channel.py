"""The terminal as a channel: one person, one conversation, one process.

Several terminals may share a store. Each has an account of its own, because whoever serves an account
delivers all of its messages: an answer must not appear in another person's window.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter

from channels.base import Deliver
from channels.terminal.lines import Lines
from channels.terminal.screen import Screen
from channels.terminal.texts import TEXTS, Language
from channels.types import (
    Conversation,
    InboundMessage,
    Limits,
    OutboundMessage,
    Part,
    Progress,
    Receipt,
    Sender,
)

NAME = "terminal"
LIMITS = Limits(text_max=10_000_000, can_stream="delta", buttons_max=20)
LEAVING = ("/exit", "/quit", "/bye", "/退出")

_outbound = TypeAdapter(OutboundMessage)


class TerminalChannel:
    """A conversation in a terminal; `converse` is its main loop."""

    name = NAME
    exclusive = False
    limits = LIMITS

    def __init__(
        self,
        deliver: Deliver,
        *,
        lines: Lines,
        screen: Screen,
        user: str,
        language: Language,
        session: str = "",
        assistant: str | None = None,
        interactive: bool = True,
    ) -> None:
        """Give a `session` to go on with an earlier conversation; `user` is the login name."""
        self.account = session or uuid4().hex[:12]
        self._deliver = deliver
        self._lines = lines
        self._screen = screen
        self._language = language
        self._assistant = assistant
        self._interactive = interactive
        self._conversation = Conversation(channel=NAME, account=self.account, chat=user)
        # Rights are given to `terminal/default/LOGIN`, whatever the window.
        self._sender = Sender(channel=NAME, account="default", user=user, name=user, language=language)
        self._shown: set[str] = set()
        self._choices: tuple[tuple[str, str], ...] = ()
        self._awaited = ""
        self._answered = asyncio.Event()
        self._stop: asyncio.Task[str] | None = None
        self._prompting = False
        self._leaving = asyncio.Event()

    async def start(self) -> None:
        """Begin: there is no platform to ask."""

    async def stop(self) -> None:
        """End the conversation at the next prompt."""
        self._leaving.set()

    async def converse(self, *, opening: str = "", questions: Sequence[str] = ()) -> int:
        """Answer line after line until there are no more or the person leaves; returns the exit code."""
        with self._interruptible():
            self._offer([(question, question) for question in questions], show=False)
            self._screen.welcome(opening, questions)
            while not self._leaving.is_set():
                line = await self._line()
                if line is None and self._interactive:
                    self._screen.note("")  # the prompt's line has no end yet
                if line is None or line.strip().lower() in LEAVING:
                    break
                if line.strip():
                    await self._ask(self._chosen(line.strip()))
        self._screen.end()
        if self._interactive:
            self._screen.note(TEXTS["bye"][self._language])
        return 0

    def plan(self, message: OutboundMessage) -> tuple[Part, ...]:
        """Return the one part that carries the whole message."""
        payload = _outbound.dump_python(message, mode="json", exclude={"conversation"}, exclude_defaults=True)
        return (Part(conversation=message.conversation, message=message.id, ordinal=0, payload=payload),)

    async def send(self, part: Part) -> Receipt:
        """Show the message, once."""
        if part.message not in self._shown:
            self._shown.add(part.message)
            self._show_message(_outbound.validate_python({**part.payload, "conversation": part.conversation}))
        return Receipt(platform_id=part.message)

    async def show(self, progress: Progress) -> None:
        """Show the turn that the person waits for."""
        if progress.in_reply_to == self._awaited:
            self._screen.progress(progress)

    def interrupt(self) -> None:
        """Ctrl-C: stop the answer that is being written, else leave."""
        if self._awaited and self._stop is None:
            self._screen.note(TEXTS["stopping"][self._language])
            self._stop = asyncio.create_task(self._submit("/stop"))
            return
        self._leaving.set()
        self._answered.set()

    async def _ask(self, text: str) -> None:
        self._answered.clear()
        self._stop = None
        self._awaited = uuid4().hex
        self._screen.begin()
        if await self._submit(text, message_id=self._awaited) == "busy":
            self._screen.end()
            self._screen.note(TEXTS["busy"][self._language])
        else:
            await self._answered.wait()
        self._awaited = ""

    async def _submit(self, text: str, *, message_id: str = "") -> str:
        if text.startswith("/use"):
            # From here on the conversation's own choice applies.
            self._assistant = None
        message_id = message_id or uuid4().hex
        return await self._deliver(
            InboundMessage(
                id=message_id,
                conversation=self._conversation,
                sender=self._sender,
                text=text,
                reply_to=message_id,
                sent_at=datetime.now(UTC),
                assistant=self._assistant,
            )
        )

    def _show_message(self, message: OutboundMessage) -> None:
        added = message.kind == "suggestions"
        choices = [(item, item) for item in message.suggestions] + [(item.label, item.text) for item in message.actions]
        if self._prompting:
            self._screen.note("")
        if not added:
            self._screen.message(message)
        if choices or not added:
            self._offer(choices)
        if self._prompting:
            self._screen.prompt(self._prompt)
        if not added and message.in_reply_to == self._awaited:
            self._answered.set()

    def _offer(self, choices: Sequence[tuple[str, str]], *, show: bool = True) -> None:
        self._choices = tuple(choices)
        if show:
            self._screen.choices([label for label, _ in choices])

    def _chosen(self, line: str) -> str:
        """Return what a line stands for: the number of something offered, or itself."""
        if self._interactive and line.isdecimal() and 0 < int(line) <= len(self._choices):
            return self._choices[int(line) - 1][1]
        return line

    @property
    def _prompt(self) -> str:
        return TEXTS["prompt"][self._language] if self._interactive else ""

    async def _line(self) -> str | None:
        reading = asyncio.ensure_future(self._lines.next(self._prompt))
        leaving = asyncio.ensure_future(self._leaving.wait())
        self._prompting = self._interactive
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else None
        finally:
            self._prompting = False
            reading.cancel()
            leaving.cancel()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Take over Ctrl-C from the loop while a person is there."""
        if not self._interactive:
            yield
            return
        undo: list[Callable[[], object]] = []
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not the main thread, or no such signals
            loop.add_signal_handler(signal.SIGINT, self.interrupt)
            undo.append(lambda: loop.remove_signal_handler(signal.SIGINT))
        try:
            yield
        finally:
            for step in undo:
                step()
