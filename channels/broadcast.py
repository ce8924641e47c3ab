"""Passing on a running turn to whoever reads along in this process: text so far, steps, and "there is news".

A reader keeps a position in the turn's text and not a queue of its own: a slow one gets larger pieces and
loses nothing, one that comes late gets the text so far, and the memory is that of the text alone.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from channels.types import Conversation, Progress

TURNS_MAX = 2000
"""Running turns that are kept for readers who come late."""
TEXT_MAX_CHARACTERS = 200_000


@dataclass(slots=True, kw_only=True)
class LiveTurn:
    """A running turn as far as it is known here."""

    conversation: Conversation
    turn: str
    run: int
    """Counts the attempts: a turn that starts again begins its text anew."""
    start: int = 0
    """The offset of `text` in the whole text; above 0 where its beginning was missed."""
    text: str = ""
    step: str = ""
    step_at: int = 0
    in_reply_to: str | None = None

    @property
    def end(self) -> int:
        """The offset behind the last character known."""
        return self.start + len(self.text)

    def add(self, progress: Progress) -> None:
        """Take in a piece of text; what was known already is skipped, what was missed shifts the start."""
        if progress.offset > self.end:
            self.start, self.text = progress.offset, ""
        known = self.end - progress.offset
        self.text += progress.text[known:]
        if len(self.text) > TEXT_MAX_CHARACTERS:
            cut = TEXT_MAX_CHARACTERS // 2
            self.start, self.text = self.start + cut, self.text[cut:]


class Listener:
    """One reader's place in the running turn of a conversation."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.news = True
        """Something durable may have been added since the reader last looked."""
        self._turn: tuple[str, int] | None = None
        self._position = 0
        self._step = ""

    def catch_up(self, live: LiveTurn | None, conversation: Conversation) -> list[Progress]:
        """Return what this reader has not seen of the running turn."""
        items: list[Progress] = []
        if self._turn and (live is None or live.turn != self._turn[0]):
            items.append(Progress(conversation=conversation, turn=self._turn[0], kind="ended"))
            self._turn = None
        if live is None:
            return items
        if self._turn != (live.turn, live.run):
            self._turn, self._position, self._step = (live.turn, live.run), live.start, ""
            items.append(self._progress(live, "started"))
        step = [self._progress(live, "step", live.step)] if live.step != self._step else []
        text = self._unread(live)
        self._step, self._position = live.step, live.end
        return items + (text + step if live.step_at == live.end else step + text)

    def _unread(self, live: LiveTurn) -> list[Progress]:
        position = max(self._position, live.start)
        text = live.text[position - live.start :]
        return [self._progress(live, "text", text, position)] if text else []

    @staticmethod
    def _progress(
        live: LiveTurn, kind: Literal["started", "text", "step"], text: str = "", offset: int = 0
    ) -> Progress:
        return Progress(
            conversation=live.conversation,
            turn=live.turn,
            kind=kind,
            text=text,
            offset=offset,
            in_reply_to=live.in_reply_to,
        )


class Broadcast:
    """The running turns of one channel account, and who reads along."""

    def __init__(self, *, late_readers: bool = True) -> None:
        self._late_readers = late_readers
        self._turns: OrderedDict[str, LiveTurn] = OrderedDict()
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)

    def live(self, key: str) -> LiveTurn | None:
        """Return the running turn of a conversation, if one is known here."""
        return self._turns.get(key)

    def publish(self, progress: Progress) -> None:
        """Take in a sign of life and wake the readers."""
        key = progress.conversation.key
        if progress.kind == "ended":
            self.end(key, progress.turn)
        elif self._late_readers or key in self._listeners:
            self._update(key, progress)
            self._wake(key)

    def end(self, key: str, turn: str) -> None:
        """The turn's durable message is there: forget the text, and let the readers look."""
        live = self._turns.get(key)
        if live and live.turn == turn:
            del self._turns[key]
        self._wake(key, news=True)

    @contextmanager
    def listen(self, key: str) -> Iterator[Listener]:
        """Read along until the block is left."""
        listener = Listener()
        self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]
                if not self._late_readers:
                    self._turns.pop(key, None)

    def wake_all(self) -> None:
        """Let every reader look up: the channel stops."""
        for key in list(self._listeners):
            self._wake(key)

    def _update(self, key: str, progress: Progress) -> None:
        live = self._turns.get(key)
        if live is None or live.turn != progress.turn or progress.kind == "started":
            run = live.run + 1 if live else 0
            live = LiveTurn(conversation=progress.conversation, turn=progress.turn, run=run)
            self._turns[key] = live
        self._turns.move_to_end(key)
        if progress.kind == "text":
            live.add(progress)
        elif progress.kind == "step":
            live.step, live.step_at = progress.text, live.end
        live.in_reply_to = progress.in_reply_to or live.in_reply_to
        while len(self._turns) > TURNS_MAX:
            self._turns.popitem(last=False)

    def _wake(self, key: str, *, news: bool = False) -> None:
        for listener in self._listeners.get(key, ()):
            listener.news = listener.news or news
            listener.woken.set()
