"""The vectors of single words in one catalogue: what makes "spectacles" find "glasses"."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from knowledge.catalogue.file import CatalogueFile

WORDS_MAX = 60_000
"""Words that have a vector in one base; what comes later counts only where the very same word is asked for."""
_FROM = "FROM json_each(?) CROSS JOIN meanings ON model=? AND term=value"


class Meanings:
    """The word vectors of one model in one catalogue. Blocking; what was looked up stays in memory, 0.5 KB each."""

    def __init__(self, file: CatalogueFile, *, model: str) -> None:
        self._file = file
        self._model = file.model(f"{model}/words")
        self._places: dict[str, int] = {}
        self._rows: Any = None
        self._lengths: Any = None
        """Of each row, what makes it one of unit length."""

    def unknown(self, words: Iterable[str]) -> list[str]:
        """Return those of some words that have no vector yet, as many as there is room for."""
        wanted = list(dict.fromkeys(words))
        room = WORDS_MAX - self._file.number("SELECT COUNT(*) FROM meanings WHERE model=?", self._model)
        if room <= 0:
            return []
        known = set(self._file.db.execute(f"SELECT term {_FROM}", self._given(wanted)).fetchall())
        return [word for word in wanted if (word,) not in known][:room]

    def store(self, vectors: Mapping[str, Sequence[float]]) -> None:
        """Store vectors of unit length, a byte for each of their numbers."""
        rows = [(self._model, word, vector) for word, vector in zip(vectors, _packed(vectors.values()), strict=True)]
        with self._file.writing():
            self._file.db.executemany("INSERT OR IGNORE INTO meanings VALUES(?,?,?)", rows)

    def places(self, words: Iterable[str]) -> list[int]:
        """Return where the vectors of those of some words that have one stand among the rows of `vectors`."""
        self._look_up([word for word in words if word not in self._places])
        return [self._places[word] for word in words if word in self._places]

    def cosines(self, places: Any, asked: Any) -> Any:
        """Return how near the words at some places (rows) are to each of the vectors `asked` (columns)."""
        return (self._rows[places].astype("f4") @ asked.T) * self._lengths[places]

    def keep_only(self, words: Collection[str]) -> None:
        """Forget all other words, of whichever model."""
        with self._file.writing():
            self._file.db.execute(
                "DELETE FROM meanings WHERE term NOT IN (SELECT value FROM json_each(?))",
                (json.dumps(list(words), ensure_ascii=False),),
            )

    def drop(self) -> None:
        """Forget the words of this model."""
        with self._file.writing():
            self._file.db.execute("DELETE FROM meanings WHERE model=?", (self._model,))

    def _look_up(self, words: Sequence[str]) -> None:
        import numpy

        held = self._file.db.execute(f"SELECT term, vector {_FROM}", self._given(words)).fetchall() if words else []
        if not held:
            return
        fresh = numpy.frombuffer(b"".join(vector for _, vector in held), "i1").reshape(len(held), -1)
        first = len(self._places)
        if self._rows is None or first + len(held) > len(self._rows):
            self._grow(2 * first + len(held), fresh.shape[1])
        lengths = numpy.linalg.norm(fresh.astype("f4"), axis=1, keepdims=True)
        self._lengths[first : first + len(held)] = 1 / numpy.maximum(lengths, 1e-9)
        self._rows[first : first + len(held)] = fresh
        self._places.update({word: first + at for at, (word, _) in enumerate(held)})

    def _grow(self, size: int, width: int) -> None:
        import numpy

        rows, lengths = numpy.zeros((size, width), "i1"), numpy.zeros((size, 1), "f4")
        if self._rows is not None:
            rows[: len(self._rows)], lengths[: len(self._rows)] = self._rows, self._lengths
        self._rows, self._lengths = rows, lengths

    def _given(self, words: Collection[str]) -> tuple[str, int]:
        return json.dumps(list(words), ensure_ascii=False), self._model


def _packed(vectors: Iterable[Sequence[float]]) -> list[bytes]:
    import numpy

    rows = numpy.asarray(list(vectors), "f4")
    scale = 127 / numpy.maximum(numpy.abs(rows).max(axis=1, keepdims=True), 1e-9)
    return [row.tobytes() for row in numpy.round(rows * scale).astype("i1")]
