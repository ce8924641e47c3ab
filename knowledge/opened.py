"""One knowledge base that is in use: its catalogue, its index, and the work on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from knowledge.base import Embedder, VectorIndex
from knowledge.catalogue.additions import Additions
from knowledge.catalogue.file import CatalogueFile, LastSync, Revision, Row, permitted
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.listing import Listing
from knowledge.catalogue.meanings import Meanings
from knowledge.catalogue.vectors import VectorStore
from knowledge.changes.changing import Changes
from knowledge.changes.exchange import Exchange
from knowledge.changes.indexing import Indexing
from knowledge.changes.lock import FileLock
from knowledge.changes.publishing import Publisher
from knowledge.index import ChromaIndex, ExactIndex
from knowledge.ingest.additions import Addition, Uploads
from knowledge.ingest.embedding import Embedding
from knowledge.ingest.facets import RECIPE
from knowledge.ingest.gathering import Gatherer
from knowledge.ingest.sync import Ingest
from knowledge.retrieval.answers import Annotation, Answers
from knowledge.retrieval.fusion import Fusion
from knowledge.retrieval.search import Asked, Search
from knowledge.threads import Threads
from knowledge.types import Access, DocumentInfo, Exported, Passage, Scope

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

    from config.settings import KnowledgeBase

_P = ParamSpec("_P")
_T = TypeVar("_T")
_GROUP = 32  # documents whose vectors are put into the store together


_PAGE = 500  # chunks read at once for an export


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
        self._read, self._write = threads.read, threads.write
        self._embedder = embedder
        self._shared = shared
        self.embedder = embedder.name
        self._access = Access(roles=frozenset(settings.roles), conversations=frozenset(settings.conversations))
        self._files = (CatalogueFile(path), CatalogueFile(path))
        reading, writing = self._files
        self._indexing: Indexing | None = None
        index: VectorIndex
        if client is None:
            index = ExactIndex(reading, model=model)
        else:
            kind = sha256(model.encode()).hexdigest()[:8]
            collection = f"parley-{name}-{kind}" if shared else f"parley-{name}-{reading.id}-{kind}"
            index = chroma = ChromaIndex(client, collection)
            self._indexing = Indexing(writing, chroma, collection=collection, model=model, shared=shared)
        exchange = Exchange(client, writing, base=name) if client is not None and shared else None
        embedding = Embedding(writing, embedder=embedder, model=model, threads=threads)
        publisher = Publisher(writing, embedding=embedding, indexing=self._indexing, exchange=exchange, threads=threads)
        self._meanings = Meanings(writing, model=embedder.name)
        self._search = Search(
            reading,
            index,
            base=name,
            model=model,
            meanings=Meanings(reading, model=embedder.name),
            access=self._access,
            around=settings.around,
            link=settings.link,
        )
        self._answers = Answers(reading, base=name, embedder=embedder.name, model=model)
        self._reading_vectors = VectorStore(reading, model=model)
        self._vectors = VectorStore(writing, model=model)
        self._reading_ledger = Ledger(reading)
        self._listing = Listing(reading)
        self._ledger = Ledger(writing)
        self._additions = Additions(reading)
        uploads = Uploads(folder / f"{name}.uploads")
        self._lock = FileLock(folder / f"{name}.lock")
        ingest = Ingest(
            writing,
            embedding=embedding,
            publisher=publisher,
            threads=threads,
            chunk_characters=settings.chunk_characters,
            rules=settings.rules,
        )
        self._changes = changes = Changes(
            writing,
            name=name,
            revisions=settings.revisions,
            uploads=uploads,
            gatherer=Gatherer(settings, root=root, mirror=folder / f"{name}.web", uploads=uploads, threads=threads),
            embedding=embedding,
            ingest=ingest,
            publisher=publisher,
            indexing=self._indexing,
            lock=self._lock,
            threads=threads,
        )
        self.changing = changes.changing
        self.sync, self.add, self.remove = changes.sync, changes.add, changes.remove
        self.roll_back, self.block = changes.roll_back, changes.block
        self.annotate, self.unannotate = changes.annotate, changes.unannotate
        self.verify, self.lacking = changes.verify, changes.lacking

    async def indexed(self) -> int | None:
        """Return how many vectors the vector store holds for this base; None where this process has no store."""
        return None if self._indexing is None else await self._write(self._indexing.size)

    async def follow(self) -> None:
        """Take in what another process or machine has published.

        Raises:
            Busy: another process is changing the base, and takes it in.
        """
        if self._shared:
            await self._changes.follow()
        elif self._indexing is not None:
            await self._write(self._indexing.reconcile)

    async def take_over(self) -> None:
        """Name this base's model as the one that serves."""
        await self._write(self._files[1].serve, self._embedder.name)

    async def retire(self) -> None:
        """Drop the vectors of this base's model, after another took over."""
        if self._indexing is not None:
            await self._write(self._indexing.drop)
        await self._write(self._vectors.drop)
        await self._write(self._meanings.drop)

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

    async def answer(self, question: str, embedder: Embedder, *, scope: Scope) -> Annotation | None:
        """Return the fixed answer to a question that is nearly the same; `given` counts it.

        `embedder` makes the question's vector; it is asked only where the base has fixed answers at all.
        """
        if not self._access.permits(scope) or not await self._read(self._answers.exist):
            return None
        missing = await self._read(self._answers.unembedded)
        if missing:
            await self._read(self._answers.store, missing, await self._embedder.embed(missing))
        vector = (await embedder.embed([question]))[0]
        found = await self._read(self._answers.nearest, question, vector, scope)
        own = (self._access,) if self._access.roles or self._access.conversations else ()
        return replace(found, access=(*own, *found.access)) if found else None

    async def given(self, number: int) -> None:
        """Count that a fixed answer was given."""
        await self._read(self._answers.hit, number)

    async def annotations(self, scope: Scope) -> list[Annotation]:
        """Return the fixed answers that `scope` may see."""
        return await self._read(self._answers.all, scope) if self._access.permits(scope) else []

    async def revision(self) -> int:
        """Return the visible revision."""
        return await self._read(self._reading_ledger.revision)

    async def last_sync(self) -> LastSync | None:
        """Return when the base was last brought up to date, by whichever process, and what failed."""
        return await self._read(self._reading_ledger.last_sync)

    async def revisions(self) -> list[Revision]:
        """Return the revisions that can be rolled back to, latest first."""
        return await self._read(self._reading_ledger.revisions)

    async def documents(self, scope: Scope | None) -> list[DocumentInfo]:
        """Return the documents that `scope` may see and those that are blocked; all of them for None, an operator."""
        if scope is not None and not self._access.permits(scope):
            return []
        listed = await self._read(self._listing.listed)
        return [one for one in listed if scope is None or permitted(one.access, scope)]

    async def additions(self) -> list[Addition]:
        """Return what people added, oldest first."""
        return await self._read(self._additions.all)

    async def export(self) -> AsyncIterator[Exported]:
        """Yield every visible chunk, a page at a time, for an operator."""
        after = ("", 0)
        while rows := await self._read(self._listing.page, after, _PAGE):
            for row in rows:
                yield _exported(row)
            after = (rows[-1].version.document, rows[-1].ordinal)

    async def counts(self) -> tuple[int, int, int]:
        """Return how many documents, chunks and vectors are visible."""
        documents, chunks = await self._read(self._reading_ledger.counts)
        return documents, chunks, await self._read(self._reading_vectors.count_visible)

    def close(self) -> None:
        """Close the catalogue; nothing may run on it any more."""
        for file in self._files:
            file.close()
        self._lock.release()


def _exported(row: Row) -> Exported:
    return Exported(
        document=row.version.document,
        title=row.version.title,
        source=row.version.source,
        ordinal=row.ordinal,
        position=row.chunk.position,
        text=row.chunk.text,
        tags=row.version.tags,
        access=tuple(one for one in row.version.access if one.roles or one.conversations),
    )
