"""Embeddings from an endpoint that is slow, overloaded, wrong or gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from config.settings import EmbeddingSettings, KnowledgeBase
from knowledge.errors import EmbeddingUnavailable
from knowledge.library import Library
from knowledge.remote import EndpointEmbedder
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write


class Endpoint:
    """OpenAI's embeddings protocol; each answer may be replaced by a failure."""

    def __init__(self) -> None:
        self.failures: list[web.Response] = []
        self.requests: list[dict[str, Any]] = []
        self.key = ""
        self.url = ""
        self.hold = asyncio.Event()
        self.hold.set()
        self._words = WordEmbedder("remote")

    async def answer(self, request: web.Request) -> web.Response:
        await self.hold.wait()
        self.key = request.headers.get("Authorization", "")
        body = await request.json()
        self.requests.append(body)
        if self.failures:
            return self.failures.pop(0)
        vectors = await self._words.embed(body["input"])
        rows = [{"index": at, "embedding": [3 * value for value in row]} for at, row in enumerate(vectors)]
        return web.json_response({"data": rows[::-1]})


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    app = web.Application()
    app.router.add_post("/v1/embeddings", made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield made
    await runner.cleanup()


Make = Callable[..., EndpointEmbedder]


@pytest.fixture
async def make(endpoint: Endpoint) -> AsyncIterator[Make]:
    async with aiohttp.ClientSession() as session:

        def build(sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, **settings: object) -> EndpointEmbedder:
            given = {"provider": "openai", "model": "m", "base_url": endpoint.url, "batch": 2, **settings}
            return EndpointEmbedder(EmbeddingSettings.model_validate(given), session, sleep=sleep)

        yield build


async def test_texts_go_in_batches_and_vectors_come_back_in_order_and_of_unit_length(
    endpoint: Endpoint, make: Make
) -> None:
    vectors = await make(api_key=SecretStr("k1"), dimensions=64).embed(["a", "", "b", "a"])
    assert [request["input"] for request in endpoint.requests] == [["a", " "], ["b", "a"]]
    assert endpoint.requests[0]["dimensions"] == 64
    assert endpoint.key == "Bearer k1"
    assert vectors[0] == vectors[3] != vectors[2]
    assert all(abs(sum(value * value for value in row) - 1) < 1e-9 for row in vectors)


async def test_overload_is_waited_out_as_the_endpoint_asks(endpoint: Endpoint, make: Make) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    endpoint.failures = [web.Response(status=429, headers={"Retry-After": "7"}), web.Response(status=503)]
    assert len(await make(sleep=sleep).embed(["a"])) == 1
    assert pauses[0] == 7
    assert len(pauses) == 2


async def test_after_the_last_try_it_is_unavailable(endpoint: Endpoint, make: Make) -> None:
    async def sleep(seconds: float) -> None:
        """Not waiting is enough."""

    endpoint.failures = [web.Response(status=500) for _ in range(3)]
    with pytest.raises(EmbeddingUnavailable, match="500"):
        await make(sleep=sleep, retries=2).embed(["a"])
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    "answer", [{"data": []}, {"data": [{"index": 0}]}, {"error": "x"}, {"data": [{"index": 0, "embedding": "abc"}]}]
)
async def test_a_malformed_answer_is_said_to_be_one(endpoint: Endpoint, make: Make, answer: dict[str, Any]) -> None:
    endpoint.failures = [web.json_response(answer)]
    with pytest.raises(EmbeddingUnavailable):
        await make().embed(["a"])


async def test_a_wrong_key_is_not_tried_again(endpoint: Endpoint, make: Make) -> None:
    endpoint.failures = [web.Response(status=401)]
    with pytest.raises(EmbeddingUnavailable, match="401"):
        await make().embed(["a"])
    assert len(endpoint.requests) == 1


async def test_another_model_embeds_beside_the_old_one_and_takes_over(
    endpoint: Endpoint, make: Make, tmp_path: Path
) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n", "b.md": "# Pay\n\nPaid on Friday.\n"})
    bases = {"kb": KnowledgeBase(sources=("docs",), threshold=0.2)}
    old = WordEmbedder()

    async def found(library: Library) -> list[str]:
        findings = await library.search("twelve days leave", bases=["kb"], limit=1, scope=Scope())
        return [passage.document for passage in findings.passages]

    first = Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=old)
    assert await found(first) == ["docs/a.md"]
    await first.close()

    endpoint.hold.clear()
    new = make()
    second = Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=new, previous=[old])
    assert await found(second) == ["docs/a.md"], "the old vectors serve while the endpoint is still at work"
    assert endpoint.requests == []
    endpoint.hold.set()
    async with asyncio.timeout(10):
        while (await second.base("kb")).embedder != new.name:
            await asyncio.sleep(0.02)
    assert await found(second) == ["docs/a.md"]
    asked = [text for request in endpoint.requests for text in request["input"]]
    assert len([text for text in asked if text.startswith("Leave")]) == len({t for t in asked if t.startswith("Leave")})
    await second.close()

    third = Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=new)
    count = len(endpoint.requests)
    assert await found(third) == ["docs/a.md"]
    assert all(request["input"] in (["warm 预热"], ["twelve days leave"]) for request in endpoint.requests[count:])
    await third.close()
