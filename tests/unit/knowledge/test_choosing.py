from __future__ import annotations

import aiohttp

from config.settings import EmbeddingSettings, RerankSettings
from knowledge.choosing import embedders, reranker
from knowledge.embeddings import OfflineEmbedder


async def test_the_offline_model_unless_an_endpoint_is_configured() -> None:
    offline = OfflineEmbedder()
    async with aiohttp.ClientSession() as session:
        assert embedders(EmbeddingSettings(), session=session, offline=offline) == (offline, ())
        chosen, previous = embedders(EmbeddingSettings(provider="openai"), session=session, offline=offline)
        assert chosen.name == "openai/text-embedding-3-small/full"
        assert previous == (offline,)
    offline.close()


async def test_a_reranker_only_where_one_is_configured() -> None:
    async with aiohttp.ClientSession() as session:
        assert reranker(RerankSettings(url=""), session=session) is None
        assert reranker(RerankSettings(url="http://127.0.0.1/rerank"), session=session) is not None
