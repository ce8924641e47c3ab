"""One running turn: the text so far, and what of it was shown when."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field

from channels.markup.markdown import parse_markdown
from channels.markup.styled import Span, StyledText, clean
from channels.telegram.html import render
from channels.telegram.outbound import TEXT_MAX_UTF16
from channels.types import Conversation, Progress

FIRST_CHARACTERS = 20
"""A message that will be edited is not begun with less."""
STEP_CHARACTERS = 300
_TAIL_CHARACTERS = 3000
_FENCE = "```"


@dataclass(slots=True, eq=False)
class LiveTurn:
    """A turn that is being answered."""

    id: str
    conversation: Conversation
    reply_to: str | None
    text: str = ""
    step: str = ""
    news: bool = False
    """Whether there is something that was not shown yet."""
    closed: bool = False
    begun_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)
    shown: str = ""
    shown_at: float = 0.0
    show_at: float = 0.0
    """Nothing is shown before this time."""
    type_at: float = 0.0
    step_at: float | None = None
    """When a step is shown that was put off."""
    edits: int = 0
    message_id: int | None = None
    looked_up: bool = False
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def chat(self) -> int:
        """Telegram's id of the chat."""
        return int(self.conversation.chat)

    @property
    def thread(self) -> int | None:
        """Telegram's id of the topic."""
        return int(self.conversation.thread) if self.conversation.thread else None

    @property
    def draft_id(self) -> int:
        """An id that is the same in every process, and never 0."""
        return int.from_bytes(hashlib.sha256(self.id.encode()).digest()[:4]) % 0x7FFFFFFF + 1

    def note(self, progress: Progress) -> None:
        """Take in a sign of life; a piece of text that does not fit on is left out."""
        if self.closed:
            return
        self.heard_at = time.monotonic()
        if progress.kind == "step":
            self.step = progress.text
        elif progress.kind == "text" and progress.offset <= len(self.text):
            self.text = self.text[: progress.offset] + progress.text
        else:
            return
        if not self.news:
            self.news = True
            self._awake.set()

    def close(self) -> None:
        """Show nothing more; only the id of what was shown is kept."""
        self.closed = True
        self.text = self.step = self.shown = ""
        self._awake.set()
        if self.timer is not None:
            self.timer.cancel()

    def pause(self, seconds: float) -> None:
        """Show nothing for a while."""
        self.show_at = self.type_at = time.monotonic() + seconds
        self.news = self.news or bool(self.text or self.step)

    def postpone(self, seconds: float) -> bool:
        """Put a step off until the turn is so old; False where it is. Text that comes meanwhile is not put off."""
        self.step_at = self.begun_at + seconds
        return time.monotonic() < self.step_at

    def resume(self, now: float) -> None:
        """Take what was put off as news once its time has come."""
        if self.step_at is not None and now >= self.step_at:
            self.step_at = None
            self.news = self.news or bool(self.step)

    async def wait(self, renew_s: float | None) -> None:
        """Wait until something is to be shown, typed or renewed, or the turn is over."""
        due = self.type_at if self.step_at is None else min(self.type_at, self.step_at)
        if self.news:
            due = min(due, self.show_at)
        elif renew_s is not None and self.shown:
            due = min(due, self.shown_at + renew_s)
        self._awake.clear()
        if not self.closed:
            try:
                await asyncio.wait_for(self._awake.wait(), max(0.01, due - time.monotonic()))
            except TimeoutError:
                return

    def draft(self) -> str:
        """Return HTML of the text so far, or of its end where it is too long; before any text, of the step."""
        if not self.text.strip():
            return self._step()
        parts = parse_markdown(_tail(self.text)).split(TEXT_MAX_UTF16, "utf16")
        return render(parts[-1]) if parts else ""

    @property
    def names_step(self) -> bool:
        """True while there is too little text to begin a message with."""
        return len(self.text.strip()) < FIRST_CHARACTERS

    def message(self) -> str:
        """Return HTML of what will be the first part of the answer; while there is too little of it, of the step."""
        if self.names_step:
            return self._step()
        beginning = self.text[: TEXT_MAX_UTF16 * 2]
        parts = parse_markdown(beginning).split(TEXT_MAX_UTF16, "utf16")
        return render(parts[0]) if parts else ""

    def _step(self) -> str:
        step = clean(self.step).strip()
        if len(step) > STEP_CHARACTERS:
            step = f"{step[:STEP_CHARACTERS]}…"
        return render(StyledText(step, (Span(0, len(step), "italic"),))) if step else ""


def _tail(text: str) -> str:
    """Return the last paragraphs of a long text, inside a code block if they stand in one."""
    if len(text) <= TEXT_MAX_UTF16:
        return text
    start = text.rfind("\n", 0, len(text) - _TAIL_CHARACTERS) + 1 or len(text) - _TAIL_CHARACTERS
    inside = text.count(f"\n{_FENCE}", 0, start) % 2 == 1
    return f"…\n\n{_FENCE}\n{text[start:]}" if inside else f"…\n\n{text[start:]}"
