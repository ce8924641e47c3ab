from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.catalogue.file import CatalogueFile, Version
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.reader import Reader
from knowledge.types import Access, Chunk

COMMON = 1600  # more than are ever ranked by their words
PUBLIC, LIMITED = "a" * 24, "b" * 24


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    file = CatalogueFile(tmp_path / "kb.sqlite")
    ledger = Ledger(file)
    hr = Access(roles=frozenset({"hr"}))
    ledger.stage(
        Version(id=PUBLIC, document="public", title="", source=""),
        [Chunk(text="travel"), Chunk(text="travel visa"), *[Chunk(text="travel") for _ in range(COMMON)]],
    )
    ledger.stage(Version(id=LIMITED, document="limited", title="", source="", access=(hr,)), [Chunk(text="visa")])
    ledger.publish({"public": PUBLIC, "limited": LIMITED}, note="")
    yield Reader(file)
    file.close()


def test_chunks_are_looked_up_by_the_rare_words_and_weighed_by_all(reader: Reader) -> None:
    (both,) = reader.questions([["travel", "visa"]], total=reader.extent().chunks)
    assert (both.known, both.telling) == (("visa", "travel"), ("visa",))
    assert len(reader.matching(both, count=10, labels=None)) == 2
    assert both.covered(" travel visa ") == 1.0
    assert 0 < both.covered(" travel ") < both.covered(" visa ") < 1


def test_a_question_of_common_words_alone_is_looked_up_by_the_rarest(reader: Reader) -> None:
    common, unknown = reader.questions([["travel"], ["moon"]], total=reader.extent().chunks)
    assert common.telling == ("travel",)
    assert len(reader.matching(common, count=10, labels=None)) == 10
    assert reader.matching(unknown, count=10, labels=None) == []


def test_words_bring_up_only_what_is_permitted(reader: Reader) -> None:
    (visa,) = reader.questions([["visa"]], total=reader.extent().chunks)
    everything = reader.matching(visa, count=10, labels=None)
    permitted = reader.matching(visa, count=10, labels={""})
    assert (len(everything), len(permitted)) == (2, 1)
    assert reader.within(everything, {""}) == set(permitted)


def test_the_extent_follows_the_revisions(reader: Reader) -> None:
    assert reader.extent().chunks == COMMON + 3
    assert sorted(reader.extent().labels.values()) == [1, COMMON + 2]
    Ledger(reader._file).publish({"limited": None}, note="")
    assert (reader.extent().chunks, list(reader.extent().labels)) == (COMMON + 2, [""])
