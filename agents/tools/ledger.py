"""What tools with effects have done in a turn, so that a turn which is run again does not do it again.

One hash per turn: the call's id → `started`, or the result. It outlives the turn's checkpoints: a worker that was
taken for dead and wakes up late finds the results of the one that took over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from redis.asyncio import Redis

_STARTED = "started"


@dataclass(frozen=True, slots=True)
class Done:
    """What a call has led to: what the model is told, and whether it failed."""

    text: str
    failed: bool = False


class Ledger:
    """The record of one turn."""

    def __init__(self, redis: Redis, key: str, *, ttl_s: int) -> None:
        self._redis = redis
        self._key = key
        self._ttl_s = ttl_s

    async def begin(self, call: str) -> tuple[bool, Done | None]:
        """Record that a call begins, and return whether it is the first time, and its result if there is one."""
        async with self._redis.pipeline() as pipe:
            pipe.hsetnx(self._key, call, _STARTED)
            pipe.hget(self._key, call)
            pipe.expire(self._key, self._ttl_s)
            first, value, _ = await pipe.execute()
        text = value.decode() if isinstance(value, bytes) else value
        if first or text == _STARTED:
            return bool(first), None
        return False, Done(**json.loads(text))

    async def finish(self, call: str, done: Done) -> None:
        """Record a call's result."""
        value = json.dumps({"text": done.text, "failed": done.failed}, ensure_ascii=False)
        async with self._redis.pipeline() as pipe:
            pipe.hset(self._key, call, value)
            pipe.expire(self._key, self._ttl_s)
            await pipe.execute()
