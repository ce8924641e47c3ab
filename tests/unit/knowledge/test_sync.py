"""Bringing a base up to date, with real files, a real catalogue and a real Chroma."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.ingest.progress import Report
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

FILES = {
    "a.md": "# Leave\n\nTwelve days of leave.\n",
    "b.md": "# Pay\n\nPaid on Friday.\n",
    "c.txt": "Parking is free.",
}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write(tmp_path / "docs", FILES)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
async def library(tmp_path: Path, docs: Path, embedder: WordEmbedder) -> AsyncIterator[Library]:
    opened = library_in(tmp_path, embedder)
    yield opened
    await opened.close()


def library_in(folder: Path, embedder: WordEmbedder) -> Library:
    base = KnowledgeBase(sources=("docs",), threshold=0.2)
    return Library({"kb": base}, data_dir=folder / "data", root=folder, embedder=embedder)


async def synced(library: Library) -> Report:
    return await library.sync("kb")


async def documents(library: Library, query: str) -> list[str]:
    found = await library.search(query, bases=["kb"], limit=3, scope=Scope())
    return [passage.document for passage in found.passages]


async def test_a_second_sync_does_nothing(library: Library, embedder: WordEmbedder) -> None:
    await library.open()
    first = await synced(library)
    count = len(embedder.embedded)
    second = await synced(library)
    assert (second.unchanged, second.added, second.embedded) == (3, 0, 0)
    assert second.revision == first.revision
    assert len(embedder.embedded) == count


async def test_only_what_changed_is_embedded_again(library: Library, docs: Path, embedder: WordEmbedder) -> None:
    await synced(library)
    embedder.embedded.clear()
    write(docs, {"b.md": "# Pay\n\nPaid on Monday.\n"})
    report = await synced(library)
    assert (report.changed, report.unchanged, report.embedded) == (1, 2, 2)
    assert embedder.embedded == ["Pay\nPaid on Monday.", "Pay: Paid on Monday."]  # the heading is known
    found = await library.search("paid monday", bases=["kb"], limit=3, scope=Scope())
    assert found.passages[0].text == "Paid on Monday."
    assert not any("Friday" in passage.text for passage in found.passages)


async def test_deleted_files_leave_the_index(library: Library, docs: Path) -> None:
    await synced(library)
    assert await documents(library, "parking free") == ["docs/c.txt"]
    (docs / "c.txt").unlink()
    assert (await synced(library)).removed == 1
    assert "docs/c.txt" not in await documents(library, "parking free")


async def test_a_file_that_fails_keeps_its_old_version_and_stops_nothing(library: Library, docs: Path) -> None:
    await synced(library)
    (docs / "c.txt").write_bytes(bytes(range(32)) * 50)
    write(docs, {"d.md": "# Dogs\n\nDogs are welcome.\n"})
    report = await synced(library)
    assert [error.document for error in report.failed] == ["docs/c.txt"]
    assert report.added == 1
    assert await documents(library, "parking free") == ["docs/c.txt"]


async def test_a_missing_source_empties_nothing(library: Library, docs: Path, tmp_path: Path) -> None:
    await synced(library)
    docs.rename(tmp_path / "elsewhere")
    report = await synced(library)
    assert report.removed == 0
    assert [error.document for error in report.failed] == ["docs"]
    assert await documents(library, "parking free") == ["docs/c.txt"]


async def test_links_out_of_a_folder_are_not_followed(library: Library, docs: Path, tmp_path: Path) -> None:
    write(tmp_path, {"secret.md": "# Secret\n\nThe canary sings.\n"})
    (docs / "link.md").symlink_to(tmp_path / "secret.md")
    (docs / "up").symlink_to(tmp_path)
    assert (await synced(library)).added + (await synced(library)).unchanged == 3
    assert not any("secret" in document for document in await documents(library, "canary sings"))


async def test_everything_survives_a_restart(
    tmp_path: Path, docs: Path, library: Library, embedder: WordEmbedder
) -> None:
    await synced(library)
    await library.close()
    again = library_in(tmp_path, fresh := WordEmbedder())
    try:
        assert await documents(again, "twelve days leave") == ["docs/a.md"]
        assert "Leave\nTwelve days of leave." not in fresh.embedded
    finally:
        await again.close()


async def test_a_lost_chroma_folder_is_rebuilt_without_embedding(tmp_path: Path, docs: Path, library: Library) -> None:
    await synced(library)
    await library.close()
    (tmp_path / "data" / "chroma").rename(tmp_path / "gone")
    again = library_in(tmp_path, fresh := WordEmbedder())
    try:
        assert await documents(again, "twelve days leave") == ["docs/a.md"]
        assert not any("Twelve" in text for text in fresh.embedded)
    finally:
        await again.close()


async def test_the_same_text_in_two_files_is_embedded_once(
    library: Library, docs: Path, embedder: WordEmbedder
) -> None:
    write(docs, {"copy/a.md": FILES["a.md"]})
    await synced(library)
    assert embedder.embedded.count("Leave\nTwelve days of leave.") == 1


async def test_near_duplicates_come_once_but_other_numbers_stay(library: Library, docs: Path) -> None:
    write(docs, {"copy/a.md": FILES["a.md"], "x.md": "# L\n\nBikes: 10 racks.\n", "y.md": "# L\n\nBikes: 12 racks.\n"})
    await synced(library)
    found = await documents(library, "twelve days leave")
    assert len({"docs/a.md", "docs/copy/a.md"}.intersection(found)) == 1
    assert sorted(await documents(library, "bikes racks")) == ["docs/x.md", "docs/y.md"]
