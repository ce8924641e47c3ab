import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.limits import Pacer, TokenBucket, fitting_end, measure
from channels.types import Rate, TextUnit

UNITS: list[TextUnit] = ["characters", "utf16", "utf8_bytes"]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("unit", "length"), [("characters", 4), ("utf16", 5), ("utf8_bytes", 9)])
def test_text_is_measured_in_the_platforms_unit(unit: TextUnit, length: int) -> None:
    assert measure("ab你😀", unit) == length
    assert measure("abcd", unit) == 4


@given(st.text(), st.integers(0, 40), st.integers(1, 30), st.sampled_from(UNITS))
def test_the_fitting_end_is_the_last_that_fits(text: str, start: int, limit: int, unit: TextUnit) -> None:
    start = min(start, len(text))
    end = fitting_end(text, start, limit, unit)
    assert start <= end <= len(text)
    assert measure(text[start:end], unit) <= limit
    assert end == len(text) or measure(text[start : end + 1], unit) > limit


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(Rate(count=3, per_s=6.0), clock=clock)
    assert [bucket.take() for _ in range(5)] == pytest.approx([0, 0, 0, 2, 4])
    clock.now += 10
    assert bucket.take() == 0


def test_a_paused_bucket_gives_nothing_before_the_pause_is_over_and_no_burst_after_it() -> None:
    clock = Clock()
    bucket = TokenBucket(Rate(count=5, per_s=5.0), clock=clock)
    bucket.pause(10)
    assert [bucket.take() for _ in range(3)] == pytest.approx([10, 11, 12])
    clock.now += 12
    assert bucket.take() == pytest.approx(1)


def test_a_pacer_is_free_until_the_platform_complains_and_then_keeps_to_the_rate_of_that_chat() -> None:
    clock = Clock()
    pacer = Pacer(chat_rate=Rate(count=1, per_s=1.0), account_rate=Rate(count=30, per_s=1.0), clock=clock)
    assert {pacer.delay("a") for _ in range(1000)} == {0.0}
    pacer.slow_down("a", 3)
    assert [pacer.delay("a") for _ in range(3)] == pytest.approx([3, 4, 5])
    assert {pacer.delay("b") for _ in range(1000)} == {0.0}


def test_complaints_of_several_chats_at_once_slow_the_account_down() -> None:
    clock = Clock()
    pacer = Pacer(chat_rate=None, account_rate=Rate(count=2, per_s=1.0), clock=clock)
    pacer.slow_down("a", 5)
    assert pacer.delay("c") == 0
    pacer.slow_down("b", 5)
    assert [pacer.delay("c") for _ in range(3)] == pytest.approx([1.0, 1.5, 2.0])


def test_a_pacer_is_free_again_after_a_calm_time() -> None:
    clock = Clock()
    pacer = Pacer(chat_rate=Rate(count=1, per_s=1.0), account_rate=Rate(count=1, per_s=1.0), calm_s=60, clock=clock)
    pacer.slow_down("a", 3)
    pacer.slow_down("b", 3)
    clock.now += 64
    assert {pacer.delay(chat) for chat in "aabbccdd"} == {0.0}
