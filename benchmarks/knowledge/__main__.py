"""python -m benchmarks.knowledge [--chunks 10000 100000] [--json FILE]: quality and speed of retrieval, as tables."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, fields
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.knowledge.quality import BASE, Quality, qualities
from benchmarks.knowledge.questions import ROOT, SOURCES
from benchmarks.knowledge.speed import Speed, embedding_speed, run
from config.settings import KnowledgeBase
from knowledge.embeddings import OfflineEmbedder
from knowledge.library import Library

BUDGETS = {"recall_zh": 0.90, "recall_en": 0.90, "recall_cross": 0.75, "refused": 0.80}


async def judge(folder: Path) -> dict[str, dict[str, Quality]]:
    """Judge on one index; the shipped way with the shipped threshold."""
    embedder = OfflineEmbedder(folder / "models")
    base = KnowledgeBase(sources=SOURCES)
    library = Library({BASE: base}, data_dir=folder, root=ROOT, embedder=embedder)
    try:
        return await qualities(library, base.threshold)
    finally:
        await library.close()
        embedder.close()


def quality_table(title: str, judged: dict[str, Quality]) -> Table:
    table = Table(title=title)
    table.add_column("")
    for name in judged:
        table.add_column(name, justify="right")
    for field in fields(Quality):
        table.add_row(field.name, *(f"{getattr(quality, field.name):.3f}" for quality in judged.values()))
    return table


def speed_table(speeds: list[Speed], question_ms: float, texts_per_s: float) -> Table:
    table = Table(
        title=f"Speed without the embedding call (a question: {question_ms:.1f} ms, {texts_per_s:.0f} texts/s)"
    )
    table.add_column("")
    for _ in speeds:
        table.add_column(justify="right")
    for field in fields(Speed):
        table.add_row(field.name, *(f"{getattr(speed, field.name):,.1f}".removesuffix(".0") for speed in speeds))
    return table


def speed_in_its_own_process(chunks: int) -> Speed:
    """Measure in a fresh process: memory is counted from there."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.knowledge", "--one", str(chunks), "--folder", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        return Speed(**json.loads(done.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.knowledge", description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="*", default=[10_000], help="sizes of base to time")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if given.one:
        print(json.dumps(asdict(run(given.folder, given.one))))
        return 0
    console = Console()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        judged = asyncio.run(judge(Path(folder)))
        title = "Retrieval quality (recall at 5; refusals at 5 % wrongly refused, hybrid as shipped)"
        console.print(quality_table(title, judged["chosen on"]))
        shipped = {name: ways["hybrid"] for name, ways in judged.items()}
        console.print(quality_table("As shipped, by what each set had to do with choosing weights", shipped))
        question_ms, texts_per_s = asyncio.run(embedding_speed(Path(folder) / "models"))
    speeds = [speed_in_its_own_process(chunks) for chunks in given.chunks]
    console.print(speed_table(speeds, question_ms, texts_per_s))
    if given.json:
        figures = {
            "quality": {name: {way: asdict(quality) for way, quality in ways.items()} for name, ways in judged.items()},
            "speed": [asdict(speed) for speed in speeds],
            "embedding": {"question_ms": question_ms, "texts_per_s": texts_per_s},
        }
        given.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    chosen = judged["chosen on"]["hybrid"]
    missed = [name for name, budget in BUDGETS.items() if getattr(chosen, name) < budget]
    missed += ["refused_wrongly"] * (chosen.refused_wrongly > 0.05)
    console.print(f"budgets missed: {', '.join(missed)}" if missed else "all budgets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
