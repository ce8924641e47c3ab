"""The protocols of knowledge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from knowledge.types import Annotation, Findings, Loaded, Passage, Scope


class Retriever(Protocol):
    """Finds passages in knowledge bases."""

    async def search(
        self, query: str, *, bases: Sequence[str], limit: int, scope: Scope, also: Sequence[str] = ()
    ) -> Findings:
        """Return at most `limit` passages above the bases' thresholds, best first.

        `also` are other wordings of the same question; what fits only one of them counts a little less.

        Waits while a base is being opened for the first time.

        Raises:
            IndexUnavailable, EmbeddingUnavailable: a retry is safe.
            UnknownBase: a base of that name is not configured.
        """

    async def answer(self, query: str, *, bases: Sequence[str], scope: Scope, count: bool = True) -> Annotation | None:
        """Return the fixed answer to nearly the same question, if there is one that `scope` may see.

        Questions that name different numbers are never the same. It counts as given unless `count` is False. Costs
        next to nothing where no base has fixed answers. Raises like `search`.
        """


class Embedder(Protocol):
    """Turns texts into vectors."""

    name: str
    """Changes whenever the vectors would change."""
    dimensions: int
    batch: int
    """How many texts to give at once: few where a question must not wait behind them."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length per text, in order.

        Raises:
            EmbeddingUnavailable: the model or endpoint cannot be reached; a retry is safe.
        """


@runtime_checkable
class WordEmbedder(Protocol):
    """An embedder that also turns single words into vectors, so cheaply that all words of a base can have one."""

    async def embed_words(self, words: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length per word, in order; only other words' are comparable with it.

        Raises:
            EmbeddingUnavailable: the model cannot be loaded.
        """


class Reranker(Protocol):
    """Puts passages into a better order."""

    candidates: int
    """How many it wants to choose from."""

    async def rerank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return all of `passages`, the most relevant first; their scores stay.

        Raises:
            RerankUnavailable: the order stays as it is.
        """


class Loader(Protocol):
    """Reads one kind of file: one module with this function, and a line in a table or an entry point."""

    def __call__(self, data: bytes, *, name: str) -> Loaded:
        """Return the text of a file with its structure; `name` is its file name.

        Blocking and possibly slow: called in a worker thread or process.

        Raises:
            DocumentRefused: it is unsafe, too large or unreadable; the message is for an operator.
        """


class VectorIndex(Protocol):
    """Nearest neighbours among the vectors of one base. Blocking: called in worker threads."""

    def nearest(
        self, vectors: Sequence[Sequence[float]], *, count: int, labels: Collection[str] | None
    ) -> list[list[tuple[str, float]]]:
        """Return for each vector up to `count` ids with their cosine, nearest first.

        Only those with one of `labels` if given; a filter may cost much more than the search itself.
        """
