"""What every retriever must do; run over the process that owns the index and over a second one that reads along."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.base import Retriever
from knowledge.errors import UnknownBase
from knowledge.library import Library
from knowledge.types import Access, Scope
from tests.unit.knowledge.parts import WordEmbedder, write

FILES = {
    "leave.md": "# Leave\n\nTwelve days of leave a year.\n\n## Interns\n\nInterns have no leave but one day a month.\n",
    "pay.md": "# Pay\n\nPaid on Friday.\n",
    "hr.md": "---\nroles: hr\n---\n# Leave of the board\n\nNinety days of leave a year.\n",
}


Annotate = Callable[..., Awaitable[int]]


@pytest.fixture
async def libraries(tmp_path: Path) -> AsyncIterator[list[Library]]:
    write(tmp_path / "docs", FILES)
    bases = {
        "one": KnowledgeBase(sources=("docs",), threshold=0.4),
        "two": KnowledgeBase(sources=("docs/pay.md",), threshold=0.4),
    }
    made = [Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder()) for _ in range(2)]
    for library in made:
        await library.search("warm", bases=["one", "two"], limit=1, scope=Scope())
    yield made
    for library in made:
        await library.close()


@pytest.fixture(params=["owner", "second"])
def retriever(libraries: list[Library], request: pytest.FixtureRequest) -> Retriever:
    return libraries[0] if request.param == "owner" else libraries[1]


@pytest.fixture
def annotate(libraries: list[Library]) -> Annotate:
    """Fixes an answer in the base `one`, in the process that owns it."""

    async def fix(question: str, answer: str, *access: Access) -> int:
        base = await libraries[0].base("one")
        return await base.annotate(question, answer, access=access, author="ann")

    return fix


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


async def test_another_wording_of_the_question_finds_what_the_question_does_not(retriever: Retriever) -> None:
    async def documents(*also: str) -> list[str]:
        found = await retriever.search("quantum", bases=["one"], limit=1, scope=Scope(), also=also)
        return [passage.document for passage in found.passages]

    assert await documents() == []
    assert await documents("gluons", "paid on friday") == ["docs/pay.md"]


async def test_another_wording_finds_no_more_than_the_scope_may_see(retriever: Retriever) -> None:
    wording = "ninety days of leave of the board"
    found = await retriever.search("quantum", bases=["one"], limit=5, scope=Scope(), also=[wording])
    assert "docs/hr.md" not in {passage.document for passage in found.passages}


async def test_the_fixed_answer_to_nearly_the_same_question(retriever: Retriever, annotate: Annotate) -> None:
    await annotate("When is everybody paid?", "On Fridays, all of us.")
    found = await retriever.answer("when is everybody paid", bases=["two", "one"], scope=Scope(), count=False)
    assert found is not None
    assert (found.base, found.answer, found.access) == ("one", "On Fridays, all of us.", ())
    assert found.score > 0.84
    for other in ("When is nobody hired?", "", "?!"):
        assert await retriever.answer(other, bases=["one"], scope=Scope()) is None
    assert await retriever.answer("When is everybody paid?", bases=["two"], scope=Scope()) is None
    assert await retriever.answer("When is everybody paid?", bases=[], scope=Scope()) is None


async def test_a_fixed_answer_stays_with_those_it_is_for(retriever: Retriever, annotate: Annotate) -> None:
    limit = Access(roles=frozenset({"hr"}))
    await annotate("When is the board paid?", "On the first.", limit)
    assert await retriever.answer("When is the board paid?", bases=["one"], scope=Scope()) is None
    held = Scope(roles=frozenset({"hr"}))
    found = await retriever.answer("When is the board paid?", bases=["one"], scope=held)
    assert found is not None
    assert found.access == (limit,)


async def test_a_fixed_answer_is_not_given_to_a_question_with_another_number(
    retriever: Retriever, annotate: Annotate
) -> None:
    await annotate("How many days of leave do we have after 5 years with the company?", "Twenty.")
    same = "how many days of leave do we have after ５ years with the company"
    other = "How many days of leave do we have after 10 years with the company?"
    found = await retriever.answer(same, bases=["one"], scope=Scope())
    assert found is not None
    assert await retriever.answer(other, bases=["one"], scope=Scope()) is None


async def test_an_unknown_base_is_an_error(retriever: Retriever) -> None:
    with pytest.raises(UnknownBase, match="nowhere"):
        await retriever.search("leave", bases=["one", "nowhere"], limit=1, scope=Scope())
    with pytest.raises(UnknownBase, match="nowhere"):
        await retriever.answer("leave", bases=["one", "nowhere"], scope=Scope())
