"""Watches the files of a configuration, so that a change takes effect without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, awatch

from config.errors import ConfigurationInvalid
from config.loader import ASSISTANTS_FOLDER, DEFAULTS, Configuration

Outcome = Configuration | ConfigurationInvalid

_SETTLE_MS = 100
"""A change counts once no other came for so long: editors write a file in several steps."""


async def watch_configuration(
    current: Configuration, load: Callable[[], Configuration], *, recheck_ms: int = 5000
) -> AsyncGenerator[Outcome]:
    """Yield the new configuration after each change, or the `ConfigurationInvalid` that a bad change raised.

    After a bad one the caller keeps the last good one. Nothing is yielded while no content changed. `load` reads the
    files again, as `load_configuration` did for `current`; it runs in a thread. The watch ends when it is cancelled or
    closed. What changed before it began is found after `recheck_ms`.
    """
    root = current.root
    outcome: Outcome = current
    while True:
        files, folders = _files(outcome), _folders(root, outcome)
        async with aclosing(_changes(folders, root, files, recheck_ms)) as changes:
            async for _ in changes:
                following = await asyncio.to_thread(_outcome, load)
                if following.digest != outcome.digest:
                    outcome = following
                    yield outcome
                if (_files(outcome), _folders(root, outcome)) != (files, folders):
                    break


def _outcome(load: Callable[[], Configuration]) -> Outcome:
    try:
        return load()
    except ConfigurationInvalid as invalid:
        return invalid


def _folders(root: Path, outcome: Outcome) -> frozenset[Path]:
    """Return the folders to watch, without what is below them: the data folder may be one of those."""
    files = (root / ASSISTANTS_FOLDER / "any", *_files(outcome))
    return frozenset(_nearest(file.parent) for file in files if not file.is_relative_to(DEFAULTS))


def _files(outcome: Outcome) -> tuple[Path, ...]:
    return (*outcome.files, *outcome.missing)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the one in which it would have to be created."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


async def _changes(
    folders: frozenset[Path], root: Path, files: tuple[Path, ...], recheck_ms: int
) -> AsyncGenerator[None]:
    """Yield after each change of a file that matters, and once soon after the beginning."""

    def matters(_: Change, name: str) -> bool:
        path = Path(name)
        if path.suffix in (".yaml", ".yml") or path == root / ASSISTANTS_FOLDER:
            return True
        # Kubernetes replaces mounted files by moving the link `..data`.
        return path.name == "..data" or any(file.is_relative_to(path) for file in files)

    watch = awatch(
        *folders,
        watch_filter=matters,
        step=_SETTLE_MS,
        rust_timeout=recheck_ms,
        yield_on_timeout=True,
        recursive=False,
    )
    begun = False
    async for changes in watch:
        if changes or not begun:
            begun = True
            yield
