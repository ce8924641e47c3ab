"""What can go wrong in knowledge.

KnowledgeError
├── IndexUnavailable       the vector store cannot be reached
├── EmbeddingUnavailable   the embedding model or endpoint cannot be reached
├── RerankUnavailable      the reranking endpoint cannot be reached
├── UnknownBase            no base of that name is configured
├── UnknownRevision        no revision of that number is kept
├── UnknownDocument        the base has no document or addition of that name
├── DocumentRefused        a document is unsafe, too large or unreadable
│   └── FetchRefused       an address may not be fetched, or could not be
└── Busy                   another process is changing the base
"""

from __future__ import annotations


class KnowledgeError(Exception):
    """The root of all knowledge errors."""


class IndexUnavailable(KnowledgeError):
    """The index cannot be reached; a retry is safe."""


class EmbeddingUnavailable(KnowledgeError):
    """The embedding model or endpoint cannot be reached; a retry is safe."""


class RerankUnavailable(KnowledgeError):
    """The reranking endpoint cannot be reached; what was found keeps its order."""


class UnknownBase(KnowledgeError):
    """No knowledge base of that name is configured."""


class UnknownRevision(KnowledgeError):
    """No revision of that number is kept."""


class UnknownDocument(KnowledgeError):
    """The base has no document or addition of that name; `close` are similar ones."""

    def __init__(self, name: str, *, close: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.close = close


class DocumentRefused(KnowledgeError):
    """A document is unsafe, too large or unreadable; `document` says which."""

    def __init__(self, message: str, *, document: str) -> None:
        super().__init__(message)
        self.document = document


class FetchRefused(DocumentRefused):
    """An address may not be fetched, or could not be; `document` is the address."""


class Busy(KnowledgeError):
    """Another process is changing the base; try again in a while."""
