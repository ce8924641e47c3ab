"""The vocabulary of knowledge: documents, chunks and passages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Coverage = Literal["answered", "partly", "not_found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document that was found for a question."""

    text: str
    document: str
    """The document's id within its base."""
    title: str
    chunk: str
    position: str
    """Heading path or page, for a person."""
    score: float
    """In [0, 1]; 1 means identical."""
    source: str
    """A link or a path to cite."""
    base: str
    vector_score: float = 0.0
    lexical_score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who asks and where: retrieval never returns what this scope may not see."""

    roles: frozenset[str] = frozenset()
    conversation: str = ""
    audience_roles: frozenset[str] | None = None
    """In a group, the rights that everyone who reads the answer has; None in private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a search found, best first, and whether it is enough to answer from."""

    passages: tuple[Passage, ...] = ()
    coverage: Coverage = "not_found"
