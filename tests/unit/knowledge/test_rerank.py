"""A reranker reorders what was found, and its failures change nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from config.settings import KnowledgeBase, RerankSettings
from knowledge.library import Library
from knowledge.retrieval.rerank import EndpointReranker
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

FILES = {"a.md": "# Leave\n\nTwelve days of leave.\n", "b.md": "# Leave\n\nLeave forms are in room nine.\n"}


class Endpoint:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Any = None
        self.url = ""

    async def rerank(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        return web.json_response(self.answer) if self.answer is not None else web.Response(status=503)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    app = web.Application()
    app.router.add_post("/rerank", made.rerank)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/rerank"
    yield made
    await runner.cleanup()


@pytest.fixture
async def library(endpoint: Endpoint, tmp_path: Path) -> AsyncIterator[Library]:
    write(tmp_path / "docs", FILES)
    async with aiohttp.ClientSession() as session:
        made = Library(
            {"kb": KnowledgeBase(sources=("docs",), threshold=0.1)},
            data_dir=tmp_path / "data",
            root=tmp_path,
            embedder=WordEmbedder(),
            reranker=EndpointReranker(RerankSettings(url=endpoint.url, model="r"), session),
        )
        yield made
        await made.close()


async def found(library: Library, query: str, *also: str) -> list[str]:
    findings = await library.search(query, bases=["kb"], limit=2, scope=Scope(), also=also)
    return [passage.document for passage in findings.passages]


async def test_the_reranker_decides_the_order(endpoint: Endpoint, library: Library) -> None:
    endpoint.answer = {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]}
    assert await found(library, "twelve days leave") == ["docs/b.md", "docs/a.md"]
    assert endpoint.asked[0]["query"] == "twelve days leave"
    assert endpoint.asked[0]["documents"][0].startswith("Leave")


@pytest.mark.parametrize(
    "answer", [None, {}, {"results": [{"index": 7, "relevance_score": 1}]}, {"results": [{"index": "x"}]}, []]
)
async def test_its_failures_leave_the_order(endpoint: Endpoint, library: Library, answer: Any) -> None:
    endpoint.answer = answer
    assert await found(library, "twelve days leave") == ["docs/a.md", "docs/b.md"]


async def test_what_it_leaves_out_comes_last(endpoint: Endpoint, library: Library) -> None:
    endpoint.answer = {"results": [{"index": 1, "relevance_score": 0.9}]}
    assert await found(library, "twelve days leave") == ["docs/b.md", "docs/a.md"]


async def test_another_wording_finds_what_the_question_does_not(endpoint: Endpoint, library: Library) -> None:
    findings = await library.search("and there?", bases=["kb"], limit=1, scope=Scope())
    assert findings.coverage == "not_found"
    assert (await found(library, "and there?", "leave forms room nine"))[:1] == ["docs/b.md"]
