"""Measures of ranked retrieval. A place is the rank, from 1, at which an expected passage was found; None: it was not.

Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002 (nDCG, binary gains).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2

Places = Sequence[int | None]


def recall(places: Places, depth: int) -> float:
    """Return the share of the expected passages that are among the first `depth`."""
    return sum(place is not None and place <= depth for place in places) / len(places)


def reciprocal_rank(places: Places) -> float:
    """Return 1 / the place of the first expected passage; 0 where none was found."""
    return max((1 / place for place in places if place is not None), default=0.0)


def gain(places: Places, depth: int) -> float:
    """Return nDCG over the first `depth`: 1 where all expected passages come first, less the later they come."""
    found = sum(1 / log2(place + 1) for place in places if place is not None and place <= depth)
    return min(1.0, found / sum(1 / log2(at + 1) for at in range(1, min(len(places), depth) + 1)))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of `values` that at least `share` of them do not exceed; 0 where there are none."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else 0.0
