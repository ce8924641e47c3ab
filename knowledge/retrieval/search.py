"""Finding the passages of one base: vectors and words together, within what the asker may see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from urllib.parse import quote

from knowledge.base import VectorIndex
from knowledge.catalogue.file import CatalogueFile, Row, Version, access_of, permitted
from knowledge.catalogue.meanings import Meanings
from knowledge.catalogue.reader import Extent, Question, Reader
from knowledge.catalogue.vectors import VectorStore, unpacked_rows
from knowledge.retrieval.asking import PART_WEIGHT
from knowledge.retrieval.fusion import Fusion, Scored, fused
from knowledge.retrieval.meanings import REORDERED, SHARE, Shares, reordered
from knowledge.retrieval.parents import Parents
from knowledge.retrieval.words import terms
from knowledge.types import Access, Passage, Scope

NEAREST = 60
"""Vectors asked for; a chunk has one to some seven."""
_MORE = (1.5, 6.0)  # times what would do if the limited documents were spread evenly
_MORE_MAX = 480
_LEXICAL = 20  # chunks asked for
_SAME = 0.9  # share of common terms above which two chunks say the same

Vectors = Sequence[Sequence[float]]
Nearest = list[list[tuple[str, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, or a part of one, with its vector."""

    text: str
    vector: Sequence[float]
    words: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """The vectors of its single words, where the embedder makes such."""


