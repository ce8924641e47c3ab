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


def indexed(path: Path) -> dict[str, tuple[list[float], object]]:
    """Return what Chroma holds: every vector with its label, by its id."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    (collection,) = client.list_collections()
    found = collection.get(include=["embeddings", "metadatas"])
    assert found["embeddings"] is not None
    assert found["metadatas"] is not None
    vectors = [list(map(float, vector)) for vector in found["embeddings"]]
    return dict(zip(found["ids"], zip(vectors, found["metadatas"], strict=True), strict=True))


def embedded(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines() if log.exists() else []


@pytest.mark.timeout(240)
async def test_a_killed_sync_is_continued(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(FILES):
        docs.joinpath(f"{number:04}.md").write_text(f"# File {number}\n\nThis is number {number} of many.\n", "utf-8")
    log = tmp_path / "embedded.log"
    command = [sys.executable, "-m", "tests.faults.test_knowledge_kill", str(tmp_path), str(log)]
    under_way: set[str] = set()
    for target in (FILES // 4, FILES, 2 * FILES):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as child:
            while child.poll() is None and len(embedded(log)) < target:
                time.sleep(0.02)
            assert child.poll() is None, "it was through before it was killed"
            child.send_signal(signal.SIGKILL)
        under_way.update(embedded(log)[-LoggingEmbedder.batch :])
    killed = await sync(tmp_path, log, "killed")
    undisturbed = await sync(tmp_path, tmp_path / "other.log", "undisturbed")
    assert (killed.documents, killed.chunks, killed.vectors) == (FILES, FILES, FILES)
    assert undisturbed.documents == FILES
    catalogue = Path("knowledge", "kb.sqlite")
    assert contents(tmp_path / "killed" / catalogue) == contents(tmp_path / "undisturbed" / catalogue)
    index = indexed(tmp_path / "killed" / "chroma")
    assert len(index) == FILES
    assert index == indexed(tmp_path / "undisturbed" / "chroma")
    texts = Counter(line for line in embedded(log) if line.startswith("File "))
    again = {text for text, count in texts.items() if count > 1}
    assert again <= under_way, "only the batch that was under way when it was killed may be embedded again"
    assert texts.keys() == {line for line in embedded(tmp_path / "other.log") if line.startswith("File ")}


if __name__ == "__main__":
    asyncio.run(sync(Path(sys.argv[1]), Path(sys.argv[2]), "killed"))
