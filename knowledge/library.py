"""All knowledge bases of a process: opened in the background, searched together, kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from knowledge.additions import Addition
from knowledge.answers import Annotation
from knowledge.asking import parts
from knowledge.base import Embedder, Reranker
from knowledge.catalogue.file import CatalogueFile
from knowledge.changing import WAIT_S
from knowledge.embeddings import CachedEmbedder
from knowledge.errors import (
    Busy,
    EmbeddingUnavailable,
    IndexUnavailable,
    KnowledgeError,
    RerankUnavailable,
    UnknownBase,
)
from knowledge.fusion import Fusion
from knowledge.home import VectorHome
from knowledge.ingest import Progress, Report
from knowledge.opened import OpenBase
from knowledge.retrieval import Asked
from knowledge.status import BaseStatus, status_of
from knowledge.threads import Threads
from knowledge.types import Coverage, Findings, Passage, Scope
from knowledge.waiting import FOLLOWING_S, patiently

if TYPE_CHECKING:
    from config.settings import ChromaSettings, KnowledgeBase

log = structlog.get_logger(__name__)

SURE = 0.1
"""How far above its base's threshold the best passage must score to count as "answered" and not as "partly"."""
_FOLLOW_S = 1.0


class Library:
    """Implements `Retriever`. The embedders stay the caller's, to close after this.

    A base that was built with one of the `previous` embedders goes on serving with it while its vectors are made
    anew with `embedder`, which then takes over. With `chroma.url` the vectors are on a server.
    """

    def __init__(
        self,
        bases: Mapping[str, KnowledgeBase],
        *,
        data_dir: Path,
        root: Path,
        embedder: Embedder,
        previous: Sequence[Embedder] = (),
        chroma: ChromaSettings | None = None,
        reranker: Reranker | None = None,
        resident: bool = True,
        embedded: bool = True,
    ) -> None:
        """`resident=False`: for one command; a base is opened as it is, without a sync, and nothing runs beside.

        `embedded=False`: Chroma's folder in `data_dir` is left to the process that runs.
        """
        self._resident = resident
        self._reranker = reranker
        self._settings = dict(bases)
        self._folder = data_dir / "knowledge"
        self._root = root
        self._embedder = embedder
        self._embedders = {one.name: one for one in (*previous, embedder)}
        self._questions = {name: CachedEmbedder(one) for name, one in self._embedders.items()}
        self._threads = Threads()
        self._home = VectorHome(data_dir, chroma, self._threads, embedded=embedded)
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._migrations: dict[str, asyncio.Task[None]] = {}
        self._schedules: dict[str, asyncio.Task[None]] = {}
        self._bases: dict[str, OpenBase] = {}
        self._retired: list[OpenBase] = []
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
        also: Sequence[str] = (),
    ) -> Findings:
        """Return at most `limit` passages above the bases' thresholds, best first.

        `also` are other wordings of the question (a rewriting from the conversation, several queries of a model): what
        fits one of them counts a little less than what fits the question itself.

        Waits while a base is being opened for the first time.

        Raises:
            IndexUnavailable, EmbeddingUnavailable: a retry is safe.
            UnknownBase: a base of that name is not configured.
        """
        count = max(limit, self._reranker.candidates) if self._reranker else limit
        found = await self.ranked(query, bases=bases, limit=count, scope=scope, tags=tags, also=also)
        enough = [one for one in found if one.score >= self._settings[one.base].threshold]
        coverage = self._coverage(enough)
        return Findings(passages=tuple((await self._reranked(query, enough))[:limit]), coverage=coverage)

    async def _reranked(self, query: str, passages: list[Passage]) -> list[Passage]:
        if self._reranker is None or len(passages) < 2:
            return passages
        try:
            return await self._reranker.rerank(query, passages)
        except RerankUnavailable as error:
            log.warning("knowledge.not_reranked", reason=str(error))
            return passages

    async def ranked(
        self,
        query: str,
        *,
        bases: Sequence[str],
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
        how: Fusion = "hybrid",
        also: Sequence[str] = (),
    ) -> list[Passage]:
        """Return the `limit` best passages whatever their score, with all scores: for people and measurements."""
        opened = [await self.base(name) for name in dict.fromkeys(bases)]
        if not opened or not query.strip():
            return []
        found: list[Passage] = []
        for base in opened:
            texts = list(dict.fromkeys([query, *also, *parts(query)]))
            vectors = await self._questions[base.embedder].embed(texts)
            asked = [Asked(text=text, vector=vector) for text, vector in zip(texts, vectors, strict=True)]
            found += await base.search(asked, limit=limit, scope=scope, tags=tags, how=how)
        return sorted(found, key=lambda one: -one.score)[:limit]

    @property
    def names(self) -> tuple[str, ...]:
        """The configured bases."""
        return tuple(self._settings)

    async def sync(
        self, name: str, *, progress: Callable[[Progress], None] | None = None, wait_s: float = FOLLOWING_S
    ) -> Report:
        """Bring a base up to date with its sources, waiting up to `wait_s` seconds for another who is at it.

        Raises:
            Busy: another process is at it.
            IndexUnavailable, EmbeddingUnavailable: a retry is safe, and goes on where this stopped.
            UnknownBase: a base of that name is not configured.
        """
        return await patiently(partial(self.base, name), lambda base: self._synced(base, progress), wait_s, progress)

    async def add(
        self,
        name: str,
        addition: Addition,
        *,
        data: bytes | None = None,
        progress: Callable[[Progress], None] | None = None,
        wait_s: float = WAIT_S,
    ) -> Report:
        """Take in what a person adds (`OpenBase.add`), waiting for a running sync.

        Raises:
            Busy: another sync still runs after `wait_s` seconds.
            DocumentRefused, IndexUnavailable, EmbeddingUnavailable, UnknownBase: as for `sync`.
        """
        return await patiently(
            partial(self.base, name), lambda base: base.add(addition, data=data, progress=progress), wait_s, progress
        )

    async def remove(self, name: str, document: str, *, wait_s: float = WAIT_S) -> tuple[str, ...]:
        """Take an addition or a document out (`OpenBase.remove`), waiting for a running sync.

        Raises:
            UnknownDocument: there is none of that name.
            Busy, UnknownBase: as for `add`.
        """
        return await patiently(partial(self.base, name), lambda base: base.remove(document), wait_s, None)

    async def restore(self, name: str, document: str, *, wait_s: float = WAIT_S) -> Report:
        """Let a document that was removed or rolled back in again, and look at the sources; raises as `add`."""

        async def restored(base: OpenBase) -> Report:
            await base.block(document, blocked=False)
            return await self._synced(base, None)

        return await patiently(partial(self.base, name), restored, wait_s, None)

    async def base(self, name: str) -> OpenBase:
        """Return a base, opened and up to date, for revisions, blocked documents and fixed answers.

        Raises:
            UnknownBase: a base of that name is not configured.
        """
        await asyncio.shield(self._task(name))
        return self._bases[name]

    async def successor(self, name: str) -> OpenBase | None:
        """Return the base as it will be with the configured model, to be completed and given to `take_over`, or closed.

        None where that model serves already.
        """
        serving = await self.base(name)
        return None if serving.embedder == self._embedder.name else await self._built(name, self._embedder)

    async def take_over(self, new: OpenBase) -> None:
        """Let a complete successor serve from now on, and drop the vectors of the model before it."""
        old = self._bases[new.name]
        self._bases[new.name] = new
        if await self._threads.write(self._serving, new.name) != new.embedder:  # else another process was first
            await new.take_over()
            await old.retire()
        self._retired.append(old)  # a search that began with it may still be reading
        log.info("knowledge.migrated", base=new.name, embedder=new.embedder)

    async def answer(self, query: str, *, bases: Sequence[str], scope: Scope, count: bool = True) -> Annotation | None:
        """Return the fixed answer to nearly the same question, if there is one that `scope` may see.

        It counts as given unless `count` is False. Costs next to nothing where no base has fixed answers.

        Raises:
            IndexUnavailable, EmbeddingUnavailable: a retry is safe.
            UnknownBase: a base of that name is not configured.
        """
        opened = [await self.base(name) for name in dict.fromkeys(bases) if query.strip()]
        found = [await base.answer(query, self._questions[base.embedder], scope=scope) for base in opened]
        best = max((one for one in found if one is not None), key=lambda one: one.score, default=None)
        if best is not None and count:
            await self._bases[best.base].given(best.number)
        return best

    async def status(self) -> tuple[BaseStatus, ...]:
        """Return how each configured base is; never waits for one."""
        return tuple([await status_of(name, self._opening.get(name), self._bases.get(name)) for name in self._settings])

    async def close(self) -> None:
        """Stop what runs, and close the files. A sync that was broken off is continued by the next."""
        tasks = [
            *self._schedules.values(),
            *self._migrations.values(),
            *self._opening.values(),
            *filter(None, [self._follower]),
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.close()
        for base in (*self._bases.values(), *self._retired):
            base.close()
        self._bases.clear()
        self._opening.clear()
        self._home.close()

    def _coverage(self, passages: Sequence[Passage]) -> Coverage:
        if not passages:
            return "not_found"
        best = passages[0]
        return "answered" if best.score >= self._settings[best.base].threshold + SURE else "partly"

    def _task(self, name: str) -> asyncio.Task[None]:
        if name not in self._settings:
            raise UnknownBase(name)
        task = self._opening.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._opening[name] = asyncio.create_task(self._open(name), name=f"knowledge-{name}")
            task.add_done_callback(_noted)
        return task

    async def _open(self, name: str) -> None:
        serving = await self._threads.write(self._serving, name)
        embedder = self._embedders.get(serving, self._embedder)
        if not self._resident:
            base = self._bases[name] = await self._built(name, embedder)
            if not serving:
                await base.take_over()
            return
        await embedder.embed(["warm 预热"])
        base = await self._built(name, embedder)
        try:
            await base.verify()
            await self._synced(base, None)
        except Busy:
            log.info("knowledge.busy", base=name)  # whoever is at it will publish, and we follow
        self._bases[name] = base
        if self._settings[name].sync_minutes:
            self._schedules[name] = asyncio.create_task(self._keep_synced(name), name=f"knowledge-sync-{name}")
        if embedder is self._embedder:
            await base.take_over()
        else:
            self._migrations[name] = asyncio.create_task(self._migrate(name), name=f"knowledge-migrate-{name}")
            self._migrations[name].add_done_callback(_noted)

    async def _built(self, name: str, embedder: Embedder) -> OpenBase:
        client = await self._home.client()
        return await self._threads.write(
            OpenBase,
            name,
            self._settings[name],
            folder=self._folder,
            root=self._root,
            client=client,
            shared=self._home.shared,
            embedder=embedder,
            threads=self._threads,
        )

    def _serving(self, name: str) -> str:
        file = CatalogueFile(self._folder / f"{name}.sqlite")
        try:
            return file.serving()
        finally:
            file.close()

    async def _migrate(self, name: str) -> None:
        """Make the vectors of the new model beside the old ones, then let it take over."""
        new = await self._built(name, self._embedder)
        while True:
            try:
                await new.verify()
                break
            except Busy:
                await asyncio.sleep(_FOLLOW_S)
        await self.take_over(new)

    async def _synced(self, base: OpenBase, progress: Callable[[Progress], None] | None) -> Report:
        report = await base.sync(progress=progress)
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
            for base in list(self._bases.values()):
                await self._followed(base, seen)

    async def _keep_synced(self, name: str) -> None:
        while True:
            await asyncio.sleep(self._settings[name].sync_minutes * 60)
            try:
                await self._synced(self._bases[name], None)
            except KnowledgeError as error:
                log.warning("knowledge.not_synced", base=name, reason=f"{type(error).__name__}: {error}")

    async def _followed(self, base: OpenBase, seen: dict[str, int]) -> None:
        try:
            revision = await base.revision()
            if self._home.shared or seen.get(base.name, revision) != revision:
                await base.follow()
            seen[base.name] = revision
        except Busy:
            log.debug("knowledge.follows_later", base=base.name)
        except (IndexUnavailable, EmbeddingUnavailable) as error:
            log.warning("knowledge.behind", base=base.name, reason=str(error))


def _noted(task: asyncio.Task[None]) -> None:
    """Log why a base could not be opened; who asks for it gets the error, and the next asking tries again."""
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, KnowledgeError):
        log.error("knowledge.failed", base=task.get_name(), reason=str(error))
