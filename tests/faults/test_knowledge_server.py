"""Two workers and a Chroma server: what one takes in, the other finds within two seconds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.processes import free_port
from config.settings import ChromaSettings, KnowledgeBase
from knowledge.errors import IndexUnavailable
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

BASE = {"kb": KnowledgeBase(sources=("docs",), threshold=0.3)}


def worker(folder: Path, url: str | None) -> tuple[Library, WordEmbedder]:
    embedder = WordEmbedder()
    chroma = ChromaSettings(url=url) if url else None
    return Library(BASE, data_dir=folder / "data", root=folder, embedder=embedder, chroma=chroma), embedder


async def found(library: Library, query: str) -> list[str]:
    findings = await library.search(query, bases=["kb"], limit=1, scope=Scope())
    return [passage.document for passage in findings.passages]


async def test_what_one_worker_takes_in_the_other_finds_within_two_seconds(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    (one, _), (two, _) = worker(tmp_path, chroma_url), worker(tmp_path, chroma_url)
    try:
        assert await found(one, "twelve days leave") == ["docs/a.md"]
        assert await found(two, "twelve days leave") == ["docs/a.md"]
        write(tmp_path / "docs", {"b.md": "# Dogs\n\nDogs are welcome here.\n"})
        await one.sync("kb")
        async with asyncio.timeout(2):
            while await found(two, "dogs welcome") != ["docs/b.md"]:
                await asyncio.sleep(0.02)
        await (await two.base("kb")).block("docs/b.md", blocked=True)
        async with asyncio.timeout(2):
            while await found(one, "dogs welcome") != []:
                await asyncio.sleep(0.02)
    finally:
        await one.close()
        await two.close()


async def test_moving_from_the_embedded_store_to_a_server_embeds_nothing(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    embedded, _ = worker(tmp_path, None)
    assert await found(embedded, "twelve days leave") == ["docs/a.md"]
    await embedded.close()
    served, embedder = worker(tmp_path, chroma_url)
    try:
        assert await found(served, "twelve days leave") == ["docs/a.md"]
        assert set(embedder.embedded) == {"warm 预热", "twelve days leave"}
    finally:
        await served.close()


async def test_a_server_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    library, _ = worker(tmp_path, f"http://127.0.0.1:{free_port()}")
    try:
        with pytest.raises(IndexUnavailable, match="no Chroma server"):
            await found(library, "twelve days")
        assert (await library.status())[0].state == "failed"
    finally:
        await library.close()
