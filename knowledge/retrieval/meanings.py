"""The order of what was found, by the meaning of single words.

A vector of a sentence blurs its words, and the same word in another form or language is no word in common. Here each
word of the question looks for the nearest word of a chunk; how well the chunk holds all of them, the telling ones
above all, moves it up or down. Measured in `benchmarks/knowledge`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from knowledge.base import WordEmbedder
from knowledge.catalogue.meanings import Meanings
from knowledge.retrieval.fusion import Scored

REORDERED = 24
"""So many of the best chunks are put in order."""
SHARE = 0.3
"""How much the words count beside the score."""
_FLOOR = 0.2  # cosine of words that have nothing to do with each other
_CURVE = 0.7
_HELD = 4096  # chunks whose words are remembered
Chunks = Mapping[int, str]
"""The terms of chunks (of `Reader.words`), by number."""


class Words:
    """A word embedder as an embedder of texts."""

    def __init__(self, embedder: WordEmbedder, *, name: str) -> None:
        self.name = f"{name}/words"
        self.dimensions = 0
        self.batch = 64
        self._embedder = embedder

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per word."""
        return await self._embedder.embed_words(texts)


class Shares:
    """How much of the meaning of some words the chunks of a base hold."""

    def __init__(self, meanings: Meanings) -> None:
        self._meanings = meanings
        self._held: OrderedDict[int, Any] = OrderedDict()

    def of(
        self, asked: Sequence[Mapping[str, Sequence[float]]], weights: Sequence[Mapping[str, float]], chunks: Chunks
    ) -> list[list[float]]:
        """Return for each text asked, given as its words, how much each chunk holds of it, in [0, 1].

        `weights` say how much each word tells.
        """
        import numpy

        words = {word: vector for one in asked for word, vector in one.items()}
        if not words:
            return [[0.0] * len(chunks) for _ in asked]
        best = self._best(chunks, list(words.values()))
        for at, terms in enumerate(chunks.values()):
            best[at, [column for column, word in enumerate(words) if f" {word} " in terms]] = 1.0
        telling = numpy.asarray(
            [[own.get(word, 0.0) * (word in one) for word in words] for one, own in zip(asked, weights, strict=True)]
        )
        whole = numpy.maximum(telling.sum(axis=1, keepdims=True), 1e-9)
        shares: list[list[float]] = (telling @ best.T / whole).tolist()
        return shares

    def _best(self, chunks: Chunks, asked: Sequence[Sequence[float]]) -> Any:
        """Return for each chunk how near its nearest word is to each word asked for."""
        import numpy

        places = [self._places(number, terms) for number, terms in chunks.items()]
        best = numpy.zeros((len(places), len(asked)), "f4")
        filled = [at for at, one in enumerate(places) if len(one)]
        if not filled:
            return best
        union, inverse = numpy.unique(numpy.concatenate(places), return_inverse=True)
        cosines = self._meanings.cosines(union, numpy.asarray(asked, "f4"))
        starts = numpy.cumsum([0, *(len(one) for one in places[:-1])])
        best[filled] = numpy.maximum.reduceat(cosines[inverse], starts[filled])
        return numpy.clip((best - _FLOOR) / (1 - _FLOOR), 0.0, 1.0) ** _CURVE

    def _places(self, number: int, terms: str) -> Any:
        """Return where the vectors of a chunk's words stand; a chunk never changes, so that is found out once."""
        import numpy

        if number not in self._held:
            found = self._meanings.places(dict.fromkeys(term for term in terms.split() if not term.endswith("~")))
            self._held[number] = numpy.asarray(found, "i4")
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[number]


def reordered(scored: Sequence[Scored], ranks: Mapping[int, float]) -> list[Scored]:
    """Return `scored` with those in `ranks` first, ordered by rank.

    What is moved up takes over the score of the best that it passes: how well the best fits does not change by which
    of them is the best, and a threshold keeps its meaning.
    """
    moved = sorted((one for one in scored if one.number in ranks), key=lambda one: -ranks[one.number])
    ordered = [*moved, *(one for one in scored if one.number not in ranks)]
    highest = 0.0
    for at in range(len(ordered) - 1, -1, -1):
        if ordered[at].score < highest:
            ordered[at] = replace(ordered[at], score=highest)
        highest = ordered[at].score
    return ordered
