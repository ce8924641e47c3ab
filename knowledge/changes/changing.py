"""Changing a base: one process at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from difflib import get_close_matches

from knowledge.catalogue.additions import Additions
from knowledge.catalogue.file import CatalogueFile, label_of
from knowledge.catalogue.ledger import Ledger
from knowledge.changes import operations
from knowledge.changes.indexing import Indexing
from knowledge.changes.lock import FileLock
from knowledge.changes.operations import Operation
from knowledge.changes.publishing import Publisher
from knowledge.errors import Busy, UnknownDocument
from knowledge.ingest.additions import Addition, Uploads
from knowledge.ingest.embedding import Embedding
from knowledge.ingest.gathering import Gatherer
from knowledge.ingest.progress import Progress, Report
from knowledge.ingest.sources import Gathered
from knowledge.ingest.sync import Ingest
from knowledge.retrieval.answers import known, number_of
from knowledge.threads import Threads
from knowledge.types import Access

_GROUP = 32  # documents whose vectors are put into the store together
_RETRY_S = 0.1
WAIT_S = 60.0
"""How long a change waits for another one to end."""


class Changes:
    """Everything that writes a base. Each change holds the base's lock; where several machines share it, it is an entry
    of their log as well."""

    def __init__(
        self,
        file: CatalogueFile,
        *,
        name: str,
        revisions: int,
        uploads: Uploads,
        gatherer: Gatherer,
        embedding: Embedding,
        ingest: Ingest,
        publisher: Publisher,
        indexing: Indexing | None,
        lock: FileLock,
        threads: Threads,
    ) -> None:
        self._name = name
        self._revisions = revisions
        self._ledger = Ledger(file)
        self._additions = Additions(file)
        self._file = file
        self._uploads = uploads
        self._gatherer = gatherer
        self._embedding = embedding
        self._ingest = ingest
        self._publisher = publisher
        self._indexing = indexing
        self._lock = lock
        self._write = threads.write

    async def sync(self, *, progress: Callable[[Progress], None] | None = None) -> Report:
        """Bring the base up to date with its sources and with what people added.

        Raises:
            Busy: another process is at it.
        """
        with self.changing():
            additions = await self._write(self._additions.all)
            harvest = await self._gatherer.all(additions, progress)
            origins = await self._write(self._additions.origins)
            kept = [document for document, value in origins.items() if value in harvest.unreached]
            fresh = {
                value: [document for document in documents if origins.get(document) != value]
                for value, documents in harvest.origins.items()
            }
            await self._commit(
                *(operations.attribute(documents, value) for value, documents in fresh.items() if documents)
            )
            report = await self._ingest.sync(harvest.gathered, kept=kept, progress=progress)
            await self._ingest.forget(self._revisions)
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
        with self.changing():
            before = await self._write(self._additions.get, addition.value)
            addition = replace(addition, at=addition.at or time.time())
            if data is not None:
                addition = replace(addition, file=await self._write(self._uploads.store, addition, data))
            # Written down first: what a crash breaks off, the next sync takes in.
            await self._commit(operations.record(addition))
            found = await self._gatherer.one(addition, progress)
            report = await self._taken_in(addition, found, progress)
            refused = {error.document for error in report.failed}
            if refused and all(file.document in refused for file in found.files):
                await self._commit(operations.forget(addition.value) if before is None else operations.record(before))
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
        again = [operations.block(addition.value, blocked=False)] if addition.value in documents else []
        await self._commit(operations.attribute(documents, addition.value), *again)
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
        with self.changing():
            current = await self._write(self._ledger.current)
            addition = await self._write(self._additions.get, name)
            if addition is None and name not in current:
                known = [*current, *(one.value for one in await self._write(self._additions.all))]
                raise UnknownDocument(name, close=tuple(get_close_matches(name, known, n=3, cutoff=0.5)))
            if addition is None:
                gone, done = {name}, operations.block(name, blocked=True)
            else:
                gone, done = (
                    await self._write(self._additions.documents, name) & current.keys(),
                    operations.forget(name),
                )
            await self._publisher.publish(dict.fromkeys(gone), note=f"remove {name}", operations=[done])
            if addition is not None:
                await self._discard(addition, gone)
            return tuple(sorted(gone))

    async def _commit(self, *done: Operation) -> None:
        await self._publisher.publish({}, operations=done)

    async def _discard(self, addition: Addition, documents: Collection[str]) -> None:
        if addition.kind == "upload":
            await self._write(self._uploads.remove, addition.file)
        elif addition.web is not None:
            await self._gatherer.forget(documents)

    async def roll_back(self, revision: int, *, wait_s: float = WAIT_S) -> int:
        """Make the base what it was at a revision, as a new revision, without embedding anything; return its number.

        It stays so through later syncs: what was gone away from is taken in again only when it has changed.

        Raises:
            UnknownRevision: it is not kept.
            Busy: the base is still being changed after `wait_s` seconds.
        """
        async with self._turn(wait_s):
            before = await self._write(self._ledger.current)
            changes = await self._write(self._ledger.back_to, revision)
            left = {document: before.get(document) for document in changes if changes[document] != before.get(document)}
            await self._embedding.complete([version for version in changes.values() if version is not None])
            await self._publisher.publish(changes, note=f"back to {revision}", operations=[operations.hold(left)])
            return await self._write(self._ledger.revision)

    async def block(self, document: str, *, blocked: bool, wait_s: float = WAIT_S) -> None:
        """Take a document out at once and keep it out of every sync, or let the next sync bring it back.

        Raises:
            Busy: the base is still being changed after `wait_s` seconds.
        """
        async with self._turn(wait_s):
            changes = {document: None} if blocked else {}
            done = [operations.block(document, blocked=blocked), operations.release([document])]
            await self._publisher.publish(changes, note=f"blocked {document}", operations=done)

    async def annotate(self, question: str, answer: str, *, access: Sequence[Access] = (), author: str) -> int:
        """Fix the answer to a question, for those whom every limit in `access` permits; return its number.

        Raises:
            Busy: the base is still being changed after a minute.
        """
        label = label_of(access)
        async with self._turn(WAIT_S):
            await self._commit(operations.answer(question, answer, label=label, author=author, at=time.time()))
            return await self._write(number_of, self._file, question, label)

    async def unannotate(self, number: int) -> bool:
        """Forget a fixed answer; False where there is none of that number.

        Raises:
            Busy: the base is still being changed after a minute.
        """
        async with self._turn(WAIT_S):
            found = await self._write(known, self._file, number)
            await self._commit(operations.unanswer(number))
            return found

    async def verify(self, *, progress: Callable[[Progress], None] | None = None) -> int:
        """Put right what a crash, another process, another model or a lost folder left behind.

        Returns how many texts were embedded.

        Raises:
            Busy: another process is changing the base, and leaves it right.
        """
        with self.changing():
            await self._publisher.follow()
            embedded = await self._embedding.complete_visible(progress=progress)
            if self._indexing is not None:
                absent = await self._write(self._indexing.absent)
                for at in range(0, len(absent), _GROUP):
                    await self._write(self._indexing.add, absent[at : at + _GROUP])
                    if progress is not None:
                        progress(Progress(done=min(at + _GROUP, len(absent)), total=len(absent), document=""))
                await self._write(self._indexing.verify)
            return embedded

    async def follow(self) -> None:
        """Take in what another machine has published.

        Raises:
            Busy: another process is changing the base, and takes it in.
        """
        if await self._publisher.behind():
            with self.changing():
                await self._publisher.follow()
                await self._publisher.publish({})

    async def lacking(self) -> int:
        """Return how many texts `verify` would embed."""
        return await self._embedding.lacking()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the base's lock.

        Raises:
            Busy: somebody else does.
        """
        if not self._lock.acquire():
            raise Busy(self._name)
        try:
            yield
        finally:
            self._lock.release()

    @asynccontextmanager
    async def _turn(self, wait_s: float) -> AsyncIterator[None]:
        """Hold the base's lock, waiting for it at most `wait_s` seconds."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while not self._lock.acquire():
            if asyncio.get_running_loop().time() >= deadline:
                raise Busy(self._name)
            await asyncio.sleep(_RETRY_S)
        try:
            yield
        finally:
            self._lock.release()
