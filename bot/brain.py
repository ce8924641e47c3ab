"""What a worker thinks with: models, memory, knowledge and tools, put together into the turn engine.

The libraries behind it take seconds to import: only workers do, and in a thread, while the process accepts
messages already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.library import bases_in_use, build_library
from bot.store import Store
from config.loader import Configuration

if TYPE_CHECKING:
    import aiohttp

    from agents.base import MemoryStore
    from agents.tools.toolbox import Toolbox
    from agents.turn import TurnEngine
    from knowledge.embeddings import OfflineEmbedder
    from knowledge.library import Library

KNOWLEDGE = ("knowledge", "embeddings", "rerank", "chroma")
"""The sections that make up the library."""


class Brain:
    """The turn engine of the configuration in force, and what it stands on."""

    def __init__(self, *, store: Store, session: aiohttp.ClientSession, offline: OfflineEmbedder) -> None:
        from agents.checkpoints import Checkpoints
        from agents.memory.redis import RedisMemory
        from agents.moderation.moderator import Moderators

        self._session = session
        self._offline = offline
        self._redis = store.redis
        self._key = store.keys.of
        self._moderators = Moderators()
        self._checkpoints = Checkpoints(store.redis, lambda key: store.keys.base(store.keys.partition_of(key)))
        self.memory: MemoryStore = RedisMemory(store.redis, store.keys.of)
        self.library: Library
        self.engine: TurnEngine

    async def open(self, configuration: Configuration) -> None:
        """Build the engine and begin to index the knowledge bases in use."""
        self.library = await self._opened(configuration)
        self.engine = self._engine(configuration)

    async def reconfigure(self, before: Configuration, after: Configuration) -> None:
        """Take a new configuration for the turns that begin from now on; running ones keep theirs."""
        if any(getattr(before.settings, name) != getattr(after.settings, name) for name in KNOWLEDGE):
            # One folder allows one open store: the old one is closed first.
            await self.library.close()
            self.library = await self._opened(after)
        else:
            await self.library.open(bases_in_use(after))
        self.engine = self._engine(after)

    async def statuses(self) -> Mapping[str, str]:
        """Return the state of each knowledge base, for people."""
        return {status.name: status.state for status in await self.library.status()}

    async def close(self) -> None:
        """Close the knowledge bases."""
        await self.library.close()

    async def _opened(self, configuration: Configuration) -> Library:
        library = build_library(
            configuration, session=self._session, offline=self._offline, chroma=configuration.settings.chroma
        )
        await library.open(bases_in_use(configuration))
        return library

    def _engine(self, configuration: Configuration) -> TurnEngine:
        from agents.models.catalog import Models
        from agents.turn import TurnEngine

        return TurnEngine(
            models=Models(configuration.settings.models, self._session),
            memory=self.memory,
            retriever=self.library,
            tools=self._toolbox(),
            checkpoints=self._checkpoints,
            moderators=self._moderators,
        )

    def _toolbox(self) -> Toolbox:
        from agents.tools.toolbox import Toolbox, ToolServices

        return Toolbox(ToolServices(retriever=self.library, redis=self._redis, key=self._key, clock=_now))


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _imported() -> Any:
    import agents.turn
    import knowledge.library

    return agents.turn, knowledge.library


@asynccontextmanager
async def open_brain(configuration: Configuration, store: Store) -> AsyncIterator[Brain]:
    """Build the engine of a worker, and close what it opened."""
    await asyncio.to_thread(_imported)
    from agents.models.catalog import open_session
    from knowledge.embeddings import OfflineEmbedder

    offline = OfflineEmbedder(configuration.settings.data_dir / "models")
    async with open_session() as session:
        brain = Brain(store=store, session=session, offline=offline)
        await brain.open(configuration)
        try:
            yield brain
        finally:
            await brain.close()
            offline.close()
