"""The vocabulary of knowledge: documents, chunks and passages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Coverage = Literal["answered", "partly", "not_found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who asks and where: retrieval never returns what this scope may not see."""

    roles: frozenset[str] = frozenset()
    conversation: str = ""
    audience_roles: frozenset[str] | None = None
    """In a group, the rights that everyone who reads the answer has; None in private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may see a document; every limit that is not empty must be met."""

    roles: frozenset[str] = frozenset()
    conversations: frozenset[str] = frozenset()

    def permits(self, scope: Scope) -> bool:
        """Tell whether `scope` may see it; in a group, the audience's rights count, not only the asker's."""
        held = scope.roles if scope.audience_roles is None else scope.roles & scope.audience_roles
        if self.roles and not self.roles & held:
            return False
        return not self.conversations or scope.conversation in self.conversations


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
    access: tuple[Access, ...] = ()
    """The limits on who may see it: those of its base and of its document; all of them must permit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a search found, best first, and whether it is enough to answer from."""

    passages: tuple[Passage, ...] = ()
    coverage: Coverage = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, list, table or code block as a loader read it, with its place in the document."""

    text: str
    headings: tuple[str, ...] = ()
    """The headings it stands under, outermost first, without the document's title."""
    place: str = ""
    """Where headings do not say it: a page, slide, sheet or row range."""
    kind: Literal["text", "table", "pair"] = "text"
    """A table is split between its lines, its first line repeated; a question-answer pair is never split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a loader read from one file."""

    title: str
    blocks: tuple[Block, ...]
    tags: frozenset[str] = frozenset()
    access: Access = field(default_factory=Access)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document, small enough to be found and cited."""

    text: str
    headings: tuple[str, ...] = ()
    place: str = ""

    @property
    def position(self) -> str:
        """Heading path and page, for a person."""
        return " · ".join(part for part in (" › ".join(self.headings), self.place) if part)
