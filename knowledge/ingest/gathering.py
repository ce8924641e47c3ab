"""Everything that belongs to a base now: what its configuration names, and what people added."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.ingest.additions import Addition, Uploads
from knowledge.ingest.progress import Progress
from knowledge.ingest.sources import Gathered, SourceFile, scan
from knowledge.threads import Threads

if TYPE_CHECKING:
    from config.settings import KnowledgeBase
    from knowledge.web.mirror import Mirror

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """What was gathered."""

    gathered: Gathered
    origins: dict[str, list[str]]
    """The documents of each addition, by its value."""
    unreached: frozenset[str]
    """Additions that could not be looked at as a whole: what came from them before stays."""


class Gatherer:
    """Looks at the sources of one base."""

    def __init__(
        self, settings: KnowledgeBase, *, root: Path, mirror: Path, uploads: Uploads, threads: Threads
    ) -> None:
        self._settings = settings
        self._root = root
        self._mirror_folder = mirror
        self._uploads = uploads
        self._threads = threads

    async def all(self, additions: Collection[Addition], progress: Tell | None) -> Harvest:
        """Gather the configured sources and every addition. A document that several name belongs to the first."""
        settings = self._settings
        own = await self._threads.write(scan, settings.sources, root=self._root)
        async with self._mirror(settings.web, additions) as mirror:
            if settings.web and mirror is not None:
                pages = await mirror.update(settings.web, fetched=_telling(progress))
                own = _joined(own, pages)
            parts = {one.value: await self._of(one, mirror, progress) for one in additions}
        seen = {file.document for file in own.files}
        whole, origins = own, dict[str, list[str]]()
        for value, part in parts.items():
            fresh = [file for file in part.files if file.document not in seen]
            seen |= {file.document for file in fresh}
            origins[value] = [file.document for file in fresh]
            whole = Gathered(files=whole.files + fresh, refused=whole.refused + part.refused, complete=whole.complete)
        unreached = frozenset(value for value, part in parts.items() if not part.complete)
        return Harvest(gathered=whole, origins=origins, unreached=unreached)

    async def one(self, addition: Addition, progress: Tell | None) -> Gathered:
        """Gather a single addition."""
        async with self._mirror((), [addition]) as mirror:
            return await self._of(addition, mirror, progress)

    async def forget(self, documents: Collection[str]) -> None:
        """Remove what was fetched from the web for these documents."""
        async with self._mirror((), (), wanted=bool(documents)) as mirror:
            if mirror is not None:
                await self._threads.write(mirror.forget, documents)

    async def _of(self, addition: Addition, mirror: Mirror | None, progress: Tell | None) -> Gathered:
        if addition.kind == "upload":
            held = await self._threads.write(self._uploads.held, addition)
            # An upload whose bytes are on another machine stays as it is.
            return Gathered(files=[held] if held else [], refused=[], complete=held is not None)
        if addition.kind == "path":
            found = await self._threads.write(scan, (addition.value,), root=self._root)
        else:
            assert mirror is not None
            assert addition.web is not None
            found = await mirror.update((addition.web,), fetched=_telling(progress))
        return replace(found, files=[_limited(file, addition) for file in found.files])

    @asynccontextmanager
    async def _mirror(
        self, web: Collection[object], additions: Collection[Addition], *, wanted: bool = False
    ) -> AsyncIterator[Mirror | None]:
        if not (wanted or web or any(one.web is not None for one in additions)):
            yield None
            return
        from knowledge.web.fetching import Fetcher
        from knowledge.web.mirror import Mirror

        allowed = [ip_network(network) for network in self._settings.fetch_networks]
        async with Fetcher(allowed=allowed) as fetcher:
            yield Mirror(self._mirror_folder, fetcher)


def _limited(file: SourceFile, addition: Addition) -> SourceFile:
    return replace(file, rule=addition.rule)


def _joined(left: Gathered, right: Gathered) -> Gathered:
    return Gathered(
        files=left.files + right.files,
        refused=left.refused + right.refused,
        complete=left.complete and right.complete,
    )


def _telling(progress: Tell | None) -> Callable[[str], None]:
    count = 0

    def fetched(url: str) -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(Progress(done=count, document=url, phase="fetching"))

    return fetched
