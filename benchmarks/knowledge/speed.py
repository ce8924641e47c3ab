"""How fast a large base is built and searched; vectors are made up, so that only our part and Chroma's are timed."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

import numpy

from benchmarks.knowledge.questions import ROOT, SOURCES, load
from config.settings import DocumentRule, KnowledgeBase
from knowledge.embeddings import OfflineEmbedder
from knowledge.index import ChromaIndex, close_chroma, open_chroma
from knowledge.ingest.chunking import sentences
from knowledge.library import Library
from knowledge.retrieval.search import NEAREST
from knowledge.types import Scope

_CHUNKS_PER_FILE = 50
_TOPICS = 400
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One size of base."""

    chunks: int
    vectors: int
    build_s: float
    chunks_per_s: float
    """Read, cut, stored, put into both indexes; the made-up vectors cost little."""
    rss_mb: float
    """Of the process when it has been searched."""
    peak_mb: float
    p50_ms: float
    p99_ms: float
    limited_p50_ms: float
    """For somebody who may not see a tenth of the documents."""
    limited_p99_ms: float
    floor_p50_ms: float
    """One bare question to Chroma for as many vectors as a search asks for, in the same run."""
    ratio: float
    """Of the medians: a whole search against the floor."""


class MadeUpEmbedder:
    """A vector near one of 400 topics for each text, by its hash: the clusters of real text without its price."""

    name = "made-up"
    dimensions = 512
    batch = 256

    def __init__(self) -> None:
        self._topics = numpy.random.default_rng(1).normal(size=(_TOPICS, self.dimensions))

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._vector(text) for text in texts]

    async def embed_words(self, words: Sequence[str]) -> list[list[float]]:
        return [self._vector(word) for word in words]

    def _vector(self, text: str) -> list[float]:
        seed = int.from_bytes(sha256(text.encode()).digest()[:8])
        rng = numpy.random.default_rng(seed)
        row = self._topics[seed % _TOPICS] + 0.8 * rng.normal(size=self.dimensions)
        vector: list[float] = (row / numpy.linalg.norm(row)).tolist()
        return vector


def write_corpus(folder: Path, chunks: int) -> None:
    """Write files of shuffled sentences of the corpus, one chunk under each heading."""
    rng = random.Random(7)
    paths = sorted(path for source in SOURCES for path in (ROOT / source).rglob("*.md"))
    pool = [one for path in paths for one in sentences(path.read_text(encoding="utf-8")) if not one.startswith("#")]
    for number in range(chunks // _CHUNKS_PER_FILE):
        sections = (
            f"## Section {number}-{at}\n\n" + " ".join(rng.choices(pool, k=5)) for at in range(_CHUNKS_PER_FILE)
        )
        folder.joinpath(f"{number:05}.md").write_text(f"# Book {number}\n\n" + "\n\n".join(sections), encoding="utf-8")


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def measure(folder: Path, chunks: int) -> Speed:
    """Build a base of so many chunks in `folder` and search it with every question.

    A tenth of the documents is limited to a role, which whoever asks has, except for the limited times.
    """
    docs = folder / "docs"
    docs.mkdir(parents=True)
    write_corpus(docs, chunks)
    base = KnowledgeBase(sources=("docs",), rules=(DocumentRule(match="docs/*9.md", roles=("staff",)),))
    embedder = MadeUpEmbedder()
    library = Library({"kb": base}, data_dir=folder / "data", root=folder, embedder=embedder)
    try:
        started = time.perf_counter()
        await library.open()
        await library.ranked("warm", bases=["kb"], limit=5, scope=Scope())
        build_s = time.perf_counter() - started
        questions = [question.text for question in load()]
        times = await _searched(library, questions, Scope(roles=frozenset({"staff"})))
        limited = await _searched(library, questions, Scope())
        (status,) = await library.status()
        resident = rss_mb()
    finally:
        await library.close()
    floor = bare(folder / "data" / "chroma", await embedder.embed(questions))
    return Speed(
        chunks=status.chunks,
        vectors=status.vectors,
        build_s=build_s,
        chunks_per_s=status.chunks / build_s,
        rss_mb=resident,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        p50_ms=median(times),
        p99_ms=_p99(times),
        limited_p50_ms=median(limited),
        limited_p99_ms=_p99(limited),
        floor_p50_ms=floor,
        ratio=median(times) / floor,
    )


async def _searched(library: Library, questions: Sequence[str], scope: Scope) -> list[float]:
    """Return the milliseconds of each search; the first round, which embeds the questions, does not count."""
    times: list[float] = []
    for question in [*questions] * (_ROUNDS + 1):
        started = time.perf_counter()
        await library.ranked(question, bases=["kb"], limit=5, scope=scope)
        times.append((time.perf_counter() - started) * 1000)
    return times[len(questions) :]


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def bare(folder: Path, vectors: Sequence[Sequence[float]]) -> float:
    """Return the median milliseconds of a question to Chroma alone."""
    client = open_chroma(folder)
    (collection,) = client.list_collections()
    index = ChromaIndex(client, collection.name)
    times = []
    for vector in [*vectors] * 2:
        started = time.perf_counter()
        index.nearest([vector], count=NEAREST, labels=None)
        times.append((time.perf_counter() - started) * 1000)
    close_chroma(client)
    return median(times[len(vectors) :])


async def embedding_speed(cache: Path) -> tuple[float, float]:
    """Return milliseconds for a question, and texts per second when documents are embedded offline."""
    embedder = OfflineEmbedder(cache)
    try:
        await embedder.embed(["warm"])
        questions = [question.text for question in load()]
        started = time.perf_counter()
        for question in questions:
            await embedder.embed([question])
        each_ms = (time.perf_counter() - started) / len(questions) * 1000
        texts = [path.read_text(encoding="utf-8")[:350] for path in sorted((ROOT / SOURCES[0]).rglob("*.md"))] * 3
        started = time.perf_counter()
        for at in range(0, len(texts), embedder.batch):
            await embedder.embed(texts[at : at + embedder.batch])
        return each_ms, len(texts) / (time.perf_counter() - started)
    finally:
        embedder.close()


def run(folder: Path, chunks: int) -> Speed:
    return asyncio.run(measure(folder, chunks))
