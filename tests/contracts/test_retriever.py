"""What every retriever must do; run over the process that owns the index and over a second one that reads along."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.base import Retriever
from knowledge.errors import UnknownBase
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

FILES = {
    "leave.md": "# Leave\n\nTwelve days of leave a year.\n\n## Interns\n\nInterns have no leave but one day a month.\n",
    "pay.md": "# Pay\n\nPaid on Friday.\n",
    "hr.md": "---\nroles: hr\n---\n# Leave of the board\n\nNinety days of leave a year.\n",
}


@pytest.fixture(params=["owner", "second"])
async def retriever(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Retriever]:
    write(tmp_path / "docs", FILES)
    bases = {
        "one": KnowledgeBase(sources=("docs",), threshold=0.4),
        "two": KnowledgeBase(sources=("docs/pay.md",), threshold=0.4),
    }
    made = [Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder()) for _ in range(2)]
    for library in made:
        await library.search("warm", bases=["one", "two"], limit=1, scope=Scope())
    yield made[0] if request.param == "owner" else made[1]
    for library in made:
        await library.close()


async def test_best_first_within_the_limit_and_above_the_threshold(retriever: Retriever) -> None:
    found = await retriever.search("days of leave a year", bases=["one"], limit=2, scope=Scope(roles=frozenset({"hr"})))
    scores = [passage.score for passage in found.passages]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert all(0.4 <= score <= 1 for score in scores)
    assert found.coverage in {"answered", "partly"}


async def test_nothing_relevant_is_not_found(retriever: Retriever) -> None:
    for question in ("quantum chromodynamics", "", "?!"):
        found = await retriever.search(question, bases=["one"], limit=3, scope=Scope())
        assert (found.passages, found.coverage) == ((), "not_found")


async def test_only_the_bases_asked_for(retriever: Retriever) -> None:
    found = await retriever.search("twelve days of leave", bases=["two"], limit=3, scope=Scope())
    assert found.passages == ()
    found = await retriever.search("paid on friday", bases=["two", "two"], limit=3, scope=Scope())
    assert [(passage.base, passage.document) for passage in found.passages] == [("two", "docs/pay.md")]
    assert (await retriever.search("paid on friday", bases=[], limit=3, scope=Scope())).passages == ()


async def test_never_what_the_scope_may_not_see(retriever: Retriever) -> None:
    found = await retriever.search("ninety days of leave of the board", bases=["one"], limit=5, scope=Scope())
    assert "docs/hr.md" not in {passage.document for passage in found.passages}


async def test_a_passage_can_be_cited(retriever: Retriever) -> None:
    found = await retriever.search("interns leave month", bases=["one"], limit=1, scope=Scope())
    best = found.passages[0]
    assert (best.document, best.source, best.title) == ("docs/leave.md", "docs/leave.md", "Leave")
    assert best.position == "Interns"
    assert best.chunk


async def test_an_unknown_base_is_an_error(retriever: Retriever) -> None:
    with pytest.raises(UnknownBase, match="nowhere"):
        await retriever.search("leave", bases=["one", "nowhere"], limit=1, scope=Scope())
