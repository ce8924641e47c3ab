"""The vocabulary of knowledge: documents, chunks and passages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

Coverage = Literal["answered", "partly", "not_found"]
_TO_THE_CHAT = 3  # platform, account, chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who asks and where: retrieval never returns what this scope may not see."""

    roles: frozenset[str] = frozenset()
    conversation: str = ""
    audience_roles: frozenset[str] | None = None
    """In a group, the rights that everyone who reads the answer has; None in private."""
    everything: bool = False
    """True for an operator at the command line, whom no limit holds; never for anybody in a chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may see a document; every limit that is not empty must be met."""

    roles: frozenset[str] = frozenset()
    conversations: frozenset[str] = frozenset()
    """Keys of conversations, or their beginnings from the chat on: `telegram:default:-100123` is a group with all its
    topics."""

    def permits(self, scope: Scope) -> bool:
        """Tell whether `scope` may see it; in a group, the audience's rights count, not only the asker's."""
        if scope.everything:
            return True
        held = scope.roles if scope.audience_roles is None else scope.roles & scope.audience_roles
        if self.roles and not self.roles & held:
            return False
        return not self.conversations or any(_within(scope.conversation, one) for one in self.conversations)


def _within(conversation: str, named: str) -> bool:
    """Tell whether a conversation is the named one or a part of it (a topic, a member's own).

    Part by part, so that chat 12 is not within chat 1; and never by the platform or account alone.
    """
    wanted = [unquote(part) for part in named.strip().rstrip(":").split(":")]
    return len(wanted) >= _TO_THE_CHAT and [unquote(part) for part in conversation.split(":")][: len(wanted)] == wanted


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
class DocumentInfo:
    """One line of a listing."""

    document: str
    title: str = ""
    source: str = ""
    chunks: int = 0
    access: tuple[Access, ...] = ()
    """The document's own limits; its base may have others."""
    tags: frozenset[str] = frozenset()
    addition: str = ""
    """The value of the addition that it comes from; empty where the configuration names it."""
    blocked: bool = False
    """Kept out of every sync."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A visible chunk with everything that is known of it."""

    document: str
    title: str
    source: str
    ordinal: int
    position: str
    text: str
    tags: frozenset[str] = frozenset()
    access: tuple[Access, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A question with its fixed answer."""

    number: int
    base: str
    question: str
    answer: str
    author: str
    hits: int
    """How often it was given."""
    score: float = 1.0
    """How near the question asked was, in [0, 1]."""
    access: tuple[Access, ...] = ()
    """The limits on who may see it; all of them must permit."""


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
