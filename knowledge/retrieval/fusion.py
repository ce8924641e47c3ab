"""How vector and lexical scores become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Fusion = Literal["hybrid", "vector", "lexical", "rrf"]

LEXICAL_BONUS = 0.25
"""How much of what the cosine leaves open a full match of the words may fill."""
_RRF_K = 60  # Cormack, Clarke and Büttcher, SIGIR 2009


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A chunk and its scores, all in [0, 1]."""

    number: int
    score: float
    vector: float
    lexical: float


def fused(
    vector: Mapping[int, float],
    lexical: Mapping[int, float],
    *,
    ranked: Sequence[int],
    how: Fusion,
    weight: float = 1.0,
) -> list[Scored]:
    """Return every chunk of `vector` with its score times `weight`; `ranked` is the lexical order for "rrf".

    "hybrid" adds a small bonus for shared words to the cosine. A question in the other language shares none, and
    loses nothing but the bonus; under reciprocal-rank fusion it loses to any chunk that shares a common word.
    """
    places = {number: at for at, number in enumerate(ranked, 1)}
    by_cosine = {number: at for at, number in enumerate(sorted(vector, key=vector.__getitem__, reverse=True), 1)}

    def score(number: int) -> float:
        cosine, words = max(0.0, vector[number]), lexical.get(number, 0.0)
        match how:
            case "hybrid":
                return cosine + LEXICAL_BONUS * words * (1 - cosine)
            case "vector":
                return cosine
            case "lexical":
                return words
            case "rrf":
                ranks = [by_cosine[number]] + ([places[number]] if number in places else [])
                return sum(1 / (_RRF_K + rank) for rank in ranks) * _RRF_K / 2

    return [
        Scored(
            number=number,
            score=weight * score(number),
            vector=max(0.0, vector[number]),
            lexical=lexical.get(number, 0.0),
        )
        for number in vector
    ]
