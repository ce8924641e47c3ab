"""Asking all questions, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean
from typing import Any

from knowledge.base import Reranker
from knowledge.evaluation.metrics import gain, percentile, recall, reciprocal_rank
from knowledge.evaluation.questions import Question, places
from knowledge.library import Library
from knowledge.retrieval.fusion import Fusion
from knowledge.types import Passage

DEPTHS = (1, 3, 5, 10)
GAIN_DEPTH = 10
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that came up, for a person."""

    document: str
    position: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one question."""

    question: Question
    places: tuple[int | None, ...]
    """Where each expected passage stands among all that was found, whatever its score."""
    given: tuple[bool, ...]
    """Whether each expected passage is among those that the assistant is given."""
    best_score: float
    refused: bool
    """No passage scores high enough."""
    seconds: float
    found: tuple[Found, ...]
    """The best few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The measures of a group of questions. Shares are in [0, 1]; None where no question of the group has a say."""

    questions: int
    answerable: int
    recall: Mapping[int, float]
    """By depth, whatever the threshold."""
    mrr: float | None
    ndcg: float | None
    """Over the first ten."""
    given: float | None
    """Share of the expected passages that score high enough and are among those an assistant is given."""
    refused: float | None
    """Share of the unanswerable questions for which nothing scores high enough."""
    refused_wrongly: float | None
    """The same share of the answerable ones."""
    p50_ms: float
    """Latency of a search, with the embedding of the question."""
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All outcomes of one setting."""

    outcomes: tuple[Outcome, ...]
    depths: tuple[int, ...] = DEPTHS
    judged: bool = True
    """Whether there was a threshold at all."""

    def over(self, chosen: Callable[[Question], bool] = lambda question: True) -> Figures:
        """Return the figures of the questions chosen, by default of all."""
        outcomes = [outcome for outcome in self.outcomes if chosen(outcome.question)]
        answerable = [outcome for outcome in outcomes if outcome.question.expects]
        unanswerable = [outcome for outcome in outcomes if not outcome.question.expects]
        times = [outcome.seconds * 1000 for outcome in outcomes]
        return Figures(
            questions=len(outcomes),
            answerable=len(answerable),
            recall={
                depth: mean(recall(one.places, depth) for one in answerable) for depth in self.depths if answerable
            },
            mrr=_mean([reciprocal_rank(one.places) for one in answerable]),
            ndcg=_mean([gain(one.places, GAIN_DEPTH) for one in answerable]),
            given=_mean([mean(one.given) for one in answerable]) if self.judged else None,
            refused=_mean([one.refused for one in unanswerable]) if self.judged else None,
            refused_wrongly=_mean([one.refused for one in answerable]) if self.judged else None,
            p50_ms=percentile(times, 0.5),
            p95_ms=percentile(times, 0.95),
            p99_ms=percentile(times, 0.99),
        )

    def groups(self) -> dict[str, Figures]:
        """Return the figures of all questions ("all"), then by language, kind and tag ("language zh")."""
        held = [outcome.question for outcome in self.outcomes]
        figures = {"all": self.over()}
        for language in sorted({question.language for question in held}):
            figures[f"language {language}"] = self.over(lambda one, wanted=language: one.language == wanted)  # type: ignore[misc]
        for kind in dict.fromkeys(question.kind for question in held if question.kind):
            figures[f"kind {kind}"] = self.over(lambda one, wanted=kind: one.kind == wanted)  # type: ignore[misc]
        for tag in sorted({tag for question in held for tag in question.tags}):
            figures[f"tag {tag}"] = self.over(lambda one, wanted=tag: wanted in one.tags)  # type: ignore[misc]
        return figures

    def misses(self, depth: int = 5) -> list[Outcome]:
        """Return what a person should look at: a passage not found or refused, or an unanswerable question answered."""
        return [
            one
            for one in self.outcomes
            if (one.refused or recall(one.places, depth) < 1 if one.question.expects else not one.refused)
        ]

    def refusing_below(self, threshold: float) -> Evaluation:
        """Return the same outcomes, refused below another threshold. What is given stays as it was measured."""
        outcomes = tuple(replace(one, refused=one.best_score < threshold) for one in self.outcomes)
        return replace(self, outcomes=outcomes, judged=True)

    def wrongly_refusing(self, share: float) -> float:
        """Return the highest threshold at which at most this share of the answerable questions is refused."""
        scores = sorted(one.best_score for one in self.outcomes if one.question.expects)
        return scores[int(len(scores) * share)] if scores else 0.0

    def as_data(self, depth: int = 5) -> dict[str, Any]:
        """Return all of it as plain data that JSON can hold; the misses are those at `depth`."""
        return {
            "groups": {name: asdict(figures) for name, figures in self.groups().items()},
            "misses": [
                {
                    "question": one.question.text,
                    "expected": [str(expected) for expected in one.question.expects],
                    "places": one.places,
                    "refused": one.refused,
                    "found": [asdict(found) for found in one.found],
                }
                for one in self.misses(depth)
            ],
        }


async def evaluate(
    library: Library,
    questions: Sequence[Question],
    *,
    bases: Sequence[str],
    thresholds: Mapping[str, float] | None,
    how: Fusion = "hybrid",
    passages: int = 5,
    depths: Collection[int] = DEPTHS,
    reranker: Reranker | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Ask every question, one after the other, as somebody of its own scope.

    `thresholds` are those of each base; None where scores have no threshold: nothing is refused or given then.
    `passages` is how many an assistant is given. A reranker orders what scores high enough, as in an answer.
    `progress` gets how many were asked, of how many.

    Raises:
        IndexUnavailable, EmbeddingUnavailable, RerankUnavailable, UnknownBase: nothing was measured.
    """
    deepest = max(*depths, GAIN_DEPTH, passages, reranker.candidates if reranker else 0)
    outcomes: list[Outcome] = []
    for number, question in enumerate(questions, 1):
        start = time.perf_counter()
        ranked = await library.ranked(question.text, bases=bases, limit=deepest, scope=question.scope, how=how)
        enough = [one for one in ranked if thresholds is None or one.score >= thresholds[one.base]]
        if reranker is not None and len(enough) > 1:
            enough = await reranker.rerank(question.text, enough)
        seconds = time.perf_counter() - start
        rest = [one for one in ranked if thresholds is not None and one.score < thresholds[one.base]]
        outcomes.append(_outcome(question, enough, rest, given=passages, seconds=seconds))
        if progress is not None:
            progress(number, len(questions))
    return Evaluation(outcomes=tuple(outcomes), depths=tuple(sorted(set(depths))), judged=thresholds is not None)


def _outcome(
    question: Question, enough: Sequence[Passage], rest: Sequence[Passage], *, given: int, seconds: float
) -> Outcome:
    ranked = [*enough, *rest]
    return Outcome(
        question=question,
        places=places(question, ranked),
        given=tuple(place is not None for place in places(question, enough[:given])),
        best_score=max((one.score for one in ranked), default=0.0),
        refused=not enough,
        seconds=seconds,
        found=tuple(Found(document=one.document, position=one.position, score=one.score) for one in ranked[:_SHOWN]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return mean(values) if values else None
