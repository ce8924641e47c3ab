"""Finding the passages of one base: vectors and words together, within what the asker may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from knowledge.asking import PART_WEIGHT
from knowledge.base import VectorIndex
from knowledge.catalogue.file import CatalogueFile, Row, access_of, permitted
from knowledge.catalogue.reader import Reader
from knowledge.catalogue.vectors import VectorStore
from knowledge.fusion import Fusion, Scored, fused
from knowledge.types import Access, Passage, Scope
from knowledge.words import terms

_NEAREST = 60  # vectors asked for; a chunk has one to some eight
_LEXICAL = 30  # chunks asked for
_SAME = 0.9  # share of common terms above which two chunks say the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, or a part of one, with its vector."""

    text: str
    vector: Sequence[float]


class Search:
    """Searches one base. Blocking; used by one thread at a time."""

    def __init__(self, file: CatalogueFile, index: VectorIndex, *, base: str, model: str, access: Access) -> None:
        """`access` is the base's own limit, which its passages carry along."""
        self._reader = Reader(file)
        self._vectors = VectorStore(file, model=model)
        self._index = index
        self._base = base
        self._limit = (access,) if access.roles or access.conversations else ()

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
        labels = self._permitted(scope)
        if labels is not None and not labels:
            return []
        best: dict[int, Scored] = {}
        words: dict[int, str] = {}
        for at, one in enumerate(asked):
            for scored in self._scored(one, labels, words, how=how, weight=PART_WEIGHT if at else 1.0):
                if scored.number not in best or best[scored.number].score < scored.score:
                    best[scored.number] = scored
        ranked = sorted(best.values(), key=lambda scored: (-scored.score, scored.number))
        return self._passages(ranked, words, limit=limit, scope=scope, tags=tags)

    def _scored(
        self, asked: Asked, labels: Collection[str] | None, words: dict[int, str], *, how: Fusion, weight: float
    ) -> list[Scored]:
        """Score what vectors or words bring up for one text; the words of the chunks are added to `words`."""
        question = self._reader.question(terms(asked.text))
        ranked = self._reader.matching(question, count=_LEXICAL, labels=labels)
        cosines = self._nearest(asked.vector, labels)
        cosines |= self._cosines(asked.vector, [number for number in ranked if number not in cosines])
        words |= self._reader.words([number for number in cosines if number not in words])
        visible = {number: cosine for number, cosine in cosines.items() if number in words}
        lexical = {number: question.covered(words[number]) for number in visible}
        return fused(visible, lexical, ranked=ranked, how=how, weight=weight)

    def _permitted(self, scope: Scope) -> Collection[str] | None:
        """Return the labels that `scope` may see; None where that is all of them."""
        labels = self._reader.labels()
        visible = {label for label in labels if permitted(access_of(label), scope)}
        return None if visible == labels else visible

    def _nearest(self, vector: Sequence[float], labels: Collection[str] | None) -> dict[int, float]:
        best: dict[int, float] = {}
        for key, cosine in self._index.nearest(vector, count=_NEAREST, labels=labels):
            number = int(key.partition(".")[0])
            best[number] = max(cosine, best.get(number, -1.0))
        return best

    def _cosines(self, vector: Sequence[float], numbers: Collection[int]) -> dict[int, float]:
        """Return the best cosine of chunks that only their words brought up."""
        import numpy

        held = self._vectors.vectors_for(numbers)
        if not held:
            return {}
        rows = numpy.frombuffer(b"".join(row[2] for row in held), dtype="<f2").reshape(-1, len(vector))
        cosines = rows.astype("f4") @ numpy.asarray(vector, "f4")
        starts = numpy.cumsum([0, *(count for _, count, _ in held[:-1])])
        best = numpy.maximum.reduceat(cosines, starts).tolist()
        return {number: cosine for (number, _, _), cosine in zip(held, best, strict=True)}

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
        for one in scored:
            if len(found) == limit:
                break
            row = self._reader.row(one.number)
            # Asked again here: the labels above speed the search up, this line is the right.
            if row is None or not permitted(row.version.access, scope) or not tags <= row.version.tags:
                continue
            own = frozenset(words[one.number].split())
            if any(_alike(own, other) for other in kept):
                continue
            kept.append(own)
            found.append(self._passage(row, one))
        return found

    def _passage(self, row: Row, one: Scored) -> Passage:
        return Passage(
            text=row.chunk.text,
            document=row.version.document,
            title=row.version.title,
            chunk=f"{row.version.id}-{row.ordinal}",
            position=row.chunk.position,
            score=round(min(1.0, one.score), 4),
            source=row.version.source,
            base=self._base,
            vector_score=round(min(1.0, one.vector), 4),
            lexical_score=round(min(1.0, one.lexical), 4),
            access=(*self._limit, *(one for one in row.version.access if one.roles or one.conversations)),
        )


def _alike(left: frozenset[str], right: frozenset[str]) -> bool:
    """Tell whether two chunks say the same: nearly the same words, and the very same numbers."""
    if not left or len(left & right) < _SAME * len(left | right):
        return False
    return not any(char.isdigit() for term in left ^ right for char in term)
