"""The example handbook through the offline embeddings, and how a library behaves as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.embeddings import OfflineEmbedder
from knowledge.errors import UnknownBase
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

ROOT = Path(__file__).parents[3]
HANDBOOK = "examples/handbook"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("handbook")


@pytest.fixture(scope="module")
def embedder(data_dir: Path) -> Iterator[OfflineEmbedder]:
    made = OfflineEmbedder(data_dir / "models")
    yield made
    made.close()


@pytest.fixture
async def handbook(data_dir: Path, embedder: OfflineEmbedder) -> AsyncIterator[Library]:
    base = KnowledgeBase(sources=(HANDBOOK,))
    library = Library({"handbook": base}, data_dir=data_dir, root=ROOT, embedder=embedder)
    await library.open()
    yield library
    await library.close()


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("年假有几天？", "zh/年假.md"),
        ("请病假什么时候要交医院证明", "zh/病假.md"),
        ("打车费最晚什么时候报销", "zh/费用报销.md"),
        ("试用期工资打几折", "zh/试用期.md"),
        ("How many days of annual leave do I have?", "en/annual-leave.md"),
        ("When do I need a doctor's note?", "en/sick-leave.md"),
        ("How much money do I get for a desk at home?", "en/remote-work.md"),
        ("What is the bonus for recommending a new colleague?", "en/onboarding.md"),
        ("How often do I have to change my password?", "zh/信息安全与密码.md"),
        ("Can I book a conference room three weeks ahead?", "zh/会议室预订.md"),
        ("去新加坡出差，酒店一晚最多多少钱", "en/travel-booking.md"),
        ("公司每个月补贴多少托儿费", "en/parental-leave.md"),
    ],
)
async def test_the_right_document_comes_first_in_and_across_languages(
    handbook: Library, question: str, document: str
) -> None:
    found = await handbook.search(question, bases=["handbook"], limit=5, scope=Scope())
    assert found.passages[0].document == f"{HANDBOOK}/{document}"
    assert found.coverage in {"answered", "partly"}


@pytest.mark.parametrize(
    "question", ["今天天气怎么样", "What is the capital of France?", "量子纠缠是什么", "How do I bake bread?", "?!", ""]
)
async def test_what_the_handbook_does_not_know_is_not_found(handbook: Library, question: str) -> None:
    found = await handbook.search(question, bases=["handbook"], limit=5, scope=Scope())
    assert found.coverage == "not_found"
    assert found.passages == ()


async def test_a_passage_says_where_it_stands(handbook: Library) -> None:
    found = await handbook.search("会议室预订以后没有人签到会怎样", bases=["handbook"], limit=1, scope=Scope())
    best = found.passages[0]
    assert (best.title, best.position, best.base) == ("会议室预订", "预订规则", "handbook")
    assert best.source == f"{HANDBOOK}/zh/会议室预订.md"
    assert "自动释放" in best.text
    assert 0 < best.vector_score <= best.score <= 1


async def test_a_fixed_answer_is_not_given_to_a_question_that_only_looks_alike(handbook: Library) -> None:
    base = await handbook.base("handbook")
    question = "How many days of annual leave do I have?"
    number = await base.annotate(question, "Twenty-four.", access=(), author="ann")
    try:
        same = await handbook.answer("how many days of annual leave do i have", bases=["handbook"], scope=Scope())
        assert same is not None
        later = await base.annotate("入职满5年后有多少天年假？", "十五天。", access=(), author="ann")
        others = [
            "How many days of sick leave do I have?",
            "How is the weather?",
            "婚假有几天",
            "入职满10年后有多少天年假？",
        ]
        for other in others:
            assert await handbook.answer(other, bases=["handbook"], scope=Scope()) is None
        assert await handbook.answer("入职满五年后有多少天年假", bases=["handbook"], scope=Scope()) is not None
        await base.unannotate(later)
    finally:
        await base.unannotate(number)


async def test_status_tells_of_every_base_without_waiting(handbook: Library) -> None:
    await handbook.search("年假", bases=["handbook"], limit=1, scope=Scope())
    (status,) = await handbook.status()
    assert (status.state, status.documents) == ("ready", 14)
    assert status.chunks > 50


async def test_opening_returns_at_once_and_searching_waits(tmp_path: Path) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days.\n"})
    base = KnowledgeBase(sources=("docs",), threshold=0.1)
    library = Library({"kb": base, "unused": base}, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    try:
        await library.open(["kb"])
        assert [status.state for status in await library.status()] == ["indexing", "waiting"]
        found = await library.search("twelve days", bases=["kb"], limit=1, scope=Scope())
        assert found.coverage == "answered"
    finally:
        await library.close()
    assert not (tmp_path / "data" / "knowledge" / "unused.sqlite").exists()


async def test_unknown_bases_are_named(tmp_path: Path) -> None:
    library = Library({}, data_dir=tmp_path, root=tmp_path, embedder=WordEmbedder())
    with pytest.raises(UnknownBase, match="nope"):
        await library.search("x", bases=["nope"], limit=1, scope=Scope())
    await library.close()


async def test_a_second_process_on_the_folder_reads_along_and_its_sync_reaches_the_first(tmp_path: Path) -> None:
    """Two libraries stand for two processes: each has its own connections, and Chroma's lock excludes the second."""
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    base = {"kb": KnowledgeBase(sources=("docs",), threshold=0.3)}
    first = Library(base, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    second = Library(base, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    try:
        await first.open()
        assert await _found(first, "twelve days leave") == ["docs/a.md"]
        assert await _found(second, "twelve days leave") == ["docs/a.md"]
        write(tmp_path / "docs", {"b.md": "# Dogs\n\nDogs are welcome here.\n"})
        assert (await second.sync("kb")).added == 1
        assert await _found(second, "dogs welcome") == ["docs/b.md"]
        async with asyncio.timeout(5):
            while await _found(first, "dogs welcome") != ["docs/b.md"]:
                await asyncio.sleep(0.05)
    finally:
        await second.close()
        await first.close()


async def _found(library: Library, query: str) -> list[str]:
    found = await library.search(query, bases=["kb"], limit=1, scope=Scope())
    return [passage.document for passage in found.passages]


async def test_a_schedule_brings_changes_in_by_itself(tmp_path: Path) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    base = {"kb": KnowledgeBase(sources=("docs",), threshold=0.3, sync_minutes=0.001)}
    library = Library(base, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    try:
        assert await _found(library, "twelve days leave") == ["docs/a.md"]
        write(tmp_path / "docs", {"b.md": "# Dogs\n\nDogs are welcome here.\n"})
        async with asyncio.timeout(5):
            while await _found(library, "dogs welcome") != ["docs/b.md"]:
                await asyncio.sleep(0.02)
    finally:
        await library.close()


async def test_no_vector_is_made_for_fixed_answers_where_there_are_none(tmp_path: Path) -> None:
    write(tmp_path / "docs", {"a.md": "# A\n\nSomething.\n"})
    embedder = WordEmbedder()
    bases = {"kb": KnowledgeBase(sources=("docs",))}
    library = Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=embedder)
    assert await library.answer("Is there something?", bases=["kb"], scope=Scope()) is None
    assert "Is there something?" not in embedder.embedded
    await library.close()


async def test_only_the_fixed_answer_that_is_given_counts(tmp_path: Path) -> None:
    write(tmp_path / "docs", {"a.md": "# A\n\nSomething.\n"})
    bases = {name: KnowledgeBase(sources=("docs",)) for name in ("one", "two")}
    library = Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    for name, question in (("one", "Is there something at all?"), ("two", "Is there something at all? Really?")):
        await (await library.base(name)).annotate(question, name, access=(), author="ann")
    found = await library.answer("is there something at all", bases=["two", "one"], scope=Scope())
    assert found is not None
    assert found.answer == "one"
    uncounted = await library.answer("is there something at all", bases=["two", "one"], scope=Scope(), count=False)
    assert uncounted is not None
    hits = [one.hits for name in bases for one in await (await library.base(name)).annotations(Scope())]
    assert hits == [1, 0]
    await library.close()


async def test_a_citation_links_where_documents_can_be_read(tmp_path: Path) -> None:
    write(tmp_path / "docs", {"请假 制度.md": "# Leave\n\nTwelve days of leave.\n"})
    base = KnowledgeBase(sources=("docs",), threshold=0.2, link="https://wiki.example/view?page={document}#top")
    library = Library({"kb": base}, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    try:
        found = await library.search("twelve days leave", bases=["kb"], limit=1, scope=Scope())
    finally:
        await library.close()
    (passage,) = found.passages
    assert passage.document == "docs/请假 制度.md"
    assert passage.source == ("https://wiki.example/view?page=docs/%E8%AF%B7%E5%81%87%20%E5%88%B6%E5%BA%A6.md#top")
