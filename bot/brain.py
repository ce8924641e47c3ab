"""What a worker thinks with: models, memory, knowledge and tools, put together into the turn engine.

Importing this module's collaborators costs seconds: only workers do, and in a thread, while the process
accepts messages already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.store import Store
from config.loader import Configuration

if TYPE_CHECKING:
    from agents.base import MemoryStore
    from agents.turn import TurnEngine
    from knowledge.library import Library


class Brain:
    """The turn engine of the configuration in force, and what it stands on."""

    def __init__(self, store: Store, memory: MemoryStore, library: Library, engine: TurnEngine) -> None:
        self._store = store
        self.memory = memory
        self.library = library
        self.engine = engine

    async def statuses(self) -> Mapping[str, str]:
        """Return the state of each knowledge base that is in use, for people."""
        return {status.name: status.state for status in await self.library.status()}


def bases_in_use(configuration: Configuration) -> list[str]:
    """Return the names of the knowledge bases that an assistant uses."""
    return sorted({base for assistant in configuration.assistants.values() for base in assistant.knowledge.bases})


def _imported() -> None:
    import agents.turn  # noqa: F401 - seconds of import, moved off the event loop
    import knowledge.library  # noqa: F401


@asynccontextmanager
async def open_brain(configuration: Configuration, store: Store) -> AsyncIterator[Brain]:
    """Build the engine, and close what it opened."""
    await asyncio.to_thread(_imported)
    raise NotImplementedError(store)
    yield
