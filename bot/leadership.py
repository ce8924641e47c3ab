"""One owner for what allows only one: a lease in Redis, renewed while the owner lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.process import is_dead, process_name
from bot.store import Store
from bot.supervisor import end

log = structlog.get_logger()

RENEW = """if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"""
RELEASE = """if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"""


class Leadership:
    """The right to own one resource of the cluster."""

    def __init__(self, store: Store, resource: str, *, lease_s: float) -> None:
        self._redis = store.redis
        self._key = store.keys.shared(f"leader:{resource}")
        self._lease_ms = int(lease_s * 1000)
        self._id = process_name()
        self._renew = store.redis.register_script(RENEW)
        self._release = store.redis.register_script(RELEASE)
        self._resource = resource

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until this process is the leader, then run `work` until it ends or the lease is lost.

        Returns when `work` returned, or after the lease was lost and `work` was cancelled: call it again.
        """
        while not await self._elected():
            await asyncio.sleep(self._lease_ms / 3000)
        log.info("leader.elected", resource=self._resource)
        task = asyncio.ensure_future(work())
        try:
            while not task.done():
                await asyncio.wait([task], timeout=self._lease_ms / 3000)
                if not task.done() and not await self._renew(keys=[self._key], args=[self._id, self._lease_ms]):
                    log.warning("leader.lost", resource=self._resource)
                    return
            await task
        finally:
            await end([task])
            await self._release(keys=[self._key], args=[self._id])

    async def _elected(self) -> bool:
        leader = await self._redis.get(self._key)
        if leader and is_dead(str(leader)):
            await self._release(keys=[self._key], args=[leader])
        return bool(await self._redis.set(self._key, self._id, nx=True, px=self._lease_ms))
