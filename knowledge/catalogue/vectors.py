"""The vectors of a catalogue: each embedded once, found by the hash of what was embedded."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from knowledge.catalogue.file import CatalogueFile, chunk_of
from knowledge.types import Chunk


def packed(vector: Sequence[float]) -> bytes:
    """Return a vector as half-precision bytes; what is lost changes a cosine by less than 0.001."""
    return struct.pack(f"<{len(vector)}e", *vector)


def unpacked(held: bytes) -> list[float]:
    """Return the vector of `packed`."""
    return list(struct.unpack(f"<{len(held) // 2}e", held))


class VectorStore:
    """Vectors of one catalogue, and which of them each collection of the vector index has."""

    def __init__(self, file: CatalogueFile) -> None:
        self._file = file

    def known_vectors(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return those keys whose vector is stored."""
        return {key for key in keys if self._file.db.execute("SELECT 1 FROM vectors WHERE key=?", (key,)).fetchone()}

    def store_vectors(self, vectors: Mapping[bytes, bytes]) -> None:
        """Store vectors by the hash of what was embedded."""
        with self._file.writing():
            self._file.db.executemany("INSERT OR IGNORE INTO vectors VALUES(?,?)", list(vectors.items()))

    def store_facets(self, model: str, keys: Mapping[int, Sequence[bytes]]) -> None:
        """Store which vectors stand for which chunk."""
        rows = [(model, chunk, at, key) for chunk, held in keys.items() for at, key in enumerate(held)]
        with self._file.writing():
            self._file.db.executemany("INSERT OR REPLACE INTO facets VALUES(?,?,?,?)", rows)

    def complete(self, model: str, version: str) -> bool:
        """Tell whether every chunk of a version has its vectors of this model."""
        return not self._file.number(
            "SELECT COUNT(*) FROM chunks WHERE version=? AND NOT EXISTS "
            "(SELECT 1 FROM facets WHERE model=? AND chunk=chunks.number)",
            version,
            model,
        )

    def unembedded(self, model: str) -> list[str]:
        """Return the visible versions that have chunks without vectors of this model."""
        rows = self._file.db.execute(
            "SELECT DISTINCT version FROM chunks JOIN current USING(version) WHERE NOT EXISTS "
            "(SELECT 1 FROM facets WHERE model=? AND chunk=chunks.number)",
            (model,),
        )
        return [row[0] for row in rows]

    def chunks_of(self, version: str) -> list[tuple[int, Chunk]]:
        """Return a version's chunks with their numbers, in order."""
        rows = self._file.db.execute(
            "SELECT number, headings, place, text FROM chunks WHERE version=? ORDER BY ordinal", (version,)
        )
        return [(number, chunk_of(headings, place, text)) for number, headings, place, text in rows]

    def vectors_of(self, model: str, version: str) -> list[tuple[str, bytes]]:
        """Return a version's vectors as (id, bytes); the id is `chunk.ordinal`."""
        rows = self._file.db.execute(
            "SELECT chunk || '.' || facets.ordinal, vector FROM chunks JOIN facets ON chunk=number AND model=? "
            "JOIN vectors USING(key) WHERE version=?",
            (model, version),
        )
        return rows.fetchall()

    def ids_of(self, model: str, version: str) -> list[str]:
        """Return the ids of a version's vectors."""
        rows = self._file.db.execute(
            "SELECT chunk || '.' || facets.ordinal FROM chunks JOIN facets ON chunk=number AND model=? WHERE version=?",
            (model, version),
        )
        return [row[0] for row in rows]

    def count_visible(self, model: str) -> int:
        """Return how many vectors a complete index has."""
        return self._file.number(
            "SELECT COUNT(*) FROM current JOIN chunks USING(version) JOIN facets ON chunk=number AND model=?", model
        )

    def visible(self, model: str) -> list[tuple[str, str, bytes]]:
        """Return all visible vectors as (id, access label, bytes)."""
        return self._file.db.execute(
            "SELECT chunk || '.' || facets.ordinal, label, vector FROM current JOIN versions ON versions.id=version "
            "JOIN chunks USING(version) JOIN facets ON chunk=number AND model=? JOIN vectors USING(key)",
            (model,),
        ).fetchall()

    def vectors_for(self, model: str, numbers: Iterable[int]) -> list[tuple[int, bytes]]:
        """Return the vectors of some chunks as (chunk, bytes)."""
        found: list[tuple[int, bytes]] = []
        for number in numbers:
            found += self._file.db.execute(
                "SELECT chunk, vector FROM facets JOIN vectors USING(key) WHERE model=? AND chunk=?", (model, number)
            ).fetchall()
        return found

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
