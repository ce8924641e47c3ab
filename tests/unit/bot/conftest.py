from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.store import Keys, Store


@pytest.fixture
def store(redis: Redis) -> Store:
    return Store(redis=redis, keys=Keys(prefix="test"))
