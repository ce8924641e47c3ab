from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from channels.telegram.recovery import FIRST, NEARBY, candidates

IDS = st.integers(min_value=0, max_value=10_000)


@given(behind=IDS, near=IDS)
def test_only_ids_behind_the_last_one_on_record_are_tried_and_each_once(behind: int, near: int) -> None:
    tried = list(candidates(behind, near))
    assert len(tried) == len(set(tried)) <= FIRST + 2 * NEARBY
    assert all(candidate > behind for candidate in tried)


@given(behind=IDS, ahead=st.integers(min_value=-NEARBY + 1, max_value=NEARBY), near=IDS)
def test_whatever_was_in_flight_near_the_newest_is_among_them(behind: int, ahead: int, near: int) -> None:
    lost = near + ahead
    if lost > behind and near > behind:
        assert lost in candidates(behind, near)


def test_a_quiet_bot_finds_it_right_behind_the_question() -> None:
    assert next(iter(candidates(500, 20))) == 501
