"""The vectors of a catalogue: each embedded once, found by the hash of what was embedded."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from knowledge.catalogue.file import CatalogueFile, chunk_of
from knowledge.types import Chunk


def key_of(model: str, text: str) -> bytes:
    """Return the key under which the vector of a text is kept."""
    return sha256(f"{model}\0{text}".encode()).digest()[:16]


def packed_rows(vectors: Any) -> list[bytes]:
    """Return each row as half-precision bytes; what is lost changes a cosine by less than 0.001."""
    import numpy

    rows = numpy.asarray(vectors, "f4").astype("<f2")
    return [row.tobytes() for row in rows]


def unpacked_rows(held: Sequence[bytes], *, width: int | None = None) -> Any:
    """Return the vectors of `packed_rows` as the rows of an array; `width` where some of `held` are several vectors."""
    import numpy

    rows = numpy.frombuffer(b"".join(held), "<f2").astype("f4")
    return rows.reshape(-1, width) if width else rows.reshape(len(held), -1)


def _split(number: int, count: int, vectors: bytes) -> Iterator[tuple[str, bytes]]:
    size = len(vectors) // count
    return ((f"{number}.{at}", vectors[at * size : (at + 1) * size]) for at in range(count))


class VectorStore:
    """Vectors of one model in one catalogue, and which of them each collection of the vector index has."""

    def __init__(self, file: CatalogueFile, *, model: str) -> None:
        self._file = file
        self._model = file.model(model)

    def known(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the stored vectors of those keys that have one."""
        sql = "SELECT vector FROM embedded WHERE key=?"
        return {key: row[0] for key in keys if (row := self._file.db.execute(sql, (key,)).fetchone())}

    def store_vectors(self, vectors: Mapping[bytes, bytes]) -> None:
        """Store vectors by the hash of what was embedded."""
        with self._file.writing():
            self._file.db.executemany("INSERT OR IGNORE INTO embedded(key, vector) VALUES(?,?)", list(vectors.items()))

    def all_chunks(self) -> Iterator[tuple[str, Chunk]]:
        """Yield every chunk that is kept, visible or not, with its document's title."""
        rows = self._file.db.execute(
            "SELECT title, headings, place, text FROM chunks JOIN versions ON versions.id=version"
        )
        return ((title, chunk_of(headings, place, text)) for title, headings, place, text in rows)

    def drop(self) -> None:
        """Forget the vectors that stand for chunks; those of the texts stay until no chunk needs them."""
        with self._file.writing():
            self._file.db.execute("DELETE FROM facets WHERE model=?", (self._model,))

    def annotated(self) -> list[str]:
        """Return the questions that have a fixed answer."""
        return [row[0] for row in self._file.db.execute("SELECT question FROM answers")]

    def keep_only(self, keys: Collection[bytes]) -> None:
        """Forget the vectors of all other texts."""
        with self._file.writing():
            held = [row[0] for row in self._file.db.execute("SELECT key FROM embedded")]
            gone = [(key,) for key in held if key not in keys]
            self._file.db.executemany("DELETE FROM embedded WHERE key=?", gone)

    def store_facets(self, facets: Mapping[int, Sequence[bytes]]) -> None:
        """Store the vectors that stand for chunks, by the chunk's number."""
        rows = [(chunk, self._model, len(held), b"".join(held)) for chunk, held in facets.items()]
        with self._file.writing():
            self._file.db.executemany(
                "INSERT OR REPLACE INTO facets(chunk, model, count, vectors) VALUES(?,?,?,?)", rows
            )

    def complete(self, version: str) -> bool:
        """Tell whether every chunk of a version has its vectors."""
        return not self._file.number(
            "SELECT COUNT(*) FROM chunks WHERE version=? AND NOT EXISTS "
            "(SELECT 1 FROM facets WHERE chunk=number AND model=?)",
            version,
            self._model,
        )

    def unembedded(self) -> list[str]:
        """Return the visible versions that have chunks without vectors."""
        rows = self._file.db.execute(
            "SELECT DISTINCT version FROM chunks JOIN current USING(version) WHERE NOT EXISTS "
            "(SELECT 1 FROM facets WHERE chunk=number AND model=?)",
            (self._model,),
        )
        return [row[0] for row in rows]

    def chunks_of(self, version: str) -> list[tuple[int, Chunk]]:
        """Return a version's chunks with their numbers, in order."""
        rows = self._file.db.execute(
            "SELECT number, headings, place, text FROM chunks WHERE version=? ORDER BY ordinal", (version,)
        )
        return [(number, chunk_of(headings, place, text)) for number, headings, place, text in rows]

    def vectors_of(self, version: str) -> list[tuple[str, bytes]]:
        """Return a version's vectors as (id, bytes); the id is `chunk.ordinal`."""
        rows = self._file.db.execute(
            "SELECT number, count, vectors FROM chunks JOIN facets ON chunk=number AND model=? WHERE version=?",
            (self._model, version),
        )
        return [pair for row in rows for pair in _split(*row)]

    def ids_of(self, version: str) -> list[str]:
        """Return the ids of a version's vectors."""
        rows = self._file.db.execute(
            "SELECT number, count FROM chunks JOIN facets ON chunk=number AND model=? WHERE version=?",
            (self._model, version),
        )
        return [f"{number}.{at}" for number, count in rows for at in range(count)]

    def count_visible(self) -> int:
        """Return how many vectors a complete index has."""
        return self._file.number(
            "SELECT SUM(count) FROM current JOIN chunks USING(version) JOIN facets ON chunk=number AND model=?",
            self._model,
        )

    def visible(self) -> list[tuple[str, str, bytes]]:
        """Return all visible vectors as (id, access label, bytes)."""
        rows = self._file.db.execute(
            "SELECT label, number, count, vectors FROM current JOIN versions ON versions.id=version "
            "JOIN chunks USING(version) JOIN facets ON chunk=number AND model=?",
            (self._model,),
        )
        return [(key, row[0], vector) for row in rows for key, vector in _split(*row[1:])]

    def vectors_for(self, numbers: Collection[int]) -> list[tuple[int, int, bytes]]:
        """Return the vectors of some chunks as (chunk, count, bytes)."""
        return self._file.db.execute(
            "SELECT chunk, count, vectors FROM json_each(?) JOIN facets ON chunk=value AND model=?",
            (json.dumps(list(numbers)), self._model),
        ).fetchall()

    # What the vector index has

    def indexed(self, collection: str) -> dict[str, bool]:
        """Return the versions that a collection has: True wholly, False perhaps in part."""
        rows = self._file.db.execute("SELECT version, done FROM indexed WHERE collection=?", (collection,))
        return {version: bool(done) for version, done in rows}

    def mark_indexed(self, collection: str, versions: Iterable[str], *, done: bool) -> None:
        """Record that a collection has begun (or ended) to take versions in."""
        with self._file.writing():
            self._file.db.executemany(
                "INSERT OR REPLACE INTO indexed VALUES(?,?,?)", [(collection, version, done) for version in versions]
            )

    def mark_removed(self, collection: str, versions: Iterable[str] | None = None) -> None:
        """Record that a collection no longer has versions; None: none at all."""
        with self._file.writing():
            if versions is None:
                self._file.db.execute("DELETE FROM indexed WHERE collection=?", (collection,))
            else:
                self._file.db.executemany(
                    "DELETE FROM indexed WHERE collection=? AND version=?", [(collection, v) for v in versions]
                )