class Search:
    """Searches one base. Blocking; used by one thread at a time."""

    def __init__(
        self,
        file: CatalogueFile,
        index: VectorIndex,
        *,
        base: str,
        model: str,
        meanings: Meanings,
        access: Access,
        around: int = 0,
        link: str = "",
    ) -> None:
        """`access` is the base's own limit, which its passages carry along.

        With `around`, so many chunks before and after a hit are given along with it.
        """
        self._reader = Reader(file)
        self._vectors = VectorStore(file, model=model)
        self._shares = Shares(meanings)
        self._index = index
        self._base = base
        self._limit = (access,) if access.roles or access.conversations else ()
        self._around = around
        self._link = link

    def best(
        self,
        asked: Sequence[Asked],
        *,
        limit: int,
        scope: Scope,
        tags: frozenset[str] = frozenset(),
        how: Fusion = "hybrid",
    ) -> list[Passage]:
        """Return the `limit` best passages, whatever their score, without near-duplicates.

        The first of `asked` is the question itself, the others are its parts.
        """
        extent = self._reader.extent()
        labels = _permitted(extent, scope)
        if labels is not None and not labels:
            return []
        vectors = [one.vector for one in asked]
        nearest = self._nearest(vectors, labels, extent)
        questions = self._reader.questions([terms(one.text) for one in asked], total=extent.chunks)
        ranked = [self._reader.matching(question, count=_LEXICAL, labels=labels) for question in questions]
        compared = self._compared(vectors, ranked)
        cosines = [beside | _best(hits) for beside, hits in zip(compared, nearest, strict=True)]
        words = self._reader.words({number for found in cosines for number in found})
        best: dict[int, Scored] = {}
        for at, question in enumerate(questions):
            weight = PART_WEIGHT if at else 1.0
            for scored in _scored(question, cosines[at], words, ranked=ranked[at], how=how, weight=weight):
                if scored.number not in best or best[scored.number].score < scored.score:
                    best[scored.number] = scored
        ordered = sorted(best.values(), key=lambda scored: (-scored.score, scored.number))
        if how == "hybrid":
            ordered = self._ordered(ordered, asked, questions, words)
        return self._passages(ordered, words, limit=limit, scope=scope, tags=tags)

    def _ordered(
        self, scored: Sequence[Scored], asked: Sequence[Asked], questions: Sequence[Question], words: Mapping[int, str]
    ) -> list[Scored]:
        """Put the best in order by what their single words mean; as it is where the words have no vectors."""
        first = scored[:REORDERED] if any(one.words for one in asked) else ()
        if not first:
            return list(scored)
        held = self._shares.of(
            [one.words for one in asked],
            [question.weights for question in questions],
            {one.number: words[one.number] for one in first},
        )
        shares = [max(own[0], *(PART_WEIGHT * part for part in own[1:]), 0.0) for own in zip(*held, strict=True)]
        ranks = {one.number: (1 - SHARE) * one.score + SHARE * share for one, share in zip(first, shares, strict=True)}
        return reordered(scored, ranks)

    def _nearest(self, vectors: Vectors, labels: Collection[str] | None, extent: Extent) -> Nearest:
        """Search among what is permitted. The index's own filter is slow: cheaper to ask for more and leave out."""
        if labels is None:
            return self._index.nearest(vectors, count=NEAREST, labels=None)
        share = sum(extent.labels[label] for label in labels) / max(1, extent.chunks)
        for more in _MORE:
            count = ceil(more * NEAREST / share) if share else 0
            if not 0 < count <= _MORE_MAX:
                break
            found = self._index.nearest(vectors, count=count, labels=None)
            within = self._reader.within({_number(key) for hits in found for key, _ in hits}, labels)
            kept = [list(islice((hit for hit in hits if _number(hit[0]) in within), NEAREST)) for hits in found]
            if all(len(hits) == NEAREST for hits in kept):
                return kept
        return self._index.nearest(vectors, count=NEAREST, labels=labels)

    def _compared(self, vectors: Vectors, ranked: Sequence[Sequence[int]]) -> list[dict[int, float]]:
        """Return for each vector the best cosines of the chunks that its words brought up."""
        import numpy

        held = self._vectors.vectors_for({number for numbers in ranked for number in numbers})
        if not held:
            return [{} for _ in ranked]
        rows = unpacked_rows([row[2] for row in held], width=len(vectors[0]))
        starts = numpy.cumsum([0, *(count for _, count, _ in held[:-1])])
        best = numpy.maximum.reduceat(rows @ numpy.asarray(vectors, "f4").T, starts).tolist()
        cosines = {number: row for (number, _, _), row in zip(held, best, strict=True)}
        return [
            {number: cosines[number][at] for number in numbers if number in cosines}
            for at, numbers in enumerate(ranked)
        ]

    def _passages(
        self,
        scored: Sequence[Scored],
        words: Mapping[int, str],
        *,
        limit: int,
        scope: Scope,
        tags: frozenset[str],
    ) -> list[Passage]:
        found: list[Passage] = []
        kept: list[frozenset[str]] = []
        parents = Parents(self._reader, around=self._around)
        for one, row in self._rows(scored, 2 * limit):
            if len(found) == limit:
                break
            # Asked again here: the labels above speed the search up, this line is the right.
            if not permitted(row.version.access, scope) or not tags <= row.version.tags or parents.hold(row):
                continue
            own = frozenset(words[one.number].split())
            if any(_alike(own, other) for other in kept):
                continue
            kept.append(own)
            found.append(self._passage(row, parents.text(row), one))
        return found

    def _rows(self, scored: Sequence[Scored], portion: int) -> Iterator[tuple[Scored, Row]]:
        """Yield what is visible, looked up so many at a time."""
        for at in range(0, len(scored), portion):
            part = scored[at : at + portion]
            rows = self._reader.rows([one.number for one in part])
            yield from ((one, rows[one.number]) for one in part if one.number in rows)

    def _source(self, version: Version) -> str:
        """Return a link where there is one: the page that was fetched, or where the base's documents can be read."""
        if not self._link or version.source.startswith(("http://", "https://")):
            return version.source
        return self._link.replace("{document}", quote(version.document))

    def _passage(self, row: Row, text: str, one: Scored) -> Passage:
        return Passage(
            text=text,
            document=row.version.document,
            title=row.version.title,
            chunk=f"{row.version.id}-{row.ordinal}",
            position=row.chunk.position,
            score=round(min(1.0, one.score), 4),
            source=self._source(row.version),
            base=self._base,
            vector_score=round(min(1.0, one.vector), 4),
            lexical_score=round(min(1.0, one.lexical), 4),
            access=(*self._limit, *(one for one in row.version.access if one.roles or one.conversations)),
        )


def _permitted(extent: Extent, scope: Scope) -> Collection[str] | None:
    """Return the labels that `scope` may see; None where that is all of them."""
    visible = {label for label in extent.labels if permitted(access_of(label), scope)}
    return None if len(visible) == len(extent.labels) else visible


def _number(key: str) -> int:
    return int(key.partition(".")[0])


def _best(hits: Iterable[tuple[str, float]]) -> dict[int, float]:
    """Return the best cosine of each chunk; the hits are in order, nearest first."""
    best: dict[int, float] = {}
    for key, cosine in hits:
        best.setdefault(_number(key), cosine)
    return best


def _scored(
    question: Question,
    cosines: Mapping[int, float],
    words: Mapping[int, str],
    *,
    ranked: Sequence[int],
    how: Fusion,
    weight: float,
) -> list[Scored]:
    visible = {number: cosine for number, cosine in cosines.items() if number in words}
    lexical = {number: question.covered(words[number]) for number in visible}
    return fused(visible, lexical, ranked=ranked, how=how, weight=weight)


def _alike(left: frozenset[str], right: frozenset[str]) -> bool:
    """Tell whether two chunks say the same: nearly the same words, and the very same numbers."""
    if not left or len(left & right) < _SAME * len(left | right):
        return False
    return not any(char.isdigit() for term in left ^ right for char in term)
