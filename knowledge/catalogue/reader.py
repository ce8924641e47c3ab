"""Looking chunks up: by number, and by the words in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

from knowledge.catalogue.file import CatalogueFile, Row, Version, access_of, chunk_of
from knowledge.types import Chunk

_TERMS_MAX = 16  # the rarest terms of a long question; the others cost time and find nothing
_MATCHES_MAX = 1000  # chunks that are ranked by their words: 1 µs each; common words go first


@dataclass(frozen=True, slots=True)
class Question:
    """The terms of a question with how much each tells (their inverse document frequency)."""

    weights: Mapping[str, float]
    known: tuple[str, ...]
    """Those that occur in the base at all, rarest first."""
    telling: tuple[str, ...]
    """The rarest of them, which chunks are looked up by."""

    def covered(self, words: str) -> float:
        """Return the weight of the question's terms that are among `words` (of `Reader.words`), in [0, 1]."""
        found = sum([self.weights[term] for term in self.known if f" {term} " in words])
        return found / sum(self.weights.values()) if found else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What is visible at one revision."""

    revision: int = -1
    chunks: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    """How many chunks there are under each access label."""


class Reader:
    """The reading side of one catalogue: only what is published is ever returned."""

    def __init__(self, file: CatalogueFile) -> None:
        self._file = file
        self._extent = Extent()

    def revision(self) -> int:
        """Return the number of the visible revision; 0 before the first."""
        return self._file.number("SELECT COALESCE(MAX(number), 0) FROM revisions")

    def extent(self) -> Extent:
        """Return how much is visible; counted once for each revision."""
        revision = self.revision()
        if revision != self._extent.revision:
            rows = self._file.db.execute(
                "SELECT label, COUNT(chunks.number) FROM current JOIN versions ON versions.id=current.version "
                "LEFT JOIN chunks ON chunks.version=current.version GROUP BY label"
            )
            labels = dict(rows.fetchall())
            self._extent = Extent(revision=revision, chunks=sum(labels.values()), labels=labels)
        return self._extent

    def questions(self, texts: Sequence[Sequence[str]], *, total: int) -> list[Question]:
        """Weigh the terms of questions by how rare they are among the `total` chunks here."""
        wanted = json.dumps(list(dict.fromkeys(term for terms in texts for term in terms)), ensure_ascii=False)
        sql = "SELECT value, doc FROM json_each(?) CROSS JOIN vocabulary ON term=value"
        counts: dict[str, int] = dict(self._file.db.execute(sql, (wanted,)).fetchall())
        return [_weighed(dict.fromkeys(terms), counts, total) for terms in texts]

    def matching(self, question: Question, *, count: int, labels: Collection[str] | None) -> list[int]:
        """Return up to `count` chunks with some of the question's telling terms, best first (BM25)."""
        if not question.telling:
            return []
        match = " OR ".join(f'"{term}"' for term in question.telling)
        sql = "SELECT rowid FROM lexical WHERE lexical MATCH ? ORDER BY rank LIMIT ?"
        if labels is None:
            return [row[0] for row in self._file.db.execute(sql, (match, count))]
        sql = (
            "SELECT rowid FROM lexical WHERE lexical MATCH ? AND (SELECT label FROM chunks JOIN versions "
            "ON versions.id=chunks.version WHERE number=lexical.rowid) IN (SELECT value FROM json_each(?)) "
            "ORDER BY rank LIMIT ?"
        )
        return [row[0] for row in self._file.db.execute(sql, (match, json.dumps(sorted(labels)), count))]

    def within(self, numbers: Iterable[int], labels: Collection[str]) -> set[int]:
        """Return those of some chunks that stand under one of `labels`."""
        rows = self._file.db.execute(
            "SELECT number, label FROM json_each(?) CROSS JOIN chunks ON number=value "
            "JOIN versions ON versions.id=chunks.version",
            (json.dumps(list(numbers)),),
        )
        return {number for number, label in rows if label in labels}

    def words(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return the terms of chunks, each between spaces; those that are not visible are left out."""
        rows = self._file.db.execute(
            "SELECT lexical.rowid, ' ' || terms || ' ' FROM json_each(?) CROSS JOIN lexical ON lexical.rowid=value",
            (json.dumps(list(numbers)),),
        )
        return dict(rows.fetchall())

    def rows(self, numbers: Iterable[int]) -> dict[int, Row]:
        """Return visible chunks with their documents; those that are not visible are left out."""
        rows = self._file.db.execute(
            "SELECT v.id, v.document, v.title, v.source, v.label, v.tags, c.number, c.ordinal, c.headings, c.place, "
            "c.text FROM json_each(?) CROSS JOIN chunks c ON c.number=value JOIN current USING(version) "
            "JOIN versions v ON v.id=c.version",
            (json.dumps(list(numbers)),),
        )
        return {row[6]: _row(row) for row in rows}

    def around(self, row: Row, reach: int) -> list[tuple[int, Chunk]]:
        """Return the chunks up to `reach` before and after one in its document, in order, with their ordinals."""
        rows = self._file.db.execute(
            "SELECT ordinal, headings, place, text FROM chunks WHERE version=? AND ordinal BETWEEN ? AND ? "
            "ORDER BY ordinal",
            (row.version.id, row.ordinal - reach, row.ordinal + reach),
        )
        return [(ordinal, chunk_of(headings, place, text)) for ordinal, headings, place, text in rows]


def _weighed(terms: Mapping[str, None], counts: Mapping[str, int], total: int) -> Question:
    weights = {term: log(1 + (total + 1) / (counts.get(term, 0) + 1)) for term in terms}
    known = sorted((term for term in terms if counts.get(term)), key=lambda term: counts[term])
    telling: list[str] = []
    matches = 0
    for term in known[:_TERMS_MAX]:
        matches += counts[term]
        if telling and matches > _MATCHES_MAX:
            break
        telling.append(term)
    return Question(weights, tuple(known), tuple(telling))


def _row(row: tuple[Any, ...]) -> Row:
    version, document, title, source, label, tags, number, ordinal, headings, place, text = row
    held = Version(
        id=version,
        document=document,
        title=title,
        source=source,
        access=access_of(label),
        tags=frozenset(json.loads(tags)),
    )
    return Row(number=number, ordinal=ordinal, version=held, chunk=chunk_of(headings, place, text))
