"""Bringing a base up to date: only what changed is read and embedded again; a killed run is continued, not repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256

from config.settings import DocumentRule
from knowledge.catalogue.file import CatalogueFile, Version
from knowledge.catalogue.ledger import Ledger
from knowledge.changes.operations import release
from knowledge.changes.publishing import Publisher
from knowledge.errors import DocumentRefused
from knowledge.ingest.chunking import chunks
from knowledge.ingest.embedding import Embedding
from knowledge.ingest.progress import Progress, Report
from knowledge.ingest.sources import Gathered, SourceFile, read
from knowledge.loaders.apart import ReadingProcess
from knowledge.loaders.table import apart, loader_for
from knowledge.threads import Threads
from knowledge.types import Access, Loaded

_FORMAT = "2"  # raise it when loaders or chunking change, so that documents are cut again (not embedded again)
_GROUP = 32  # documents whose texts are embedded together


class Ingest:
    """Writes one base. One sync at a time; the caller holds the base's lock."""

    def __init__(
        self,
        file: CatalogueFile,
        *,
        embedding: Embedding,
        publisher: Publisher,
        threads: Threads,
        chunk_characters: int,
        rules: Sequence[DocumentRule] = (),
    ) -> None:
        self._ledger = Ledger(file)
        self._embedding = embedding
        self._publisher = publisher
        self._threads = threads
        self._reading = ReadingProcess()
        self._chunk_characters = chunk_characters
        self._rules = rules

    async def sync(
        self,
        gathered: Gathered,
        *,
        kept: Collection[str] = (),
        anew: bool = False,
        note: str = "sync",
        progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """Make the base hold exactly the documents that were gathered; what cannot be read keeps its old version.

        The documents in `kept` stay, gathered or not. While a source as a whole is missing, nothing is removed: a
        disk that is not mounted must not empty a base. What a rollback went away from is not taken in again until
        it changes, except `anew`.

        Raises:
            EmbeddingUnavailable, IndexUnavailable: broken off; another sync goes on from there.
        """
        started = time.monotonic()
        before = await self._threads.write(self._ledger.current)
        blocked = await self._threads.write(self._ledger.blocked)
        held = await self._threads.write(self._ledger.held)
        files = [file for file in gathered.files if file.document not in blocked]
        report = Report(failed=list(gathered.refused))
        try:
            after = await self._staged(files, before, report, progress)
        finally:
            await self._threads.write(self._reading.close)
        changed = [document for document in held if document in after and after[document] != before.get(document)]
        released = [document for document in changed if anew or after[document] != held[document]]
        released += [document for document in held if held[document] is None and document in after]
        after = _held_back(after, before, {one: held[one] for one in changed if one not in released})
        gone = before.keys() - after.keys() - set(kept)
        stay = {document for document in gone if document in held and held[document] is None} - blocked
        removed = dict.fromkeys(gone - stay if gathered.complete else gone & blocked)
        report.held = len(set(changed) - set(released)) + len(stay)
        operations = [release(released)] if released else []
        await self._publisher.publish({**after, **removed}, note=note, operations=operations)
        self._count(before, after, removed, report)
        report.revision = await self._threads.write(self._ledger.revision)
        report.seconds = time.monotonic() - started
        return report

    async def forget(self, keep: int) -> None:
        """Forget all but the last `keep` revisions, and the vectors that no kept chunk needs."""
        if await self._publisher.forget(keep):
            await self._threads.write(self._embedding.forget_unused)

    async def _staged(
        self,
        files: Sequence[SourceFile],
        before: Mapping[str, str],
        report: Report,
        progress: Callable[[Progress], None] | None,
    ) -> dict[str, str]:
        after: dict[str, str] = {}
        waiting: list[str] = []
        for done, file in enumerate(files, 1):
            try:
                after[file.document] = await self._threads.write(self._stage, file)
                waiting.append(after[file.document])
            except DocumentRefused as error:
                report.failed.append(error)
                if file.document in before:
                    after[file.document] = before[file.document]
            if len(waiting) >= _GROUP or done == len(files):
                report.embedded += await self._embedding.complete(waiting)
                waiting = []
            if progress is not None:
                progress(Progress(done=done, total=len(files), document=file.document))
        return after

    def _stage(self, file: SourceFile) -> str:
        """Read one file into the catalogue unless it is there; return its version."""
        data, digest = read(file)
        rules = [rule for rule in self._rules if fnmatchcase(file.document, rule.match)]
        rules += [file.rule] if file.rule else []
        identity = f"{_FORMAT}\n{file.document}\n{digest}\n{self._chunk_characters}\n{rules}"
        version = sha256(identity.encode()).hexdigest()[:24]
        if not self._ledger.staged([version]):
            loaded = self._load(data, file)
            self._ledger.stage(
                Version(
                    id=version,
                    document=file.document,
                    title=loaded.title,
                    source=file.document,
                    access=(loaded.access, *(_access(rule) for rule in rules)),
                    tags=loaded.tags.union(*(rule.tags for rule in rules)),
                ),
                chunks(loaded.blocks, size=self._chunk_characters),
            )
        return version

    def _load(self, data: bytes, file: SourceFile) -> Loaded:
        if apart(file.path.name, size=len(data)):
            return self._reading.load(data, name=file.document, file=file.path.name)
        return loader_for(file.path.name)(data, name=file.document)

    @staticmethod
    def _count(
        before: Mapping[str, str], after: Mapping[str, str], removed: Mapping[str, None], report: Report
    ) -> None:
        report.removed = len(removed)
        report.added = sum(document not in before for document in after)
        report.changed = sum(document in before and before[document] != version for document, version in after.items())
        report.unchanged = len(after) - report.added - report.changed


def _held_back(after: Mapping[str, str], before: Mapping[str, str], held: Collection[str]) -> dict[str, str]:
    """Return `after` with the held documents as they were before."""
    kept = {document: before[document] for document in held if document in before}
    return {document: version for document, version in after.items() if document not in held} | kept


def _access(rule: DocumentRule) -> Access:
    return Access(roles=frozenset(rule.roles), conversations=frozenset(rule.conversations))
