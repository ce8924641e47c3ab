"""Keeping a vector index in step with the catalogue, whatever happens in between."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from knowledge.catalogue.file import CatalogueFile, label_of
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.vectors import VectorStore, packed_rows, unpacked_rows
from knowledge.index import ChromaIndex
from knowledge.ingest.facets import facets_of

_PORTION = 5000  # vectors in memory at a time


class Indexing:
    """Takes versions into one collection and out of it. What it is about to do is recorded before it does it.

    Blocking; used by one thread at a time.
    """

    def __init__(self, file: CatalogueFile, index: ChromaIndex, *, collection: str, model: str, shared: bool) -> None:
        self._ledger = Ledger(file)
        self._vectors = VectorStore(file, model=model)
        self._index = index
        self._collection = collection
        self._shared = shared

    def add(self, versions: Collection[str]) -> None:
        """Take versions in; those that are in already cost nothing."""
        done = self._vectors.indexed(self._collection)
        missing = [version for version in versions if not done.get(version)]
        self._vectors.mark_indexed(self._collection, missing, done=False)
        begun: list[str] = []
        ids, vectors, labels = list[str](), list[bytes](), list[str]()
        for version in missing:
            begun.append(version)
            rows = self._vectors.vectors_of(version)
            ids += [key for key, _ in rows]
            vectors += [held for _, held in rows]
            labels += [label_of(self._ledger.access(version))] * len(rows)
            if len(ids) >= _PORTION or version == missing[-1]:
                self._take_in(ids, vectors, labels)
                self._vectors.mark_indexed(self._collection, begun, done=True)
                begun, ids, vectors, labels = [], [], [], []

    def _take_in(self, ids: Sequence[str], vectors: Sequence[bytes], labels: Sequence[str]) -> None:
        """Store vectors but those that are there: an id always means the same, and replacing costs as much as ten."""
        held = self._index.holds(ids)
        fresh = [at for at, key in enumerate(ids) if key not in held]
        if fresh:
            rows = unpacked_rows([vectors[at] for at in fresh])
            self._index.upsert([ids[at] for at in fresh], rows, [labels[at] for at in fresh])

    def absent(self) -> list[str]:
        """Return the visible versions that the collection does not have wholly, for `add`."""
        done = self._vectors.indexed(self._collection)
        return sorted(version for version in self._ledger.current().values() if not done.get(version))

    def size(self) -> int:
        """Return how many vectors the collection holds."""
        return self._index.size()

    def reconcile(self) -> None:
        """Make the collection hold exactly what is visible: after a publication, and after any crash."""
        visible = set(self._ledger.current().values())
        held = self._vectors.indexed(self._collection)
        self.add(visible)
        stale = [version for version in held if version not in visible]
        ids = [key for version in stale for key in self._vectors.ids_of(version)]
        if ids:
            self._index.delete(ids)
        if stale:
            self._vectors.mark_removed(self._collection, stale)

    def verify(self) -> None:
        """Rebuild the collection from the catalogue's vectors where it lost some (a deleted folder, a torn disk).

        One that others use too is not emptied before: it may hold what they are about to publish.
        """
        self.reconcile()
        size, wanted = self._index.size(), self._vectors.count_visible()
        if size < wanted or (size > wanted and not self._shared):
            if not self._shared:
                self._index.clear()
            self._vectors.mark_removed(self._collection)
            self.reconcile()

    def adopt(self, versions: Collection[str]) -> None:
        """Take the vectors of versions that another machine has put into the collection into the catalogue."""
        missing = [version for version in versions if not self._vectors.complete(version)]
        wanted: dict[int, list[str]] = {}
        for version in missing:
            title = self._ledger.title(version)
            for number, chunk in self._vectors.chunks_of(version):
                wanted[number] = [f"{number}.{at}" for at in range(len(facets_of(chunk, title).windows))]
        found = self._index.fetch([key for keys in wanted.values() for key in keys])
        self._vectors.store_facets(
            {
                number: packed_rows([found[key] for key in keys])
                for number, keys in wanted.items()
                if all(key in found for key in keys)
            }
        )
        whole = [version for version in missing if self._vectors.complete(version)]
        self._vectors.mark_indexed(self._collection, whole, done=True)

    def left(self) -> None:
        """Note what is no longer visible as gone from the collection: whoever published that takes it out."""
        visible = set(self._ledger.current().values())
        held = self._vectors.indexed(self._collection)
        self._vectors.mark_removed(self._collection, [version for version in held if version not in visible])

    def drop(self) -> None:
        """Remove the collection."""
        self._index.drop()
        self._vectors.mark_removed(self._collection)
