"""The questions of an evaluation and the passages they expect, read from YAML, JSONL or CSV.

The format is described in docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from knowledge.types import Passage, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A passage that must be found. What is left empty may be anything."""

    document: str
    """The document's id, the end of it from a `/` on, or a pattern with `*`."""
    position: str = ""
    """A part of its heading path or place."""
    text: tuple[str, ...] = ()
    """One of these stands in it or in its headings; white space does not count."""

    def meets(self, passage: Passage) -> bool:
        """Tell whether this is the passage meant."""
        if not fnmatchcase(passage.document, self.document) and not fnmatchcase(
            f"/{passage.document}", f"*/{self.document}"
        ):
            return False
        if self.position and _squeezed(self.position) not in _squeezed(passage.position):
            return False
        found = _squeezed(f"{passage.position} {passage.text}")
        return not self.text or any(_squeezed(text) in found for text in self.text)

    def __str__(self) -> str:
        return " · ".join(part for part in (self.document, self.position, " | ".join(self.text)) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. One that expects nothing is unanswerable: finding nothing is right."""

    text: str
    expects: tuple[Expected, ...] = ()
    language: str = ""
    kind: str = ""
    tags: frozenset[str] = frozenset()
    scope: Scope = field(default_factory=Scope)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def places(question: Question, passages: Sequence[Passage]) -> tuple[int | None, ...]:
    """Return for each expected passage the place, from 1, where it first stands among `passages`; None: nowhere."""
    return tuple(
        next((at for at, passage in enumerate(passages, 1) if expected.meets(passage)), None)
        for expected in question.expects
    )
