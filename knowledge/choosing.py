"""The embedders and the reranker that the configuration asks for."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from knowledge.base import Embedder, Reranker
from knowledge.embeddings import OfflineEmbedder

if TYPE_CHECKING:
    import aiohttp

    from config.settings import EmbeddingSettings, RerankSettings


RERANKERS = "parley.rerankers"
ENDPOINT = "endpoint"


def embedders(
    settings: EmbeddingSettings, *, session: aiohttp.ClientSession, offline: OfflineEmbedder
) -> tuple[Embedder, tuple[Embedder, ...]]:
    """Return the embedder to use, and those that may have built a base before (`Library`'s `previous`).

    The offline one costs nothing until it is asked.
    """
    if settings.provider == "offline":
        return offline, ()
    from knowledge.remote import EndpointEmbedder

    return EndpointEmbedder(settings, session), (offline,)


def reranker(settings: RerankSettings, *, session: aiohttp.ClientSession) -> Reranker | None:
    """Return the reranker; None where none is configured.

    One that is no endpoint is a function of the settings, named in the entry-point group `parley.rerankers`.

    Raises:
        LookupError: none of that name is installed.
    """
    if settings.provider != ENDPOINT:
        for entry in entry_points(group=RERANKERS, name=settings.provider):
            made: Reranker = entry.load()(settings)
            return made
        raise LookupError(f"no reranker {settings.provider!r} is installed")
    if not settings.url:
        return None
    from knowledge.retrieval.rerank import EndpointReranker

    return EndpointReranker(settings, session)
