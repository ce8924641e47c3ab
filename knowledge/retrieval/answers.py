"""Annotated answers: a fixed answer for a question, given whenever nearly the same is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from knowledge.catalogue.file import CatalogueFile, access_of, permitted
from knowledge.catalogue.vectors import VectorStore, key_of, packed_rows
from knowledge.retrieval.numerals import numbers
from knowledge.types import Annotation, Scope

__all__ = ["SIMILAR", "Annotation", "Answers"]

SIMILAR = 0.84
"""The cosine from which two questions count as the same. Careful: "how many days of annual leave" and "of sick leave"
are at 0.82 with the offline model; of ten pairs of paraphrases it lets five through, of ten such near misses none."""
_HELD_MAX = 5000  # vectors in memory, 2 kB each


def annotate(
    file: CatalogueFile, question: str, answer: str, *, label: str, author: str, at: float, number: int
) -> None:
    """Store an answer, in the place of an older one to the same question and for the same people.

    Its number is `number`, or for 0 the next one: the same in every catalogue that does the same.
    """
    with file.writing():
        number = (
            number
            or number_of(file, question, label)
            or file.number("SELECT COALESCE(MAX(number), 0) + 1 FROM answers")
        )
        file.db.execute("DELETE FROM answers WHERE question=? AND label=?", (question, label))
        file.db.execute(
            "INSERT OR REPLACE INTO answers(number, question, answer, label, author, at) VALUES(?,?,?,?,?,?)",
            (number, question, answer, label, author, at),
        )


def unannotate(file: CatalogueFile, number: int) -> None:
    """Forget an answer, if there is one of that number."""
    file.db.execute("DELETE FROM answers WHERE number=?", (number,))


def number_of(file: CatalogueFile, question: str, label: str) -> int:
    """Return the number of the answer to a question for certain people; 0 where there is none."""
    return file.number("SELECT number FROM answers WHERE question=? AND label=?", question, label)


def known(file: CatalogueFile, number: int) -> bool:
    """Tell whether there is an answer of that number."""
    return file.number("SELECT COUNT(*) FROM answers WHERE number=?", number) > 0


class Answers:
    """The annotated answers of one base. Blocking; used by one thread at a time."""

    def __init__(self, file: CatalogueFile, *, base: str, embedder: str, model: str) -> None:
        self._file = file
        self._base = base
        self._embedder = embedder
        self._vectors = VectorStore(file, model=model)
        self._held: dict[str, Any] = {}
        """The vectors of the questions that were asked about before; a question's never changes."""

    def all(self, scope: Scope) -> list[Annotation]:
        """Return the answers that `scope` may see, oldest first."""
        rows = self._file.db.execute(
            "SELECT number, question, answer, label, author, hits FROM answers ORDER BY number"
        )
        limited = [(row, access_of(row[3])) for row in rows]
        return [
            Annotation(
                number=row[0],
                base=self._base,
                question=row[1],
                answer=row[2],
                author=row[4],
                hits=row[5],
                access=access,
            )
            for row, access in limited
            if permitted(access, scope)
        ]

    def exist(self) -> bool:
        """Tell whether there is any."""
        return self._file.db.execute("SELECT 1 FROM answers LIMIT 1").fetchone() is not None

    def unembedded(self) -> list[str]:
        """Return the questions that have no vector yet."""
        questions = [question for question in self._vectors.annotated() if question not in self._held]
        known = self._vectors.known(self._key(question) for question in questions)
        return [question for question in questions if self._key(question) not in known]

    def store(self, questions: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
        """Store the vectors of questions."""
        self._vectors.store_vectors(dict(zip(map(self._key, questions), packed_rows(vectors), strict=True)))

    def nearest(self, question: str, vector: Sequence[float], scope: Scope) -> Annotation | None:
        """Return the permitted answer whose question is nearest and names the same numbers; `score` says how near."""
        import numpy

        if len(self._held) > _HELD_MAX:
            self._held.clear()
        visible = self.all(scope)
        self._hold([one.question for one in visible if one.question not in self._held])
        asked, named = numpy.asarray(vector, "f4"), numbers(question)
        best: Annotation | None = None
        for one in visible:
            cosine = float(self._held[one.question] @ asked) if one.question in self._held else -1.0
            if cosine > (best.score if best else SIMILAR) and numbers(one.question) == named:
                best = replace(one, score=min(1.0, cosine))
        return best

    def _hold(self, questions: Sequence[str]) -> None:
        import numpy

        keys = {self._key(question): question for question in questions}
        for key, vector in self._vectors.known(keys).items():
            self._held[keys[key]] = numpy.frombuffer(vector, "<f2").astype("f4")

    def hit(self, number: int) -> None:
        """Count that an answer was given."""
        self._file.db.execute("UPDATE answers SET hits=hits+1 WHERE number=?", (number,))

    def _key(self, question: str) -> bytes:
        return key_of(self._embedder, question)
