"""One knowledge base that is in use: its catalogue, its index, and the work on them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from knowledge.additions import Addition, Uploads
from knowledge.answers import Annotation, Answers
from knowledge.base import Embedder, VectorIndex
from knowledge.catalogue.additions import Additions
from knowledge.catalogue.file import CatalogueFile, LastSync, Revision, Row, permitted
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.vectors import VectorStore
from knowledge.errors import Busy, IndexUnavailable, UnknownDocument
from knowledge.facets import RECIPE
from knowledge.fusion import Fusion
from knowledge.gathering import Gatherer
from knowledge.index import ChromaIndex, ExactIndex
from knowledge.indexing import Indexing
from knowledge.ingest import Ingest, Progress, Report
from knowledge.lock import FileLock
from knowledge.retrieval import Asked, Search
from knowledge.sources import Gathered
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
        self._threads = threads
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
            collection = f"parley-{name}-{reading.id}-{sha256(model.encode()).hexdigest()[:8]}"
            index = chroma = ChromaIndex(client, collection)
            self._indexing = Indexing(writing, chroma, collection=collection, model=model)
        self._search = Search(reading, index, base=name, model=model, access=self._access, around=settings.around)
        self._answers = Answers(reading, base=name, embedder=embedder.name, model=model)
        self._reading_vectors = VectorStore(reading, model=model)
        self._vectors = VectorStore(writing, model=model)
        self._reading_ledger = Ledger(reading)
        self._ledger = Ledger(writing)
        self._additions = Additions(writing)
        self._reading_additions = Additions(reading)
        self._uploads = Uploads(folder / f"{name}.uploads")
        self._gatherer = Gatherer(
            settings, root=root, mirror=folder / f"{name}.web", uploads=self._uploads, threads=threads
        )
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
        """Bring the base up to date with its sources and with what people added.

        Raises:
            Busy: another process is at it.
        """
        with self._changing():
            additions = await self._write(self._additions.all)
            harvest = await self._gatherer.all(additions, progress)
            origins = await self._write(self._additions.origins)
            kept = [document for document, value in origins.items() if value in harvest.unreached]
            for value, documents in harvest.origins.items():
                await self._write(self._additions.attribute, documents, value)
            report = await self._ingest.sync(harvest.gathered, kept=kept, progress=progress)
            await self._ingest.forget(self.settings.revisions)
            await self._write(self._ledger.note_sync, [(error.document, str(error)) for error in report.failed])
            return report

    async def add(
        self,
        addition: Addition,
        *,
        data: bytes | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """Take in something that a person adds, and only that; from then on every sync looks at it too.

        `data` are an upload's bytes. The same value again takes the place of the earlier one. Where nothing of it
        can be read, the base stays as it was, and the report says why.

        Raises:
            Busy: another process is changing the base.
            DocumentRefused: the upload is too large.
        """
        with self._changing():
            before = await self._write(self._additions.get, addition.value)
            if data is not None:
                addition = replace(addition, file=await self._write(self._uploads.store, addition, data))
            # Written down first: what a crash breaks off, the next sync takes in.
            await self._write(self._additions.record, addition)
            found = await self._gatherer.one(addition, progress)
            report = await self._taken_in(addition, found, progress)
            refused = {error.document for error in report.failed}
            if refused and all(file.document in refused for file in found.files):
                await self._write(self._additions.take_back, addition, before)
                before, addition = addition, before or Addition(value=addition.value, kind=addition.kind)
            if before is not None and before.file and before.file != addition.file:
                await self._write(self._uploads.remove, before.file)
            return report

    async def _taken_in(
        self, addition: Addition, found: Gathered, progress: Callable[[Progress], None] | None
    ) -> Report:
        documents = [file.document for file in found.files]
        own = await self._write(self._additions.documents, addition.value)
        current = await self._write(self._ledger.current)
        await self._write(self._additions.attribute, documents, addition.value)
        if addition.value in documents:
            await self._write(self._ledger.block, addition.value, blocked=False)
        note = f"add {addition.value}"
        kept = current.keys() - own
        return await self._ingest.sync(found, kept=kept, anew=True, note=note, progress=progress)

    async def remove(self, name: str) -> tuple[str, ...]:
        """Take an addition with all of its documents out, or one document; return the documents that went.

        A document that a source still has is blocked, so that no sync brings it back.

        Raises:
            UnknownDocument: there is no addition or document of that name.
            Busy: another process is changing the base.
        """
        with self._changing():
            current = await self._write(self._ledger.current)
            addition = await self._write(self._additions.get, name)
            if addition is None and name not in current:
                known = [*current, *(one.value for one in await self._write(self._additions.all))]
                raise UnknownDocument(name, close=tuple(get_close_matches(name, known, n=3, cutoff=0.5)))
            if addition is None:
                gone = {name}
                await self._write(self._ledger.block, name, blocked=True)
            else:
                gone = await self._write(self._additions.documents, name) & current.keys()
                await self._write(self._additions.forget, name)
            await self._ingest.publish(dict.fromkeys(gone), note=f"remove {name}")
            if addition is not None:
                await self._discard(addition, gone)
            return tuple(sorted(gone))

    async def _discard(self, addition: Addition, documents: Collection[str]) -> None:
        if addition.kind == "upload":
            await self._write(self._uploads.remove, addition.file)
        elif addition.web is not None:
            await self._gatherer.forget(documents)

    async def roll_back(self, revision: int) -> int:
        """Make the base what it was at a revision, as a new revision, without embedding anything; return its number.

        It stays so through later syncs: what was gone away from is taken in again only when it has changed.

        Raises:
            UnknownRevision: it is not kept.
            Busy: another process is changing the base.
        """
        with self._changing():
            before = await self._write(self._ledger.current)
            changes = await self._write(self._ledger.back_to, revision)
            left = {document: before.get(document) for document in changes if changes[document] != before.get(document)}
            await self._write(self._ledger.hold, left)
            await self._ingest.publish(changes, note=f"back to {revision}")
            return await self._write(self._ledger.revision)

    async def block(self, document: str, *, blocked: bool) -> None:
        """Take a document out at once and keep it out of every sync, or let the next sync bring it back.

        Raises:
            Busy: another process is changing the base.
        """
        with self._changing():
            await self._write(self._ledger.block, document, blocked=blocked)
            await self._write(self._ledger.release, [document])
            if blocked:
                await self._ingest.publish({document: None}, note=f"blocked {document}")

    async def verify(self, *, progress: Callable[[Progress], None] | None = None) -> int:
        """Put right what a crash, another process, another model or a lost folder left behind.

        Returns how many texts were embedded.

        Raises:
            Busy: another process is changing the base, and leaves it right.
        """
        with self._changing():
            embedded = await self._ingest.embed_visible(progress=progress)
            if self._indexing is not None:
                absent = await self._write(self._indexing.absent)
                for at in range(0, len(absent), _GROUP):
                    await self._write(self._indexing.add, absent[at : at + _GROUP])
                    if progress is not None:
                        progress(Progress(done=min(at + _GROUP, len(absent)), total=len(absent), document=""))
                await self._write(self._indexing.verify)
            return embedded

    async def lacking(self) -> int:
        """Return how many texts `verify` would embed."""
        return await self._ingest.lacking()

    async def indexed(self) -> int | None:
        """Return how many vectors the vector store holds for this base; None where this process has no store."""
        return None if self._indexing is None else await self._write(self._indexing.size)

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

    async def annotate(self, question: str, answer: str, *, access: Sequence[Access] = (), author: str) -> int:
        """Fix the answer to a question, for those whom every limit in `access` permits; return its number."""
        return await self._read(self._answers.add, question, answer, access=access, author=author)

    async def unannotate(self, number: int) -> bool:
        """Forget a fixed answer; False where there is none of that number."""
        return await self._read(self._answers.remove, number)

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
        listed = await self._read(self._reading_ledger.listed)
        return [one for one in listed if scope is None or permitted(one.access, scope)]

    async def additions(self) -> list[Addition]:
        """Return what people added, oldest first."""
        return await self._read(self._reading_additions.all)

    async def export(self) -> AsyncIterator[Exported]:
        """Yield every visible chunk, a page at a time, for an operator."""
        after = 0
        while rows := await self._read(self._reading_ledger.page, after, _PAGE):
            for row in rows:
                yield _exported(row)
            after = rows[-1].number

    async def counts(self) -> tuple[int, int, int]:
        """Return how many documents, chunks and vectors are visible."""
        documents, chunks = await self._read(self._reading_ledger.counts)
        return documents, chunks, await self._read(self._reading_vectors.count_visible)

    def close(self) -> None:
        """Close the catalogue; nothing may run on it any more."""
        for file in self._files:
            file.close()
        self._lock.release()

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
