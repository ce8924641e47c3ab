"""Finding the passages of one base: vectors and words together, within what the asker may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from knowledge.base import VectorIndex
from knowledge.catalogue.file import CatalogueFile, Row, access_of
from knowledge.catalogue.reader import Reader
from knowledge.catalogue.vectors import VectorStore
from knowledge.fusion import Fusion, Scored, fused
from knowledge.types import Passage, Scope
from knowledge.words import terms

_NEAREST = 60  # vectors asked for; a chunk has one to some eight
_LEXICAL = 30  # chunks asked for
_SAME = 0.9  # share of common terms above which two chunks say the same


class Search:
    """Searches one base. Blocking; used by one thread at a time."""

    def __init__(self, file: CatalogueFile, index: VectorIndex, *, base: str, model: str) -> None:
        self._reader = Reader(file)
        self._vectors = VectorStore(file)
        self._index = index
        self._base = base
        self._model = model

    def best(
        self,
        query: str,
        vector: Sequence[float],
        *,
        limit: int,
        scope: Scope,
        tags: frozenset[str] = frozenset(),
        how: Fusion = "hybrid",
    ) -> list[Passage]:
        """Return the `limit` best passages, whatever their score, without near-duplicates."""
        labels = self._permitted(scope)
        if labels is not None and not labels:
            return []
        question = self._reader.question(terms(query))
        cosines = self._nearest(vector, labels)
        ranked = self._reader.matching(question, count=_LEXICAL, labels=labels)
        cosines |= self._cosines(vector, [number for number in ranked if number not in cosines])
        words = self._reader.terms_of(cosines)
        lexical = {number: question.covered(held) for number, held in words.items()}
        scored = fused(
            {number: cosine for number, cosine in cosines.items() if number in words},
            lexical,
            ranked=ranked,
            how=how,
        )
        return self._passages(scored, words, limit=limit, scope=scope, tags=tags)

    def _permitted(self, scope: Scope) -> Collection[str] | None:
        """Return the labels that `scope` may see; None where that is all of them."""
        labels = self._reader.labels()
        permitted = {label for label in labels if access_of(label).permits(scope)}
        return None if permitted == labels else permitted

    def _nearest(self, vector: Sequence[float], labels: Collection[str] | None) -> dict[int, float]:
        best: dict[int, float] = {}
        for key, cosine in self._index.nearest(vector, count=_NEAREST, labels=labels):
            number = int(key.partition(".")[0])
            best[number] = max(cosine, best.get(number, -1.0))
        return best

    def _cosines(self, vector: Sequence[float], numbers: Collection[int]) -> dict[int, float]:
        """Return the best cosine of chunks that only their words brought up."""
        import numpy

        held = self._vectors.vectors_for(self._model, numbers)
        if not held:
            return {}
        matrix = numpy.frombuffer(b"".join(row[1] for row in held), dtype="<f2").reshape(len(held), -1)
        best: dict[int, float] = {}
        for (number, _), cosine in zip(held, (matrix.astype("f4") @ numpy.asarray(vector, "f4")).tolist(), strict=True):
            best[number] = max(cosine, best.get(number, -1.0))
        return best

    def _passages(
        self,
        scored: Sequence[Scored],
        words: dict[int, frozenset[str]],
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
            row = self._reader.rows([one.number]).get(one.number)
            # Asked again here: the labels above speed the search up, this line is the right.
            if row is None or not row.version.access.permits(scope) or not tags <= row.version.tags:
                continue
            if any(_alike(words[one.number], other) for other in kept):
                continue
            kept.append(words[one.number])
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
        )


def _alike(left: frozenset[str], right: frozenset[str]) -> bool:
    """Tell whether two chunks say the same: nearly the same words, and the very same numbers."""
    if not left or len(left & right) < _SAME * len(left | right):
        return False
    return not any(char.isdigit() for term in left ^ right for char in term)
