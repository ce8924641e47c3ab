"""What every embedder must do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from knowledge.base import Embedder
from knowledge.embeddings import CachedEmbedder, OfflineEmbedder
from tests.unit.knowledge.parts import WordEmbedder


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineEmbedder]:
    made = OfflineEmbedder(tmp_path_factory.mktemp("models"))
    yield made
    made.close()


@pytest.fixture(params=["offline", "cached", "words"])
def embedder(request: pytest.FixtureRequest, offline: OfflineEmbedder) -> Embedder:
    return {"offline": offline, "cached": CachedEmbedder(offline, size=2), "words": WordEmbedder()}[request.param]


async def test_one_unit_vector_per_text_in_order(embedder: Embedder) -> None:
    texts = ["年假有几天", "annual leave", "年假有几天", ""]
    vectors = await embedder.embed(texts)
    assert [len(vector) for vector in vectors] == [embedder.dimensions] * 4
    assert all(abs(sum(value * value for value in vector) - 1) < 1e-3 for vector in vectors)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-4)
    assert vectors[0] != vectors[1]


async def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert await embedder.embed([]) == []


async def test_a_batch_gives_what_single_texts_give(embedder: Embedder) -> None:
    together = await embedder.embed(["报销", "hotel", "会议室" * 50])
    for text, vector in zip(["报销", "hotel", "会议室" * 50], together, strict=True):
        assert (await embedder.embed([text]))[0] == pytest.approx(vector, abs=1e-3)


async def test_the_table_on_disk_gives_the_vectors_of_the_table_in_memory(offline: OfflineEmbedder) -> None:
    in_memory = OfflineEmbedder()
    assert await in_memory.embed(["年假 leave"]) == await offline.embed(["年假 leave"])
    in_memory.close()
