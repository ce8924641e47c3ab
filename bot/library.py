"""The knowledge bases of the configuration, put together: for a worker, and for one command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from config.loader import Configuration

if TYPE_CHECKING:
    import aiohttp

    from config.settings import ChromaSettings
    from knowledge.embeddings import OfflineEmbedder
    from knowledge.library import Library


def bases_in_use(configuration: Configuration) -> list[str]:
    """Return the names of the knowledge bases that an assistant uses."""
    return sorted({base for assistant in configuration.assistants.values() for base in assistant.knowledge.bases})


def build_library(
    configuration: Configuration,
    *,
    session: aiohttp.ClientSession,
    offline: OfflineEmbedder,
    chroma: ChromaSettings | None = None,
    resident: bool = True,
    embedded: bool = True,
) -> Library:
    """Return the library with the embedders and the reranker that the configuration asks for; nothing is opened yet.

    For `resident` and `embedded` see `Library`. The session and the embedder stay the caller's, to close after it.
    """
    from knowledge.choosing import embedders, reranker
    from knowledge.library import Library

    settings = configuration.settings
    embedder, previous = embedders(settings.embeddings, session=session, offline=offline)
    return Library(
        settings.knowledge,
        data_dir=settings.data_dir,
        root=configuration.root,
        embedder=embedder,
        previous=previous,
        chroma=chroma,
        reranker=reranker(settings.rerank, session=session),
        resident=resident,
        embedded=embedded,
    )


@asynccontextmanager
async def open_library(
    configuration: Configuration, *, chroma: ChromaSettings | None = None, embedded: bool = False
) -> AsyncIterator[Library]:
    """Open the knowledge bases for one command, beside a process that may be running on the same data folder.

    Bases are opened when they are asked for, as they are: nothing is synced unasked. An embedded Chroma stays with the
    process that runs, which follows within a second; without one, the next start takes in what has changed.

    Args:
        configuration: what is in force.
        chroma: another vector store than the configured one.
        embedded: open an embedded Chroma here, unless another process has it.
    """
    import aiohttp

    from knowledge.embeddings import OfflineEmbedder

    offline = OfflineEmbedder(configuration.settings.data_dir / "models")
    try:
        async with aiohttp.ClientSession() as session:
            library = build_library(
                configuration,
                session=session,
                offline=offline,
                chroma=chroma or configuration.settings.chroma,
                resident=False,
                embedded=embedded,
            )
            try:
                yield library
            finally:
                await library.close()
    finally:
        offline.close()
