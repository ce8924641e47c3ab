"""Which processes are up: each shows a heartbeat, and whoever needs a worker can see whether there is one."""

from __future__ import annotations

import asyncio
import time

from bot.process import is_dead, process_name
from bot.store import Store

BEAT_S = 2.0
SILENT_S = 10.0


class Registry:
    """The processes of a cluster by role, in one sorted set per role."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._keys = store.keys

    async def beat(self, role: str) -> None:
        """Show until cancelled that this process is up."""
        key = self._key(role)
        try:
            while True:
                await self._redis.zadd(key, {process_name(): time.time()})
                await asyncio.sleep(BEAT_S)
        finally:
            await self._redis.zrem(key, process_name())

    async def alive(self, role: str) -> list[str]:
        """Return the names of the processes of a role that were seen lately."""
        key = self._key(role)
        await self._redis.zremrangebyscore(key, "-inf", time.time() - SILENT_S)
        return [str(name) for name in await self._redis.zrange(key, 0, -1) if not is_dead(str(name))]

    def _key(self, role: str) -> str:
        return self._keys.shared(f"alive:{role}")
