"""One knowledge base that is in use: its catalogue, its index, and the work on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.base import Embedder, VectorIndex
from knowledge.catalogue.file import CatalogueFile
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.vectors import VectorStore
from knowledge.facets import RECIPE
from knowledge.fusion import Fusion
from knowledge.index import ChromaIndex, ExactIndex
from knowledge.indexing import Indexing
from knowledge.ingest import Ingest, Progress, Report
from knowledge.lock import FileLock
from knowledge.retrieval import Asked, Search
from knowledge.sources import scan
from knowledge.threads import Threads
from knowledge.types import Passage, Scope

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

    from config.settings import KnowledgeBase


class OpenBase:
    """A base that can be searched and brought up to date. `open` builds it."""

    def __init__(
        self,
        name: str,
        settings: KnowledgeBase,
        *,
        folder: Path,
        root: Path,
        client: ClientAPI | None,
        embedder: Embedder,
        threads: Threads,
    ) -> None:
        path = folder / f"{name}.sqlite"
        self.name = name
        self.settings = settings
        self._root = root
        self._threads = threads
        self._files = (CatalogueFile(path), CatalogueFile(path))
        reading, writing = self._files
        model = f"{embedder.name}/{RECIPE}"
        self._indexing: Indexing | None = None
        index: VectorIndex
        if client is None:
            index = ExactIndex(reading, model=model)
        else:
            collection = f"parley-{name}-{reading.id}-{sha256(model.encode()).hexdigest()[:8]}"
            index = ChromaIndex(client, collection)
            self._indexing = Indexing(writing, index, collection=collection, model=model)
        self._search = Search(reading, index, base=name, model=model)
        self._reading_vectors = VectorStore(reading, model=model)
        self._reading_ledger = Ledger(reading)
        self._lock = FileLock(folder / f"{name}.lock")
        self._ingest = Ingest(
            writing,
            embedder=embedder,
            model=model,
            indexing=self._indexing,
            threads=threads,
            chunk_characters=settings.chunk_characters,
        )

    async def sync(self, *, progress: Callable[[Progress], None] | None = None) -> Report | None:
        """Bring the base up to date with its sources; None where another process is at it."""
        if not self._lock.acquire():
            return None
        try:
            return await self._ingest.sync(lambda: scan(self.settings.sources, root=self._root), progress=progress)
        finally:
            self._lock.release()

    async def verify(self) -> None:
        """Put right what a crash, another process or a lost folder left behind."""
        await self._ingest.embed_visible()
        if self._indexing is not None:
            await self._threads.write(self._indexing.verify)

    async def follow(self) -> None:
        """Take into the index what another process has published."""
        if self._indexing is not None:
            await self._threads.write(self._indexing.reconcile)

    async def search(
        self,
        asked: Sequence[Asked],
        *,
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
        how: Fusion = "hybrid",
    ) -> list[Passage]:
        """Return the best passages, whatever their score."""
        return await self._threads.read(
            self._search.best, asked, limit=limit, scope=scope, tags=frozenset(tags), how=how
        )

    async def revision(self) -> int:
        """Return the visible revision."""
        return await self._threads.read(self._reading_ledger.revision)

    async def counts(self) -> tuple[int, int, int]:
        """Return how many documents, chunks and vectors are visible."""
        documents, chunks = await self._threads.read(self._reading_ledger.counts)
        return documents, chunks, await self._threads.read(self._reading_vectors.count_visible)

    def close(self) -> None:
        """Close the catalogue; nothing may run on it any more."""
        for file in self._files:
            file.close()
        self._lock.release()
