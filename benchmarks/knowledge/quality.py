"""Recall, ranks and refusals of each way to rank, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.knowledge.questions import Question, gain, recall, reciprocal_rank
from knowledge.fusion import Fusion
from knowledge.types import Passage

DEPTH = 5
WAYS: tuple[Fusion, ...] = ("hybrid", "vector", "lexical", "rrf")
Found = Mapping[str, Sequence[Passage]]
"""The best passages of each question, by its text, whatever their score."""


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


def judge(questions: Sequence[Question], found: Found, threshold: float | None) -> Quality:
    """Judge one way; without a threshold, the one that wrongly refuses at most 5 % is taken."""
    answerable = [question for question in questions if question.expects]
    unanswerable = [question for question in questions if not question.expects]

    def top(question: Question) -> float:
        return max((passage.score for passage in found[question.text]), default=0.0)

    if threshold is None:
        threshold = sorted(map(top, answerable))[int(len(answerable) * 0.05)]

    def over(measure: Callable[[Question, Sequence[Passage]], float], chosen: Sequence[Question]) -> float:
        return mean(measure(question, found[question.text][:DEPTH]) for question in chosen) if chosen else 0.0

    own = [question for question in answerable if question.kind != "cross"]
    return Quality(
        recall_zh=over(recall, [question for question in own if question.language == "zh"]),
        recall_en=over(recall, [question for question in own if question.language == "en"]),
        recall_cross=over(recall, [question for question in answerable if question.kind == "cross"]),
        recall_multi=over(recall, [question for question in answerable if question.kind == "multi"]),
        recall_near_miss=over(recall, [question for question in answerable if question.kind == "near_miss"]),
        mrr=over(reciprocal_rank, answerable),
        ndcg=over(gain, answerable),
        threshold=threshold,
        refused=mean(top(question) < threshold for question in unanswerable),
        refused_wrongly=mean(top(question) < threshold for question in answerable),
    )
