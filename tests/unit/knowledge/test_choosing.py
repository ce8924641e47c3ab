"""What the configuration chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from config.settings import EmbeddingSettings, RerankSettings
from knowledge.choosing import embedders, reranker
from knowledge.embeddings import OfflineEmbedder
from knowledge.types import Passage


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


class Backwards:
    """A reranker of another package."""

    candidates = 3

    def __init__(self, settings: RerankSettings) -> None:
        self.model = settings.model

    async def rerank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        return list(reversed(passages))


async def test_a_reranker_that_another_package_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "backwards-1.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: backwards\nVersion: 1\n", "utf-8")
    info.joinpath("entry_points.txt").write_text(f"[parley.rerankers]\nbackwards = {__name__}:Backwards\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    async with aiohttp.ClientSession() as session:
        made = reranker(RerankSettings(provider="backwards", model="m"), session=session)
        assert made is not None
        assert (made.candidates, type(made).__name__) == (3, "Backwards")
        with pytest.raises(LookupError, match="no reranker 'forwards' is installed"):
            reranker(RerankSettings(provider="forwards"), session=session)
