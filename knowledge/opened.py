"""One knowledge base that is in use: its catalogue, its index, and the work on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from knowledge.answers import SIMILAR, Annotation, Answers
from knowledge.base import Embedder, VectorIndex
from knowledge.catalogue.file import CatalogueFile, Revision
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.vectors import VectorStore
from knowledge.errors import Busy, IndexUnavailable
from knowledge.facets import RECIPE
from knowledge.fusion import Fusion
from knowledge.index import ChromaIndex, ExactIndex
from knowledge.indexing import Indexing
from knowledge.ingest import Ingest, Progress, Report
from knowledge.lock import FileLock
from knowledge.retrieval import Asked, Search
from knowledge.sources import Gathered, scan
from knowledge.threads import Threads
from knowledge.types import Access, Passage, Scope

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

    from config.settings import KnowledgeBase

_P = ParamSpec("_P")
_T = TypeVar("_T")


class OpenBase:
    """A base that can be searched and brought up to date; building it opens its files."""

    def __init__(
        self,
        name: str,
        settings: KnowledgeBase,
        *,
        folder: Path,
        root: Path,
        client: ClientAPI | None,
        shared: bool,
        embedder: Embedder,
        threads: Threads,
    ) -> None:
        path = folder / f"{name}.sqlite"
        model = f"{embedder.name}/{RECIPE}"
        self.name = name
        self.settings = settings
        self._root = root
        self._threads = threads
        self._embedder = embedder
        self._shared = shared
        self.embedder = embedder.name
        self._access = Access(roles=frozenset(settings.roles), conversations=frozenset(settings.conversations))
        self._mirror_folder = folder / f"{name}.web"
        self._files = (CatalogueFile(path), CatalogueFile(path))
        reading, writing = self._files
        self._indexing: Indexing | None = None
        index: VectorIndex
        if client is None:
            index = ExactIndex(reading, model=model)
        else:
            collection = f"parley-{name}-{reading.id}-{sha256(model.encode()).hexdigest()[:8]}"
            index = chroma = ChromaIndex(client, collection)
            self._indexing = Indexing(writing, chroma, collection=collection, model=model)
        self._search = Search(reading, index, base=name, model=model, access=self._access)
        self._answers = Answers(reading, base=name, embedder=embedder.name, model=model)
        self._reading_vectors = VectorStore(reading, model=model)
        self._vectors = VectorStore(writing, model=model)
        self._reading_ledger = Ledger(reading)
        self._ledger = Ledger(writing)
        self._lock = FileLock(folder / f"{name}.lock")
        self._ingest = Ingest(
            writing,
            embedder=embedder,
            model=model,
            indexing=self._indexing,
            threads=threads,
            chunk_characters=settings.chunk_characters,
            rules=settings.rules,
        )

    # Changing it: one process at a time

    async def sync(self, *, progress: Callable[[Progress], None] | None = None) -> Report:
        """Bring the base up to date with its sources.

        Raises:
            Busy: another process is at it.
        """
        with self._changing():
            report = await self._ingest.sync(await self._gathered(), progress=progress)
            await self._ingest.forget(self.settings.revisions)
            return report

    async def roll_back(self, revision: int) -> int:
        """Make the base what it was at a revision, as a new revision, without embedding anything; return its number.

        Raises:
            UnknownRevision: it is not kept.
            Busy: another process is changing the base.
        """
        with self._changing():
            changes = await self._write(self._ledger.back_to, revision)
            await self._ingest.publish(changes, note=f"back to {revision}")
            return await self._write(self._ledger.revision)

    async def block(self, document: str, *, blocked: bool) -> None:
        """Take a document out at once and keep it out of every sync, or let the next sync bring it back.

        Raises:
            Busy: another process is changing the base.
        """
        with self._changing():
            await self._write(self._ledger.block, document, blocked=blocked)
            if blocked:
                await self._ingest.publish({document: None}, note=f"blocked {document}")

    async def verify(self) -> None:
        """Put right what a crash, another process, another model or a lost folder left behind.

        Raises:
            Busy: another process is changing the base, and leaves it right.
        """
        with self._changing():
            await self._ingest.embed_visible()
            if self._indexing is not None:
                await self._write(self._indexing.verify)

    async def follow(self) -> None:
        """Take into an index of this process what another process has published; a shared one has it already."""
        if self._indexing is not None and not self._shared:
            await self._write(self._indexing.reconcile)

    async def take_over(self) -> None:
        """Name this base's model as the one that serves."""
        await self._write(self._files[1].serve, self._embedder.name)

    async def retire(self) -> None:
        """Drop the vectors of this base's model, after another took over."""
        if self._indexing is not None:
            await self._write(self._indexing.drop)
        await self._write(self._vectors.drop)

    # Looking

    async def search(
        self,
        asked: Sequence[Asked],
        *,
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
        how: Fusion = "hybrid",
    ) -> list[Passage]:
        """Return the best passages that `scope` may see, whatever their score."""
        if not self._access.permits(scope):
            return []
        return await self._read(self._search.best, asked, limit=limit, scope=scope, tags=frozenset(tags), how=how)

    async def answer(self, vector: Sequence[float], *, scope: Scope) -> Annotation | None:
        """Return the fixed answer to a question that is nearly the same, and count it."""
        if not self._access.permits(scope):
            return None
        missing = await self._read(self._answers.unembedded)
        if missing:
            await self._read(self._answers.store, missing, await self._embedder.embed(missing))
        found = await self._read(self._answers.nearest, vector, scope)
        if found is None or found.score < SIMILAR:
            return None
        await self._read(self._answers.hit, found.number)
        return found

    async def annotate(self, question: str, answer: str, *, access: Access, author: str) -> int:
        """Fix the answer to a question; return its number."""
        return await self._read(self._answers.add, question, answer, access=(access,), author=author)

    async def unannotate(self, number: int) -> bool:
        """Forget a fixed answer; False where there is none of that number."""
        return await self._read(self._answers.remove, number)

    async def annotations(self, scope: Scope) -> list[Annotation]:
        """Return the fixed answers that `scope` may see."""
        return await self._read(self._answers.all, scope) if self._access.permits(scope) else []

    async def revision(self) -> int:
        """Return the visible revision."""
        return await self._read(self._reading_ledger.revision)

    async def revisions(self) -> list[Revision]:
        """Return the revisions that can be rolled back to, latest first."""
        return await self._read(self._reading_ledger.revisions)

    async def documents(self) -> list[str]:
        """Return the ids of all visible documents, for an operator."""
        return sorted(await self._read(self._reading_ledger.current))

    async def counts(self) -> tuple[int, int, int]:
        """Return how many documents, chunks and vectors are visible."""
        documents, chunks = await self._read(self._reading_ledger.counts)
        return documents, chunks, await self._read(self._reading_vectors.count_visible)

    def close(self) -> None:
        """Close the catalogue; nothing may run on it any more."""
        for file in self._files:
            file.close()
        self._lock.release()

    async def _gathered(self) -> Gathered:
        files = await self._threads.write(scan, self.settings.sources, root=self._root)
        if not self.settings.web:
            return files
        from knowledge.web.fetching import Fetcher
        from knowledge.web.mirror import Mirror

        allowed = [ip_network(network) for network in self.settings.fetch_networks]
        async with Fetcher(allowed=allowed) as fetcher:
            pages = await Mirror(self._mirror_folder, fetcher).update(self.settings.web)
        return Gathered(
            files=files.files + pages.files,
            refused=files.refused + pages.refused,
            complete=files.complete and pages.complete,
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if not self._lock.acquire():
            raise Busy(self.name)
        try:
            yield
        finally:
            self._lock.release()

    async def _read(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await self._threads.read(work, *args, **kwargs)
        except sqlite3.Error as error:
            raise IndexUnavailable(f"the catalogue of {self.name}: {error}") from error

    async def _write(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await self._threads.write(work, *args, **kwargs)
        except sqlite3.Error as error:
            raise IndexUnavailable(f"the catalogue of {self.name}: {error}") from error
