"""What people add to a base beside its configuration, and how it comes out again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import KnowledgeBase, WebSource
from knowledge.errors import Busy, DocumentRefused, UnknownDocument
from knowledge.ingest.additions import Addition, file_name, upload
from knowledge.ingest.progress import Progress
from knowledge.library import Library
from knowledge.types import Access, Scope
from tests.unit.knowledge.parts import WordEmbedder, write

FREE = Access()
DOGS = b"# Dogs\n\nDogs are welcome in the office.\n"


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
async def library(tmp_path: Path, embedder: WordEmbedder) -> AsyncIterator[Library]:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    opened = library_in(tmp_path, embedder)
    yield opened
    await opened.close()


def library_in(folder: Path, embedder: WordEmbedder) -> Library:
    base = KnowledgeBase(sources=("docs",), threshold=0.2)
    return Library({"kb": base}, data_dir=folder / "data", root=folder, embedder=embedder)


async def found(library: Library, query: str, scope: Scope | None = None) -> list[str]:
    findings = await library.search(query, bases=["kb"], limit=3, scope=scope or Scope())
    return [passage.document for passage in findings.passages]


async def documents(library: Library) -> list[str]:
    return [one.document for one in await (await library.base("kb")).documents(None) if not one.blocked]


async def test_an_uploaded_file_is_found_at_once_and_stays_through_syncs(library: Library, tmp_path: Path) -> None:
    told: list[Progress] = []
    report = await library.add("kb", upload("Dogs.md", access=FREE, author="ann"), data=DOGS, progress=told.append)
    assert (report.added, report.unchanged, report.failed) == (1, 0, [])
    assert told[-1] == Progress(done=1, total=1, document="uploads/Dogs.md")
    assert await found(library, "dogs welcome office") == ["uploads/Dogs.md"]
    await library.sync("kb")
    assert await documents(library) == ["docs/a.md", "uploads/Dogs.md"]
    (addition,) = await (await library.base("kb")).additions()
    assert (addition.value, addition.kind, addition.author, addition.documents) == (
        "uploads/Dogs.md",
        "upload",
        "ann",
        1,
    )
    await library.close()
    again = library_in(tmp_path, WordEmbedder())
    assert await found(again, "dogs welcome office") == ["uploads/Dogs.md"]
    await again.close()


async def test_the_same_name_again_replaces_the_file(library: Library, tmp_path: Path) -> None:
    await library.add("kb", upload("Dogs.md", access=FREE), data=DOGS)
    report = await library.add("kb", upload("Dogs.md", access=FREE), data=b"# Dogs\n\nCats only.\n")
    assert (report.added, report.changed) == (0, 1)
    assert await found(library, "cats only") == ["uploads/Dogs.md"]
    assert await documents(library) == ["docs/a.md", "uploads/Dogs.md"]
    assert len(list((tmp_path / "data" / "knowledge" / "kb.uploads").iterdir())) == 1


async def test_a_file_that_cannot_be_read_changes_nothing(library: Library, tmp_path: Path) -> None:
    report = await library.add("kb", upload("broken.pdf", access=FREE), data=b"no PDF")
    assert [error.document for error in report.failed] == ["uploads/broken.pdf"]
    assert await (await library.base("kb")).additions() == []
    assert await documents(library) == ["docs/a.md"]
    assert list((tmp_path / "data" / "knowledge" / "kb.uploads").glob("*")) == []


async def test_a_worse_file_leaves_the_earlier_one_of_its_name(library: Library) -> None:
    good = b"Name,Room\nAnn,Saffron\n"
    await library.add("kb", upload("rooms.csv", access=FREE), data=good)
    report = await library.add("kb", upload("rooms.csv", access=FREE), data=b"\x00\x01\x02\xff" * 50)
    assert report.failed
    assert await found(library, "ann room saffron") == ["uploads/rooms.csv"]
    await library.sync("kb")
    assert await found(library, "ann room saffron") == ["uploads/rooms.csv"]


async def test_limits_and_tags_of_an_addition_hold(library: Library) -> None:
    limited = upload("Dogs.md", access=Access(roles=frozenset({"hr"})), tags=frozenset({"pets"}))
    await library.add("kb", limited, data=DOGS)
    hr = Scope(roles=frozenset({"hr"}))
    assert await found(library, "dogs welcome office") == []
    assert await found(library, "dogs welcome office", hr) == ["uploads/Dogs.md"]
    base = await library.base("kb")
    assert [one.document for one in await base.documents(Scope())] == ["docs/a.md"]
    assert [(one.document, one.tags) for one in await base.documents(hr)][1] == ("uploads/Dogs.md", frozenset({"pets"}))


async def test_a_removed_upload_is_gone_with_its_bytes(library: Library, tmp_path: Path) -> None:
    await library.add("kb", upload("Dogs.md", access=FREE), data=DOGS)
    assert await library.remove("kb", "uploads/Dogs.md") == ("uploads/Dogs.md",)
    assert await found(library, "dogs welcome office") == []
    assert list((tmp_path / "data" / "knowledge" / "kb.uploads").iterdir()) == []
    await library.sync("kb")
    assert await documents(library) == ["docs/a.md"]


async def test_a_removed_document_of_a_source_stays_out_until_it_is_restored(library: Library) -> None:
    assert await library.remove("kb", "docs/a.md") == ("docs/a.md",)
    await library.sync("kb")
    assert await found(library, "twelve days leave") == []
    (blocked,) = await (await library.base("kb")).documents(None)
    assert (blocked.document, blocked.blocked) == ("docs/a.md", True)
    await library.restore("kb", "docs/a.md")
    assert await found(library, "twelve days leave") == ["docs/a.md"]


async def test_an_unknown_name_is_said_with_similar_ones(library: Library) -> None:
    with pytest.raises(UnknownDocument) as raised:
        await library.remove("kb", "docs/b.md")
    assert raised.value.close == ("docs/a.md",)


async def test_a_folder_of_this_machine_is_followed(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "more", {"x.md": "# X\n\nSaffron room.\n", "y.md": "# Y\n\nMint room.\n"})
    await library.add("kb", Addition(value=str(tmp_path / "more"), kind="path"))
    assert await documents(library) == ["docs/a.md", "more/x.md", "more/y.md"]
    (tmp_path / "more" / "y.md").unlink()
    write(tmp_path / "more", {"z.md": "# Z\n\nBasil room.\n"})
    await library.sync("kb")
    assert await documents(library) == ["docs/a.md", "more/x.md", "more/z.md"]
    assert await library.remove("kb", str(tmp_path / "more")) == ("more/x.md", "more/z.md")


async def test_a_folder_that_is_away_keeps_its_documents_and_no_others(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "more", {"x.md": "# X\n\nSaffron room.\n"})
    write(tmp_path / "docs", {"b.md": "# B\n\nBasil room.\n"})
    await library.add("kb", Addition(value=str(tmp_path / "more"), kind="path"))
    await library.sync("kb")
    (tmp_path / "more").rename(tmp_path / "away")
    (tmp_path / "docs" / "b.md").unlink()
    report = await library.sync("kb")
    assert [str(error) for error in report.failed] == ["this source does not exist"]
    assert await documents(library) == ["docs/a.md", "more/x.md"]


async def test_adding_looks_at_nothing_else(library: Library, tmp_path: Path) -> None:
    await library.base("kb")
    write(tmp_path / "docs", {"b.md": "# B\n\nBasil room.\n"})
    await library.add("kb", upload("Dogs.md", access=FREE), data=DOGS)
    assert await documents(library) == ["docs/a.md", "uploads/Dogs.md"]


async def test_an_address_of_the_own_network_is_refused_and_not_recorded(library: Library) -> None:
    url = "http://127.0.0.1:9/secret"
    report = await library.add("kb", Addition(value=url, kind="page", web=WebSource(url=url)))
    assert [error.document for error in report.failed] == [url]
    assert await (await library.base("kb")).additions() == []


async def test_a_change_waits_for_another_one_to_end(library: Library) -> None:
    base = await library.base("kb")
    told: list[Progress] = []
    with base.changing():
        adding = asyncio.create_task(library.add("kb", upload("Dogs.md", access=FREE), data=DOGS, progress=told.append))
        async with asyncio.timeout(5):
            while not told:
                await asyncio.sleep(0.01)
    assert (await adding).added == 1
    assert told[0].phase == "waiting"
    with base.changing(), pytest.raises(Busy):
        await library.add("kb", upload("Dogs.md", access=FREE), data=DOGS, wait_s=0)


async def test_a_rollback_stays_until_the_document_changes(library: Library, tmp_path: Path) -> None:
    base = await library.base("kb")
    write(tmp_path / "docs", {"a.md": "# Leave\n\nNinety days of leave.\n", "b.md": "# B\n\nBasil room.\n"})
    await library.sync("kb")
    await library.add("kb", upload("Dogs.md", access=FREE), data=DOGS)
    await base.roll_back(1)
    report = await library.sync("kb")
    assert report.held == 3
    assert await documents(library) == ["docs/a.md"]
    assert await found(library, "twelve days leave") == ["docs/a.md"]
    write(tmp_path / "docs", {"a.md": "# Leave\n\nFifteen days of leave.\n"})
    assert (await library.sync("kb")).changed == 1
    assert (await library.add("kb", upload("Dogs.md", access=FREE), data=DOGS)).added == 1
    assert await documents(library) == ["docs/a.md", "uploads/Dogs.md"]
    await library.restore("kb", "docs/b.md")
    assert await documents(library) == ["docs/a.md", "docs/b.md", "uploads/Dogs.md"]


async def test_a_rollback_keeps_what_the_sources_have_no_more(library: Library, tmp_path: Path) -> None:
    base = await library.base("kb")
    (tmp_path / "docs" / "a.md").unlink()
    write(tmp_path / "docs", {"b.md": "# B\n\nBasil room.\n"})
    await library.sync("kb")
    await base.roll_back(1)
    await library.sync("kb")
    assert await documents(library) == ["docs/a.md"]
    await base.roll_back(2)
    await library.sync("kb")
    assert await documents(library) == ["docs/b.md"]


async def test_an_export_holds_every_visible_chunk(library: Library) -> None:
    await library.add("kb", upload("Dogs.md", access=Access(roles=frozenset({"hr"}))), data=DOGS)
    base = await library.base("kb")
    exported = [one async for one in base.export()]
    assert [(one.document, one.position, one.text) for one in exported] == [
        ("docs/a.md", "", "Twelve days of leave."),
        ("uploads/Dogs.md", "", "Dogs are welcome in the office."),
    ]
    assert exported[1].access == (Access(roles=frozenset({"hr"})),)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("报销制度.pdf", "报销制度.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\..\\plan.MD", "plan.MD"),
        ("a\x00b\u202ec.md", "abc.md"),
        ("..hidden.md", "hidden.md"),
        ("dir/.md", "file.md"),
    ],
)
def test_a_name_keeps_no_folders_and_no_tricks(name: str, kept: str) -> None:
    assert file_name(name) == kept


def test_a_file_that_nobody_reads_is_refused_with_what_can_be_read() -> None:
    with pytest.raises(DocumentRefused, match=r"no loader reads \.exe: .*pdf"):
        file_name("virus.exe")


@given(st.text())
def test_any_name_becomes_a_safe_one(stem: str) -> None:
    name = file_name(f"{stem}.md")
    assert "/" not in name
    assert name.endswith(".md")
    assert len(name.encode()) <= 150
    assert not name.startswith(".")
