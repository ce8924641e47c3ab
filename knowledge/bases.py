"""The bases of a process: opened in the background, brought up to date, following others, moved to another model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from knowledge.base import Embedder
from knowledge.catalogue.file import CatalogueFile
from knowledge.errors import Busy, EmbeddingUnavailable, IndexUnavailable, KnowledgeError, UnknownBase
from knowledge.home import VectorHome
from knowledge.ingest.progress import Progress, Report
from knowledge.opened import OpenBase
from knowledge.status import BaseStatus, status_of
from knowledge.threads import Threads

if TYPE_CHECKING:
    from config.settings import KnowledgeBase

log = structlog.get_logger(__name__)

_FOLLOW_S = 1.0


class Bases:
    """Opens the configured bases when they are asked for, and keeps them."""

    def __init__(
        self,
        settings: Mapping[str, KnowledgeBase],
        *,
        folder: Path,
        root: Path,
        home: VectorHome,
        embedder: Embedder,
        previous: Sequence[Embedder],
        threads: Threads,
        resident: bool,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._root = root
        self._home = home
        self._embedder = embedder
        self._embedders = {one.name: one for one in (*previous, embedder)}
        self._threads = threads
        self._resident = resident
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

    async def get(self, name: str) -> OpenBase:
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
        serving = await self.get(name)
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
            with suppress(Busy):
                await base.follow()
            return
        await embedder.embed(["warm 预热"])
        base = await self._built(name, embedder)
        try:
            await base.verify()
            await synced(base, None)
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
                await synced(self._bases[name], None)
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


async def synced(base: OpenBase, progress: Callable[[Progress], None] | None) -> Report:
    """Bring a base up to date with its sources, and log what that did; raises as `OpenBase.sync`."""
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


def _noted(task: asyncio.Task[None]) -> None:
    """Log why a base could not be opened; who asks for it gets the error, and the next asking tries again."""
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, KnowledgeError):
        log.error("knowledge.failed", base=task.get_name(), reason=str(error))
