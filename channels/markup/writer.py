"""Write text and remember which ranges of it are styled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from channels.markup.styled import Span, Style, StyledText


@dataclass(slots=True)
class _Mark:
    """A style that was opened; it starts where the next text is written."""

    style: Style
    value: str
    start: int | None = None
    piece: int = 0


class Writer:
    """Collects text; white space between blocks is written only once something follows it."""

    def __init__(self) -> None:
        self.indent = ""
        """Written at the start of a line that has no prefix of its own."""
        self._pieces: list[str] = []
        self._length = 0
        self._spans: list[Span] = []
        self._marks: list[_Mark] = []
        self._gap = 0
        self._prefix = ""

    def styled(self) -> StyledText:
        """Return what was written."""
        return StyledText("".join(self._pieces), tuple(self._spans))

    def gap(self, lines: int) -> None:
        """Ask for at least so many line ends before the next text."""
        self._gap = max(self._gap, lines)

    def prefix(self, text: str) -> None:
        """Put `text` (a list item's marker) before the next text."""
        self._prefix = text

    def flush_prefix(self) -> None:
        """Write a prefix that still waits for its text."""
        if self._prefix:
            self._start_line()
            self._gap = 0

    def write(self, text: str, *, indented: bool = True) -> None:
        """Write text."""
        if not text:
            return
        if self._gap or self._prefix or not self._length:
            self._start_line(indented=indented)
        self._begin(self._marks)
        self._put(text)

    def open(self, style: Style, value: str = "") -> None:
        """Begin a style; `close` ends the one opened last."""
        self._marks.append(_Mark(style, value))

    def opened_text(self) -> str:
        """Return what was written since the style that was opened last."""
        mark = self._marks[-1]
        return "" if mark.start is None else "".join(self._pieces[mark.piece :])

    def close(self, *, keep: bool = True) -> None:
        """End the style that was opened last; without `keep` it leaves no trace."""
        mark = self._marks.pop()
        if keep and mark.start is not None and self._length > mark.start:
            self._spans.append(Span(mark.start, self._length, mark.style, mark.value))

    def _start_line(self, *, indented: bool = True) -> None:
        if self._length and self._gap:
            self._put("\n" * self._gap)
        fresh = self._gap > 0 or not self._length
        self._gap = 0
        self._begin(mark for mark in self._marks if mark.style == "quote")
        if self._prefix:
            self._put(self._prefix)
            self._prefix = ""
        elif fresh and indented and self.indent:
            self._put(self.indent)

    def _begin(self, marks: Iterable[_Mark]) -> None:
        for mark in marks:
            if mark.start is None:
                mark.start, mark.piece = self._length, len(self._pieces)

    def _put(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)
