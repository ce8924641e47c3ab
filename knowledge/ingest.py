"""Bringing a base up to date: only what changed is read and embedded again; a killed run is continued, not repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Literal

from config.settings import DocumentRule
from knowledge.base import Embedder, WordEmbedder
from knowledge.catalogue.file import CatalogueFile, Version
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.meanings import Meanings
from knowledge.catalogue.vectors import VectorStore, key_of, packed_rows, unpacked_rows
from knowledge.chunking import chunks
from knowledge.errors import DocumentRefused
from knowledge.facets import Facets, combined, facets_of
from knowledge.loaders.apart import ReadingProcess
from knowledge.loaders.table import apart, loader_for
from knowledge.operations import release
from knowledge.publishing import Publisher
from knowledge.sources import Gathered, SourceFile, read
from knowledge.threads import Threads
from knowledge.types import Access, Loaded
from knowledge.words import words

_FORMAT = "2"  # raise it when loaders or chunking change, so that documents are cut again (not embedded again)
_GROUP = 32  # documents whose texts are embedded together
_WORDS = 64  # words embedded at once: a question waits no longer behind them than behind texts
_PORTION = 256  # chunks whose vectors are in memory at a time

Phase = Literal["waiting", "fetching", "reading"]
"""waiting: for another sync of the same base. fetching: from the web. reading: cutting into chunks and embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sync is."""

    done: int = 0
    total: int = 0
    """0 while it is not known yet."""
    document: str = ""
    """The document or address that was just finished."""
    phase: Phase = "reading"


@dataclass(slots=True, kw_only=True)
class Report:
    """What a sync did."""

    revision: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    """Texts that were embedded; those known from before cost nothing."""
    seconds: float = 0.0
    held: int = 0
    """Documents that stay as a rollback left them, because they have not changed since."""
    failed: list[DocumentRefused] = field(default_factory=list)


class Ingest:
    """Writes one base. One sync at a time; the caller holds the base's lock."""

    def __init__(
        self,
        file: CatalogueFile,
        *,
        embedder: Embedder,
        model: str,
        publisher: Publisher,
        threads: Threads,
        chunk_characters: int,
        rules: Sequence[DocumentRule] = (),
    ) -> None:
        self._ledger = Ledger(file)
        self._vectors = VectorStore(file, model=model)
        self._meanings = Meanings(file, model=embedder.name)
        self._embedder = embedder
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
            await self._threads.write(self._forget_vectors)

    def _forget_vectors(self) -> None:
        needed = set(map(self._key, self._vectors.annotated()))
        known: set[str] = set()
        for title, chunk in self._vectors.all_chunks():
            facets = facets_of(chunk, title)
            needed.update(map(self._key, facets.texts))
            known.update(words(facets.whole))
        self._vectors.keep_only(needed)
        self._meanings.keep_only(known)

    async def complete(self, versions: Sequence[str]) -> None:
        """Embed what versions lack: those that come back after another machine made them."""
        await self._embed(versions)

    async def embed_visible(self, *, progress: Callable[[Progress], None] | None = None) -> int:
        """Embed what is visible but has no vectors of this model yet; return how many texts that were."""
        versions = await self._threads.write(self._vectors.unembedded)
        embedded = 0
        for at in range(0, len(versions), _GROUP):
            embedded += await self._embed(versions[at : at + _GROUP])
            if progress is not None:
                progress(Progress(done=min(at + _GROUP, len(versions)), total=len(versions), document=""))
        return embedded

    async def lacking(self) -> int:
        """Return how many texts `embed_visible` would embed."""
        keys: set[bytes] = set()
        versions = await self._threads.write(self._vectors.unembedded)
        for at in range(0, len(versions), _GROUP):
            keys |= await self._threads.write(self._unknown, versions[at : at + _GROUP])
        return len(keys)

    def _unknown(self, versions: Sequence[str]) -> set[bytes]:
        keys = {self._key(text) for facets in self._wanted(versions).values() for text in facets.texts}
        return keys - self._vectors.known(keys).keys()

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
                report.embedded += await self._embed(waiting)
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

    async def _embed(self, versions: Sequence[str]) -> int:
        """Embed what versions lack; return how many texts that were."""
        wanted = list((await self._threads.write(self._wanted, versions)).items())
        portions = [dict(wanted[at : at + _PORTION]) for at in range(0, len(wanted), _PORTION)]
        return sum([await self._embed_portion(portion) for portion in portions])

    async def _embed_portion(self, wanted: Mapping[int, Facets]) -> int:
        """Embed the texts of some chunks; every batch is stored before the next is asked for."""
        texts = {self._key(text): text for facets in wanted.values() for text in facets.texts}
        known = await self._threads.write(self._vectors.known, texts)
        missing = [key for key in texts if key not in known]
        for at in range(0, len(missing), self._embedder.batch):
            part = missing[at : at + self._embedder.batch]
            vectors = await self._embedder.embed([texts[key] for key in part])
            fresh = dict(zip(part, packed_rows(vectors), strict=True))
            await self._threads.write(self._vectors.store_vectors, fresh)
            known |= fresh
        await self._learn(wanted)
        await self._threads.write(self._combine, wanted, {text: known[key] for key, text in texts.items()})
        return len(missing)

    async def _learn(self, wanted: Mapping[int, Facets]) -> None:
        """Embed the words of some chunks that have no vector yet, where the embedder knows single words."""
        if not isinstance(self._embedder, WordEmbedder):
            return
        found = {word for facets in wanted.values() for word in words(facets.whole)}
        missing = await self._threads.write(self._meanings.unknown, sorted(found))
        for at in range(0, len(missing), _WORDS):
            part = missing[at : at + _WORDS]
            vectors = await self._embedder.embed_words(part)
            await self._threads.write(self._meanings.store, dict(zip(part, vectors, strict=True)))

    def _wanted(self, versions: Sequence[str]) -> dict[int, Facets]:
        """Return what is to be embedded for each chunk that has no vectors of this model yet."""
        wanted: dict[int, Facets] = {}
        for version in versions:
            if not self._vectors.complete(version):
                title = self._ledger.title(version)
                wanted |= {number: facets_of(chunk, title) for number, chunk in self._vectors.chunks_of(version)}
        return wanted

    def _combine(self, wanted: Mapping[int, Facets], held: Mapping[str, bytes]) -> None:
        places = {text: at for at, text in enumerate(held)}
        rows = combined(list(wanted.values()), places, unpacked_rows(list(held.values())))
        self._vectors.store_facets(dict(zip(wanted, map(packed_rows, rows), strict=True)))

    def _key(self, text: str) -> bytes:
        return key_of(self._embedder.name, text)

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
