"""Every sync is a revision that can be gone back to; a poisoned document goes out with one command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.errors import Busy, UnknownRevision
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
async def library(tmp_path: Path, embedder: WordEmbedder) -> AsyncIterator[Library]:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n", "b.md": "# Pay\n\nPaid on Friday.\n"})
    base = KnowledgeBase(sources=("docs",), threshold=0.2, revisions=3)
    made = Library({"kb": base}, data_dir=tmp_path / "data", root=tmp_path, embedder=embedder)
    yield made
    await made.close()


async def found(library: Library, query: str) -> list[str]:
    findings = await library.search(query, bases=["kb"], limit=3, scope=Scope())
    return [passage.text for passage in findings.passages]


async def test_going_back_restores_everything_and_embeds_nothing(
    library: Library, tmp_path: Path, embedder: WordEmbedder
) -> None:
    await library.base("kb")
    write(tmp_path / "docs", {"a.md": "# Leave\n\nNinety days of leave for everybody.\n", "c.md": "# New\n\nPoison.\n"})
    (tmp_path / "docs" / "b.md").unlink()
    await library.sync("kb")
    assert await found(library, "days of leave") == ["Ninety days of leave for everybody."]
    count = len(embedder.embedded)
    base = await library.base("kb")
    assert await base.roll_back(1) == 3
    assert await found(library, "days of leave") == ["Twelve days of leave."]
    assert await found(library, "paid friday") == ["Paid on Friday."]
    assert await found(library, "poison new") == []
    assert len(set(embedder.embedded[count:]) - {"days of leave", "paid friday", "poison new"}) == 0
    latest = (await base.revisions())[0]
    assert (latest.note, latest.added, latest.changed, latest.removed) == ("back to 1", 1, 1, 1)


async def test_a_revision_that_is_not_kept_cannot_be_gone_back_to(library: Library, tmp_path: Path) -> None:
    base = await library.base("kb")
    for number in range(5):
        write(tmp_path / "docs", {"a.md": f"# Leave\n\nRound {number} of leave.\n"})
        await library.sync("kb")
    assert [one.number for one in await base.revisions()] == [6, 5, 4]
    with pytest.raises(UnknownRevision):
        await base.roll_back(1)
    await base.roll_back(4)
    assert await found(library, "round of leave") == ["Round 2 of leave."]
    assert await found(library, "paid friday") == ["Paid on Friday."]


async def test_a_poisoned_document_goes_out_and_stays_out(library: Library) -> None:
    base = await library.base("kb")
    await base.block("docs/b.md", blocked=True)
    assert await found(library, "paid friday") == []
    await library.sync("kb")
    assert await found(library, "paid friday") == []
    await base.block("docs/b.md", blocked=False)
    await library.sync("kb")
    assert await found(library, "paid friday") == ["Paid on Friday."]


async def test_two_changes_at_once_are_refused(library: Library, tmp_path: Path) -> None:
    base = await library.base("kb")
    other = Library({"kb": base.settings}, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    second = await other.base("kb")
    with base.changing(), pytest.raises(Busy):
        await second.roll_back(1, wait_s=0)
    await other.close()
