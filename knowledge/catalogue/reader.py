"""Looking chunks up: by number, and by the words in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import log

from knowledge.catalogue.file import CatalogueFile, Row, Version, access_of, chunk_of

_TERMS_MAX = 16  # the rarest terms of a long question; the others cost time and find nothing


@dataclass(frozen=True, slots=True)
class Question:
    """The terms of a question with how much each tells (their inverse document frequency)."""

    weights: Mapping[str, float]
    known: tuple[str, ...]
    """Those that occur in the base at all, rarest first."""

    def covered(self, words: str) -> float:
        """Return the weight of the question's terms that are among `words` (of `Reader.words`), in [0, 1]."""
        whole = sum(self.weights.values())
        found = sum(self.weights[term] for term in self.known if f" {term} " in words)
        return found / whole if whole else 0.0


class Reader:
    """The reading side of one catalogue: only what is published is ever returned."""

    def __init__(self, file: CatalogueFile) -> None:
        self._file = file
        self._labels: tuple[int, frozenset[str]] = (-1, frozenset())

    def revision(self) -> int:
        """Return the number of the visible revision; 0 before the first."""
        return self._file.number("SELECT COALESCE(MAX(number), 0) FROM revisions")

    def labels(self) -> frozenset[str]:
        """Return the access labels of what is visible."""
        revision = self.revision()
        if revision != self._labels[0]:
            rows = self._file.db.execute("SELECT DISTINCT label FROM versions JOIN current ON version=id")
            self._labels = (revision, frozenset(row[0] for row in rows))
        return self._labels[1]

    def question(self, terms: Iterable[str]) -> Question:
        """Weigh the terms of a question by how rare they are here."""
        total = self._file.number("SELECT COUNT(*) FROM lexical_docsize")
        counts = {
            term: self._file.number("SELECT doc FROM vocabulary WHERE term=?", term) for term in dict.fromkeys(terms)
        }
        weights = {term: log(1 + (total + 1) / (count + 1)) for term, count in counts.items()}
        known = sorted((term for term, count in counts.items() if count), key=lambda term: counts[term])
        return Question(weights, tuple(known))

    def matching(self, question: Question, *, count: int, labels: Collection[str] | None) -> list[int]:
        """Return up to `count` chunks with some of the question's terms, best first (BM25)."""
        if not question.known:
            return []
        match = " OR ".join(f'"{term}"' for term in question.known[:_TERMS_MAX])
        sql = "SELECT rowid FROM lexical WHERE lexical MATCH ? ORDER BY rank LIMIT ?"
        if labels is None:
            return [row[0] for row in self._file.db.execute(sql, (match, count))]
        sql = (
            "SELECT rowid FROM lexical WHERE lexical MATCH ? AND rowid IN (SELECT number FROM chunks "
            "JOIN versions ON versions.id=chunks.version WHERE label IN (SELECT value FROM json_each(?))) "
            "ORDER BY rank LIMIT ?"
        )
        return [row[0] for row in self._file.db.execute(sql, (match, json.dumps(sorted(labels)), count))]

    def words(self, numbers: Collection[int]) -> dict[int, str]:
        """Return the terms of chunks, each between spaces; those that are not visible are left out."""
        rows = self._file.db.execute(
            "SELECT lexical.rowid, terms FROM json_each(?) JOIN lexical ON lexical.rowid=value",
            (json.dumps(list(numbers)),),
        )
        return {number: f" {terms} " for number, terms in rows}

    def row(self, number: int) -> Row | None:
        """Return a visible chunk with its document; None where it is not visible."""
        row = self._file.db.execute(
            "SELECT v.id, v.document, v.title, v.source, v.label, v.tags, c.ordinal, c.headings, c.place, c.text "
            "FROM chunks c JOIN current USING(version) JOIN versions v ON v.id=c.version WHERE c.number=?",
            (number,),
        ).fetchone()
        if row is None:
            return None
        version = Version(
            id=row[0],
            document=row[1],
            title=row[2],
            source=row[3],
            access=access_of(row[4]),
            tags=frozenset(json.loads(row[5])),
        )
        return Row(number=number, ordinal=row[6], version=version, chunk=chunk_of(row[7], row[8], row[9]))
