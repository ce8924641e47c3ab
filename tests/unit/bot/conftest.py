from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from redis.asyncio import Redis

from bot.store import Keys, Store


@pytest.fixture
def store(redis: Redis) -> Store:
    return Store(redis=redis, keys=Keys(prefix="test"))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands that run in this process configure logging for it."""
    yield
    structlog.reset_defaults()
