from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as some

from knowledge.evaluation.metrics import gain, percentile, recall, reciprocal_rank

PLACES = some.lists(some.none() | some.integers(1, 40), min_size=1, max_size=6)


def test_recall_is_the_share_of_expected_passages_among_the_first() -> None:
    assert recall([2, None, 6], 5) == pytest.approx(1 / 3)
    assert recall([2, None, 6], 10) == pytest.approx(2 / 3)
    assert recall([6], 5) == 0


def test_reciprocal_rank_counts_the_first_right_passage_only() -> None:
    assert reciprocal_rank([4, 2, None]) == 0.5
    assert reciprocal_rank([None]) == 0


def test_gain_is_what_was_found_against_the_ideal_order() -> None:
    assert gain([3], 10) == pytest.approx(1 / log2(4))
    assert gain([1, 4], 10) == pytest.approx((1 + 1 / log2(5)) / (1 + 1 / log2(3)))
    assert gain([11], 10) == 0


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2
    assert percentile([4, 1, 3, 2], 0.99) == 4
    assert percentile([], 0.5) == 0


@given(PLACES)
def test_recall_never_falls_with_depth(places: list[int | None]) -> None:
    recalls = [recall(places, depth) for depth in range(1, 45)]
    assert recalls == sorted(recalls)
    assert recalls[-1] == pytest.approx(sum(place is not None for place in places) / len(places))


@given(PLACES, some.integers(1, 20))
def test_all_measures_are_shares(places: list[int | None], depth: int) -> None:
    for value in (recall(places, depth), reciprocal_rank(places), gain(places, depth)):
        assert 0 <= value <= 1


@given(some.permutations(range(1, 6)), some.integers(5, 20))
def test_a_perfect_ranking_is_one(places: list[int], depth: int) -> None:
    assert recall(places, depth) == reciprocal_rank(places) == 1
    assert gain(places, depth) == pytest.approx(1)


@given(PLACES, some.integers(0, 5), some.integers(1, 20))
def test_coming_earlier_is_never_worse(places: list[int | None], which: int, depth: int) -> None:
    at = which % len(places)
    place = places[at]
    earlier = [*places[:at], (place or 41) - 1 or 1, *places[at + 1 :]]
    assert gain(earlier, depth) >= gain(places, depth) - 1e-12
    assert reciprocal_rank(earlier) >= reciprocal_rank(places)
