"""What every vector index must do; run over Chroma and over the exact scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from knowledge.base import VectorIndex
from knowledge.catalogue.file import CatalogueFile, Version
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.vectors import VectorStore, packed_rows
from knowledge.changes.indexing import Indexing
from knowledge.index import ChromaIndex, ExactIndex, open_chroma
from knowledge.types import Access, Chunk

EAST, NORTH, BETWEEN = [1.0, 0.0], [0.0, 1.0], [0.8, 0.6]
Publish = Callable[[str, list[list[float]], Access], None]


class Bench:
    """A catalogue with an index on it, and a way to publish documents."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.file = CatalogueFile(folder / "kb.sqlite")
        self.index: VectorIndex
        self._indexing: Indexing | None = None
        if kind == "exact":
            self.index = ExactIndex(self.file, model="m")
        else:
            self.index = chroma = ChromaIndex(open_chroma(folder / "chroma"), "parley-kb")
            self._indexing = Indexing(self.file, chroma, collection="parley-kb", model="m", shared=False)

    def publish(self, document: str, vectors: list[list[float]] | None, access: Access | None = None) -> None:
        ledger, store = Ledger(self.file), VectorStore(self.file, model="m")
        if vectors is None:
            ledger.publish({document: None}, note="")
        else:
            version = Version(
                id=sha256(document.encode()).hexdigest(),
                document=document,
                title="",
                source="",
                access=(access or Access(),),
            )
            numbers = ledger.stage(version, [Chunk(text=document) for _ in vectors])
            store.store_facets({number: [row] for number, row in zip(numbers, packed_rows(vectors), strict=True)})
            ledger.publish({document: version.id}, note="")
        if self._indexing is not None:
            self._indexing.reconcile()


@pytest.fixture(params=["chroma", "exact"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(tmp_path, request.param)
    yield made
    made.file.close()


def test_an_empty_index_finds_nothing(bench: Bench) -> None:
    assert bench.index.nearest([EAST, NORTH], count=3, labels=None) == [[], []]


def test_nearest_first_with_its_cosine(bench: Bench) -> None:
    bench.publish("a", [EAST, NORTH])
    bench.publish("b", [BETWEEN])
    east, north = bench.index.nearest([EAST, NORTH], count=2, labels=None)
    assert [round(cosine, 2) for _, cosine in east] == [1.0, 0.8]
    assert [round(cosine, 2) for _, cosine in north] == [1.0, 0.6]
    assert len(bench.index.nearest([EAST], count=10, labels=None)[0]) == 3


def test_only_permitted_labels_are_found_however_near_the_others_are(bench: Bench) -> None:
    from knowledge.catalogue.file import label_of

    limited = Access(roles=frozenset({"hr"}))
    bench.publish("secret", [EAST], limited)
    bench.publish("open", [NORTH])
    for labels, cosine in (({""}, 0.0), ({label_of([limited])}, 1.0)):
        (found,) = bench.index.nearest([EAST], count=1, labels=labels)
        assert [round(far, 2) for _, far in found] == [cosine]


def test_removed_documents_are_gone(bench: Bench) -> None:
    bench.publish("a", [EAST])
    bench.publish("a", None)
    assert bench.index.nearest([EAST], count=1, labels=None) == [[]]
