"""How a base is: for readiness, listings and people."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from knowledge.opened import OpenBase

State = Literal["waiting", "indexing", "ready", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseStatus:
    """How one base is."""

    name: str
    state: State
    synced_at: float = 0.0
    """Unix time of the last sync, by whichever process; 0 before the first."""
    documents: int = 0
    chunks: int = 0
    vectors: int = 0
    revision: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    """(document, reason) of what the last sync could not read."""
    error: str = ""
    """Why the base as a whole failed."""


async def status_of(name: str, opening: asyncio.Task[None] | None, base: OpenBase | None) -> BaseStatus:
    """Return the status of a base that is being opened by a task, or has been."""
    if opening is None:
        return BaseStatus(name=name, state="waiting")
    if not opening.done():
        return BaseStatus(name=name, state="indexing")
    if opening.cancelled() or base is None:
        error = "" if opening.cancelled() else str(opening.exception())
        return BaseStatus(name=name, state="failed", error=error)
    documents, chunks, vectors = await base.counts()
    synced = await base.last_sync()
    return BaseStatus(
        name=name,
        state="ready",
        documents=documents,
        chunks=chunks,
        vectors=vectors,
        revision=await base.revision(),
        failed=synced.failed if synced else (),
        synced_at=synced.at if synced else 0.0,
    )
