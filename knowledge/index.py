"""Vector indexes: Chroma, and an exact scan for whoever may not open Chroma's folder."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from knowledge.catalogue.file import CatalogueFile
from knowledge.catalogue.vectors import VectorStore
from knowledge.errors import IndexUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chromadb.api import ClientAPI

_BATCH = 1000  # vectors in one request; Chroma's own limit is above 5000


def open_chroma(folder: Path) -> ClientAPI:
    """Open Chroma in a folder of this process. Not safe for two processes: hold a lock (`knowledge.changes.lock`).

    Imports chromadb: 1–2 s and 65 MB.

    Raises:
        IndexUnavailable: the folder cannot be opened.
    """
    import chromadb
    from chromadb.config import Settings

    folder.mkdir(parents=True, exist_ok=True)
    with translated():
        return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def connect_chroma(url: str, *, token: str | None, timeout_s: float) -> ClientAPI:
    """Connect to a Chroma server, which any number of processes may share.

    Raises:
        IndexUnavailable: it does not answer.
    """
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise IndexUnavailable(f"not the address of a Chroma server: {url}")
    port = parts.port or (443 if parts.scheme == "https" else 8000)
    try:
        socket.create_connection((parts.hostname, port), timeout=timeout_s).close()
    except OSError as error:
        raise IndexUnavailable(f"no Chroma server at {parts.hostname}:{port}: {error}") from error
    with translated():
        client = chromadb.HttpClient(
            host=parts.hostname,
            port=port,
            ssl=parts.scheme == "https",
            headers={"Authorization": f"Bearer {token}"} if token else None,
            settings=Settings(anonymized_telemetry=False),
        )
        opened: Any = client
        for server in (opened._server, opened._admin_client._server):
            server._session.timeout = timeout_s  # its own default is to wait for ever
        return client


def close_chroma(client: ClientAPI) -> None:
    """Give a client's store or connections back."""
    opened: Any = client
    servers = (opened._server, opened._admin_client._server)
    with translated():
        opened.close()
        for server in servers:
            if hasattr(server, "_session"):  # to a server: its own stop forgets the connections
                server._session.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn Chroma's errors, and those of the store and the connection below it, into ours."""
    from chromadb.errors import ChromaError
    from httpx import HTTPError

    try:
        yield
    except (ChromaError, HTTPError, OSError, ValueError, RuntimeError) as error:
        raise IndexUnavailable(f"Chroma: {error}") from error


class ChromaIndex:
    """One collection of Chroma, in cosine space; ids are ours, texts stay in the catalogue."""

    def __init__(self, client: ClientAPI, name: str) -> None:
        self._client = client
        self._name = name
        with translated():
            self._collection: Any = client.get_or_create_collection(
                name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )

    def upsert(self, ids: Sequence[str], vectors: Any, labels: Sequence[str]) -> None:
        """Store vectors of unit length, the rows of an array, under access labels."""
        with translated():
            for at in range(0, len(ids), _BATCH):
                span = slice(at, at + _BATCH)
                self._collection.upsert(
                    ids=list(ids[span]),
                    embeddings=vectors[span],
                    metadatas=[{"label": label} for label in labels[span]],
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; unknown ids are ignored."""
        with translated():
            for at in range(0, len(ids), _BATCH):
                self._collection.delete(ids=list(ids[at : at + _BATCH]))

    def nearest(
        self, vectors: Sequence[Sequence[float]], *, count: int, labels: Collection[str] | None
    ) -> list[list[tuple[str, float]]]:
        """Return for each vector up to `count` ids with their cosine, nearest first.

        With `labels`, Chroma first lists all that the filter lets through: 100 ms for 30,000 vectors.
        """
        import numpy

        where = None if labels is None else {"label": {"$in": sorted(labels)}}
        with translated():
            found = self._collection.query(
                query_embeddings=numpy.asarray(vectors, "f4"), n_results=count, where=where, include=["distances"]
            )
        return [
            [(key, 1.0 - far) for key, far in zip(keys, distances, strict=True)]
            for keys, distances in zip(found["ids"], found["distances"], strict=True)
        ]

    def size(self) -> int:
        """Return how many vectors are stored."""
        with translated():
            return int(self._collection.count())

    def holds(self, ids: Sequence[str]) -> set[str]:
        """Return those ids that are stored."""
        found: set[str] = set()
        for at in range(0, len(ids), _BATCH):
            with translated():
                found.update(self._collection.get(ids=list(ids[at : at + _BATCH]), include=[])["ids"])
        return found

    def fetch(self, ids: Sequence[str]) -> dict[str, list[float]]:
        """Return the stored vectors of those ids that there are."""
        found: dict[str, list[float]] = {}
        for at in range(0, len(ids), _BATCH):
            with translated():
                rows = self._collection.get(ids=list(ids[at : at + _BATCH]), include=["embeddings"])
            found |= dict(zip(rows["ids"], rows["embeddings"], strict=True))
        return found

    def drop(self) -> None:
        """Remove the collection; the index cannot be used after that."""
        with translated():
            self._client.delete_collection(self._name)

    def clear(self) -> None:
        """Remove everything."""
        with translated():
            self._client.delete_collection(self._name)
            self._collection = self._client.create_collection(
                self._name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )


class ExactIndex:
    """Compares with every vector of the catalogue: for a second process, which may not open Chroma's folder.

    Follows the catalogue's revisions; writing to it happens through the catalogue. One millisecond for 10,000 vectors.
    """

    def __init__(self, file: CatalogueFile, *, model: str) -> None:
        self._file = file
        self._vectors = VectorStore(file, model=model)
        self._revision = -1
        self._ids: list[str] = []
        self._labels: list[str] = []
        self._matrix: Any = None

    def nearest(
        self, vectors: Sequence[Sequence[float]], *, count: int, labels: Collection[str] | None
    ) -> list[list[tuple[str, float]]]:
        """Return for each vector up to `count` ids with their cosine, nearest first."""
        import numpy

        self._follow()
        if not self._ids:
            return [[] for _ in vectors]
        cosines = numpy.asarray(vectors, "f4") @ self._matrix.T
        return [self._best(row, count, labels) for row in cosines]

    def _best(self, cosines: Any, count: int, labels: Collection[str] | None) -> list[tuple[str, float]]:
        order = (-cosines).argsort(kind="stable").tolist()
        permitted = (at for at in order if labels is None or self._labels[at] in labels)
        return [(self._ids[at], float(cosines[at])) for at in islice(permitted, count)]

    def _follow(self) -> None:
        import numpy

        revision = self._file.number("SELECT COALESCE(MAX(number), 0) FROM revisions")
        if revision == self._revision:
            return
        rows = self._vectors.visible()
        self._ids = [row[0] for row in rows]
        self._labels = [row[1] for row in rows]
        joined = b"".join(row[2] for row in rows)
        self._matrix = numpy.frombuffer(joined, "<f2").reshape(len(rows), -1).astype("f4") if rows else None
        self._revision = revision
