"""From what a runtime says to what a person may read, while it streams."""

from __future__ import annotations

from typing import Protocol

from agents.citations import CitationFilter, References
from agents.types import Found, Verdict


class OutputFilter(Protocol):
    """Moderation of one answer: text comes out once it can no longer be the start of a forbidden phrase."""

    @property
    def verdict(self) -> Verdict:
        """What was found so far; after `block` nothing more comes out."""

    def push(self, text: str) -> str:
        """Take more of the answer and return what may be shown."""

    def finish(self) -> str:
        """Return the rest that may be shown."""


class MarkFilter:
    """Replaces a mark and everything behind it, however it is cut."""

    def __init__(self, mark: str, replacement: str) -> None:
        self._mark = mark
        self._replacement = replacement
        self._held = ""
        self.found = False

    def push(self, text: str) -> str:
        """Take more of the answer and return what can be given on."""
        if self.found:
            return ""
        text = self._held + text
        at = text.find(self._mark)
        if at >= 0:
            self.found, self._held = True, ""
            return text[:at] + self._replacement
        keep = next(
            (n for n in range(min(len(self._mark) - 1, len(text)), 0, -1) if self._mark.startswith(text[-n:])), 0
        )
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """Return what was held back."""
        text, self._held = self._held, ""
        return text


class Release:
    """One answer on its way out: the mark for "not found", references, then moderation."""

    def __init__(
        self, output: OutputFilter, *, references: References | None = None, mark: MarkFilter | None = None
    ) -> None:
        self.references = references
        self._output = output
        self._mark = mark
        self._citations = CitationFilter(references.shown) if references else None
        self._released: list[str] = []

    @property
    def text(self) -> str:
        """Everything that was released."""
        return "".join(self._released)

    @property
    def verdict(self) -> Verdict:
        """What moderation says."""
        return self._output.verdict

    @property
    def is_blocked(self) -> bool:
        """True once the answer may not go on."""
        return self._output.verdict.action == "block"

    @property
    def is_not_found(self) -> bool:
        """True when the model said that the knowledge base is silent."""
        return self._mark is not None and self._mark.found

    def found(self, event: Found) -> None:
        """Let the answer refer to what a tool found."""
        if self.references is not None:
            for cited in event.passages:
                self.references.add(cited)

    def push(self, text: str) -> str:
        """Take what the runtime said and return what may be shown now."""
        if self._mark:
            text = self._mark.push(text)
        if self._citations:
            text = self._citations.push(text)
        return self._out(self._output.push(text)) if text else ""

    def finish(self) -> str:
        """Return what was held back and may be shown."""
        text = self._mark.finish() if self._mark else ""
        if self._citations:
            text = self._citations.push(text) + self._citations.finish()
        shown = self._output.push(text) if text else ""
        return self._out(shown + self._output.finish())

    def _out(self, text: str) -> str:
        if text:
            self._released.append(text)
        return text
