from collections.abc import Sequence
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.catalogue import meanings as stored
from knowledge.catalogue.file import CatalogueFile
from knowledge.catalogue.meanings import Meanings
from knowledge.embeddings import OfflineEmbedder
from knowledge.library import Library
from knowledge.retrieval.fusion import Scored
from knowledge.retrieval.meanings import Shares, reordered
from knowledge.types import Passage, Scope
from tests.unit.knowledge.parts import WordEmbedder, write


def unit(*numbers: float) -> list[float]:
    length = sum(number * number for number in numbers) ** 0.5
    return [number / length for number in numbers]


VECTORS = {"glasses": unit(1, 0, 0), "fee": unit(0, 1, 0), "zebra": unit(0, 0, 1)}


class KnowsWords(WordEmbedder):
    """Every text is alike; of single words "spectacles" means "glasses". Counts the words."""

    def __init__(self) -> None:
        super().__init__("alike/1")
        self.words: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0] + [0.0] * (self.dimensions - 1) for _ in texts]

    async def embed_words(self, words: Sequence[str]) -> list[list[float]]:
        self.words += words
        same = {"spectacles": "glasses"}
        return [(await WordEmbedder(self.name).embed([same.get(word, word)]))[0] for word in words]


@pytest.fixture
def meanings(tmp_path: Path) -> Meanings:
    made = Meanings(CatalogueFile(tmp_path / "kb.sqlite"), model="some/1")
    made.store(VECTORS)
    return made


def scored(number: int, score: float) -> Scored:
    return Scored(number=number, score=score, vector=score, lexical=0)


def test_a_chunk_holds_the_words_that_it_has_or_means(meanings: Meanings) -> None:
    chunks = {1: " glasses zebra ", 2: " fee spectacles ", 3: " unknown~ ", 4: " fee "}
    asked = [{"spectacles": unit(1, 0.2, 0)}, {"spectacles": unit(1, 0, 0), "fee": VECTORS["fee"]}]
    one, two = Shares(meanings).of(asked, [{"spectacles": 2.0}, {"spectacles": 1.0, "fee": 3.0}], chunks)
    assert one[0] > 0.9
    assert one[1:] == pytest.approx([1, 0, 0], abs=0.05)
    assert two == pytest.approx([0.25, 1, 0, 0.75], abs=0.05)


def test_words_without_any_vector_count_where_they_stand(tmp_path: Path) -> None:
    empty = Meanings(CatalogueFile(tmp_path / "kb.sqlite"), model="some/1")
    assert Shares(empty).of([{"fee": unit(1, 0, 0)}], [{"fee": 1.0}], {1: " fee ", 2: " zebra "}) == [[1.0, 0.0]]


def test_what_moves_up_takes_over_the_score_of_what_it_passes() -> None:
    found = reordered([scored(1, 0.9), scored(2, 0.8), scored(3, 0.3), scored(4, 0.1)], {1: 0.2, 2: 0.1, 3: 0.7})
    assert [(one.number, one.score) for one in found] == [(3, 0.9), (1, 0.9), (2, 0.8), (4, 0.1)]


def test_only_what_has_no_vector_is_unknown_and_only_as_much_as_there_is_room_for(
    meanings: Meanings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert meanings.unknown(["fee", "lens", "lens", "cup"]) == ["lens", "cup"]
    monkeypatch.setattr(stored, "WORDS_MAX", 4)
    assert meanings.unknown(["fee", "lens", "cup"]) == ["lens"]
    meanings.keep_only({"fee"})
    assert meanings.unknown(["fee", "zebra"]) == ["zebra"]
    meanings.drop()
    assert meanings.unknown(["fee"]) == ["fee"]


async def found(library: Library, question: str) -> list[Passage]:
    return await library.ranked(question, bases=["kb"], limit=3, scope=Scope())


async def test_another_word_for_the_same_thing_comes_first(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"docs/a.md": "# Teeth\n\nDentists.\n", "docs/b.md": "# Eyes\n\nglasses\n", "docs/c.md": "# Ears\n\nAids.\n"},
    )
    settings = {"kb": KnowledgeBase(sources=("docs",))}
    for embedder in (KnowsWords(), KnowsWords()):
        library = Library(settings, data_dir=tmp_path / "data", root=tmp_path, embedder=embedder)
        assert (await found(library, "spectacles"))[0].document == "docs/b.md"
        await library.close()
    assert embedder.words == ["spectacles"]  # the words of the documents were kept


async def test_the_offline_model_knows_words_across_languages() -> None:
    embedder = OfflineEmbedder()
    try:
        quit_, leave, water = await embedder.embed_words(["quit", "离开", "水质"])
    finally:
        embedder.close()
    assert sum(a * b for a, b in zip(quit_, leave, strict=True)) > 0.4
    assert sum(a * b for a, b in zip(quit_, water, strict=True)) < 0.3
