"""Recall, ranks and refusals of each way to rank, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.knowledge.questions import SETS, load
from knowledge.evaluation.evaluate import Evaluation, evaluate
from knowledge.evaluation.questions import Question
from knowledge.library import Library
from knowledge.retrieval.fusion import Fusion

DEPTH = 5
WAYS: tuple[Fusion, ...] = ("hybrid", "vector", "lexical", "rrf")
BASE = "kb"
_WRONGLY = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How one way to rank did. Shares are in [0, 1]."""

    recall_zh: float
    recall_en: float
    recall_cross: float
    recall_multi: float
    recall_near_miss: float
    mrr: float
    ndcg: float
    threshold: float
    refused: float
    """Of the unanswerable questions."""
    refused_wrongly: float
    """Of the answerable ones."""


async def qualities(library: Library, threshold: float) -> dict[str, dict[str, Quality]]:
    """Judge the shipped way on every set, then the other ways on the first; by set and by way."""
    judged: dict[str, dict[str, Quality]] = {name: {} for name in SETS}
    for name in SETS:
        for way in WAYS if name == next(iter(SETS)) else WAYS[:1]:
            judged[name][way] = await _judged(library, load(name), way, threshold if way == "hybrid" else None)
    return judged


async def _judged(library: Library, questions: Sequence[Question], way: Fusion, threshold: float | None) -> Quality:
    """Judge one way; without a threshold, the one that wrongly refuses at most 5 % is taken."""
    evaluation = await evaluate(
        library, questions, bases=[BASE], thresholds={BASE: threshold} if threshold else None, how=way
    )
    if threshold is None:
        threshold = evaluation.wrongly_refusing(_WRONGLY)
        evaluation = evaluation.refusing_below(threshold)
    return _quality(evaluation, threshold)


def _quality(evaluation: Evaluation, threshold: float) -> Quality:
    def recall(chosen: Callable[[Question], bool]) -> float:
        return evaluation.over(chosen).recall.get(DEPTH, 0.0)

    whole = evaluation.over()
    return Quality(
        recall_zh=recall(lambda one: one.kind != "cross" and one.language == "zh"),
        recall_en=recall(lambda one: one.kind != "cross" and one.language == "en"),
        recall_cross=recall(lambda one: one.kind == "cross"),
        recall_multi=recall(lambda one: one.kind == "multi"),
        recall_near_miss=recall(lambda one: one.kind == "near_miss"),
        mrr=whole.mrr or 0.0,
        ndcg=whole.ndcg or 0.0,
        threshold=threshold,
        refused=whole.refused or 0.0,
        refused_wrongly=whole.refused_wrongly or 0.0,
    )
