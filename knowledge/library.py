"""All knowledge bases of a process: opened in the background, searched together, kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from knowledge.answers import Annotation
from knowledge.asking import parts
from knowledge.base import Embedder
from knowledge.embeddings import CachedEmbedder
from knowledge.errors import Busy, IndexUnavailable, KnowledgeError, UnknownBase
from knowledge.fusion import Fusion
from knowledge.index import open_chroma
from knowledge.ingest import Progress, Report
from knowledge.lock import FileLock
from knowledge.opened import OpenBase
from knowledge.retrieval import Asked
from knowledge.threads import Threads
from knowledge.types import Coverage, Findings, Passage, Scope

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

    from config.settings import KnowledgeBase

log = structlog.get_logger(__name__)

SURE = 0.1
"""How far above its base's threshold the best passage must score to count as "answered" and not as "partly"."""
_FOLLOW_S = 1.0

State = Literal["waiting", "indexing", "ready", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseStatus:
    """How one base is."""

    name: str
    state: State
    documents: int = 0
    chunks: int = 0
    vectors: int = 0
    revision: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    """(document, reason) of what the last sync could not read."""
    error: str = ""
    """Why the base as a whole failed."""


class Library:
    """Implements `Retriever`. The embedder stays the caller's, to close after this."""

    def __init__(self, bases: Mapping[str, KnowledgeBase], *, data_dir: Path, root: Path, embedder: Embedder) -> None:
        self._settings = dict(bases)
        self._folder = data_dir / "knowledge"
        self._chroma_folder = data_dir / "chroma"
        self._root = root
        self._embedder = embedder
        self._questions = CachedEmbedder(embedder)
        self._threads = Threads()
        self._chroma_lock = FileLock(data_dir / "chroma.lock")
        self._client: asyncio.Task[ClientAPI | None] | None = None
        self._opening: dict[str, asyncio.Task[OpenBase]] = {}
        self._reports: dict[str, Report] = {}
        self._follower: asyncio.Task[None] | None = None

    async def open(self, in_use: Collection[str] | None = None) -> None:
        """Begin to open and index the bases in use (by default all); returns at once.

        Raises:
            UnknownBase: a base of that name is not configured.
        """
        for name in self._settings if in_use is None else in_use:
            self._task(name)
        if self._follower is None:
            self._follower = asyncio.create_task(self._follow(), name="knowledge-follow")

    async def search(
        self,
        query: str,
        *,
        bases: Sequence[str],
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
    ) -> Findings:
        """Return at most `limit` passages above the bases' thresholds, best first.

        Waits while a base is being opened for the first time.

        Raises:
            IndexUnavailable, EmbeddingUnavailable: a retry is safe.
            UnknownBase: a base of that name is not configured.
        """
        found = await self.ranked(query, bases=bases, limit=limit, scope=scope, tags=tags)
        enough = [one for one in found if one.score >= self._settings[one.base].threshold]
        return Findings(passages=tuple(enough), coverage=self._coverage(enough))

    async def ranked(
        self,
        query: str,
        *,
        bases: Sequence[str],
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
        how: Fusion = "hybrid",
    ) -> list[Passage]:
        """Return the `limit` best passages whatever their score, with all scores: for people and measurements."""
        opened = [await self.base(name) for name in dict.fromkeys(bases)]
        if not opened or not query.strip():
            return []
        texts = [query, *parts(query)]
        vectors = await self._questions.embed(texts)
        asked = [Asked(text=text, vector=vector) for text, vector in zip(texts, vectors, strict=True)]
        found: list[Passage] = []
        for base in opened:
            found += await base.search(asked, limit=limit, scope=scope, tags=tags, how=how)
        return sorted(found, key=lambda one: -one.score)[:limit]

    async def sync(self, name: str, *, progress: Callable[[Progress], None] | None = None) -> Report:
        """Bring a base up to date with its sources.

        Raises:
            Busy: another process is at it.
            IndexUnavailable, EmbeddingUnavailable: a retry is safe, and goes on where this stopped.
            UnknownBase: a base of that name is not configured.
        """
        return await self._synced(await self.base(name), progress)

    async def base(self, name: str) -> OpenBase:
        """Return a base, opened and up to date, for revisions, blocked documents and fixed answers.

        Raises:
            UnknownBase: a base of that name is not configured.
        """
        return await asyncio.shield(self._task(name))

    async def answer(self, query: str, *, bases: Sequence[str], scope: Scope) -> Annotation | None:
        """Return the fixed answer to nearly the same question, if there is one that `scope` may see; counts it."""
        vector = (await self._questions.embed([query]))[0] if query.strip() else []
        found = [await (await self.base(name)).answer(vector, scope=scope) for name in bases if vector]
        return max((one for one in found if one is not None), key=lambda one: one.score, default=None)

    async def status(self) -> tuple[BaseStatus, ...]:
        """Return how each configured base is; never waits for one."""
        return tuple([await self._status(name) for name in self._settings])

    async def close(self) -> None:
        """Stop what runs, and close the files. A sync that was broken off is continued by the next."""
        tasks = [task for task in (self._follower, self._client, *self._opening.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.close()
        for task in self._opening.values():
            if not task.cancelled() and task.exception() is None:
                task.result().close()
        self._opening.clear()
        self._chroma_lock.release()

    def _coverage(self, passages: Sequence[Passage]) -> Coverage:
        if not passages:
            return "not_found"
        best = passages[0]
        return "answered" if best.score >= self._settings[best.base].threshold + SURE else "partly"

    def _task(self, name: str) -> asyncio.Task[OpenBase]:
        if name not in self._settings:
            raise UnknownBase(name)
        task = self._opening.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._opening[name] = asyncio.create_task(self._open(name), name=f"knowledge-{name}")
            task.add_done_callback(_noted)
        return task

    async def _open(self, name: str) -> OpenBase:
        await self._embedder.embed(["warm 预热"])
        if self._client is None or (self._client.done() and self._client.exception() is not None):
            self._client = asyncio.create_task(self._connect(), name="knowledge-chroma")
        client = await asyncio.shield(self._client)
        base = await self._threads.write(
            OpenBase,
            name,
            self._settings[name],
            folder=self._folder,
            root=self._root,
            client=client,
            embedder=self._embedder,
            threads=self._threads,
        )
        await base.verify()
        try:
            await self._synced(base, None)
        except Busy:
            log.info("knowledge.busy", base=name)  # whoever is at it will publish, and we follow
        return base

    async def _connect(self) -> ClientAPI | None:
        """Open Chroma, unless its folder belongs to another process: then vectors are compared one by one."""
        if not self._chroma_lock.acquire():
            log.info("knowledge.second_process", folder=str(self._chroma_folder))
            return None
        try:
            return await self._threads.write(open_chroma, self._chroma_folder)
        except IndexUnavailable:
            self._chroma_lock.release()
            raise

    async def _synced(self, base: OpenBase, progress: Callable[[Progress], None] | None) -> Report:
        report = await base.sync(progress=progress)
        self._reports[base.name] = report
        for error in report.failed:
            log.warning("knowledge.refused", base=base.name, document=error.document, reason=str(error))
        log.info(
            "knowledge.synced",
            base=base.name,
            revision=report.revision,
            added=report.added,
            changed=report.changed,
            removed=report.removed,
            embedded=report.embedded,
            elapsed_ms=round(report.seconds * 1000),
        )
        return report

    async def _follow(self) -> None:
        """Take in, within a second, what other processes publish."""
        seen: dict[str, int] = {}
        while True:
            await asyncio.sleep(_FOLLOW_S)
            for name, task in list(self._opening.items()):
                if not task.done() or task.cancelled() or task.exception() is not None:
                    continue
                revision = await task.result().revision()
                if seen.get(name, revision) != revision:
                    await self._followed(task.result())
                seen[name] = revision

    async def _followed(self, base: OpenBase) -> None:
        try:
            await base.follow()
        except IndexUnavailable as error:
            log.warning("knowledge.behind", base=base.name, reason=str(error))

    async def _status(self, name: str) -> BaseStatus:
        task = self._opening.get(name)
        if task is None:
            return BaseStatus(name=name, state="waiting")
        if not task.done():
            return BaseStatus(name=name, state="indexing")
        if task.cancelled() or task.exception() is not None:
            return BaseStatus(name=name, state="failed", error=str(task.exception() if not task.cancelled() else ""))
        base = task.result()
        documents, chunks, vectors = await base.counts()
        report = self._reports.get(name)
        failed = tuple((error.document, str(error)) for error in report.failed) if report else ()
        return BaseStatus(
            name=name,
            state="ready",
            documents=documents,
            chunks=chunks,
            vectors=vectors,
            revision=await base.revision(),
            failed=failed,
        )


def _noted(task: asyncio.Task[OpenBase]) -> None:
    """Log why a base could not be opened; who asks for it gets the error, and the next asking tries again."""
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, KnowledgeError):
        log.error("knowledge.failed", base=task.get_name(), reason=str(error))
