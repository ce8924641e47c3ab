"""Feedback: the latest opinion counts, it can be withdrawn, and the store stays bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from bot.feedback import Feedback, Value

START = datetime(2026, 1, 1, tzinfo=UTC)


class Ticking:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def feedback(redis: Redis) -> Feedback:
    return Feedback(redis, "parley:{feedback}", clock=Ticking(), opinions_max=3)


async def _record(feedback: Feedback, message: str, value: Value, user: str = "someone") -> None:
    await feedback.record(conversation="web:default:someone:talk:", message=message, user=user, value=value)


async def test_the_latest_opinion_of_a_person_replaces_the_earlier(feedback: Feedback) -> None:
    await _record(feedback, "m 1", "up")
    await _record(feedback, "m 1", "down")
    assert await feedback.totals() == {"up": 0, "down": 1}
    (opinion,) = await feedback.recent()
    assert (opinion.message, opinion.user, opinion.value) == ("m 1", "someone", "down")
    assert opinion.at == START + timedelta(seconds=2)


async def test_two_people_may_think_differently(feedback: Feedback) -> None:
    await _record(feedback, "m1", "up")
    await _record(feedback, "m1", "down", user="another")
    assert await feedback.totals() == {"up": 1, "down": 1}


async def test_an_opinion_can_be_withdrawn(feedback: Feedback) -> None:
    await _record(feedback, "m1", "up")
    await _record(feedback, "m1", "none")
    assert await feedback.totals() == {"up": 0, "down": 0}
    assert await feedback.recent() == []


async def test_the_oldest_opinions_make_room(feedback: Feedback) -> None:
    for number in range(5):
        await _record(feedback, f"m{number}", "up")
    assert [opinion.message for opinion in await feedback.recent()] == ["m4", "m3", "m2"]
    assert await feedback.totals() == {"up": 3, "down": 0}
