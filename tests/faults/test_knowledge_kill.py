"""kill -9 during a sync of 2,000 files, then a sync again: as if nothing had happened, and nothing embedded twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from config.settings import KnowledgeBase
from knowledge.library import Library
from knowledge.status import BaseStatus
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder

FILES = 2000
ROOT = Path(__file__).parents[2]


class LoggingEmbedder(WordEmbedder):
    """Writes every text it embeds into a file, before anybody sees the vector."""

    batch = 16

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        os.write(self._descriptor, "".join(text.replace("\n", " ") + "\n" for text in texts).encode())
        return await super().embed(texts)

    def close(self) -> None:
        os.close(self._descriptor)


async def sync(folder: Path, log: Path, data: str) -> BaseStatus:
    embedder = LoggingEmbedder(log)
    base = KnowledgeBase(sources=("docs",))
    library = Library({"kb": base}, data_dir=folder / data, root=folder, embedder=embedder)
    try:
        await library.ranked("number 7", bases=["kb"], limit=1, scope=Scope())
        return (await library.status())[0]
    finally:
        await library.close()
        embedder.close()


def contents(path: Path) -> list[tuple[object, ...]]:
    """Return what a catalogue makes visible: chunks, words and vectors, whatever their numbers."""
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "SELECT document, ordinal, text, terms, count, vectors FROM current JOIN chunks USING(version) "
            "JOIN facets ON chunk=number JOIN lexical ON lexical.rowid=number ORDER BY document, ordinal"
        ).fetchall()
    db.close()
    return rows


def indexed(path: Path) -> Counter[str]:
    """Return what Chroma holds: how many vectors, under which labels."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    (collection,) = client.list_collections()
    found = collection.get(include=["metadatas"])
    return Counter({"vectors": len(found["ids"]), "distinct": len(set(found["ids"]))})


@pytest.mark.timeout(240)
async def test_a_killed_sync_is_continued(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(FILES):
        docs.joinpath(f"{number:04}.md").write_text(f"# File {number}\n\nThis is number {number} of many.\n", "utf-8")
    log = tmp_path / "embedded.log"
    command = [sys.executable, "-m", "tests.faults.test_knowledge_kill", str(tmp_path), str(log)]
    for target in (FILES // 4, FILES, 2 * FILES):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as child:
            while child.poll() is None and (log.read_bytes().count(b"\n") if log.exists() else 0) < target:
                time.sleep(0.02)
            child.send_signal(signal.SIGKILL)
    killed = await sync(tmp_path, log, "killed")
    undisturbed = await sync(tmp_path, tmp_path / "other.log", "undisturbed")
    assert (killed.documents, killed.chunks, killed.vectors) == (FILES, FILES, FILES)
    assert undisturbed.documents == FILES
    catalogue = Path("knowledge", "kb.sqlite")
    assert contents(tmp_path / "killed" / catalogue) == contents(tmp_path / "undisturbed" / catalogue)
    assert indexed(tmp_path / "killed" / "chroma") == Counter({"vectors": FILES, "distinct": FILES})
    texts = Counter(line for line in log.read_text("utf-8").splitlines() if line.startswith("File "))
    again = sum(count - 1 for count in texts.values())
    assert again <= 3 * LoggingEmbedder.batch, "only what was in flight when it was killed may be embedded again"
    assert texts.keys() == {
        line for line in (tmp_path / "other.log").read_text("utf-8").splitlines() if line.startswith("File ")
    }


if __name__ == "__main__":
    asyncio.run(sync(Path(sys.argv[1]), Path(sys.argv[2]), "killed"))
