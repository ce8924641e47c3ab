"""Checkpoints of agent runs, on the same Redis or Valkey as everything else.

A run is kept only where a crash would repeat an effect: where the assistant has tools that write. One thread per
turn, removed when the turn has ended, expired by the server otherwise. docs/decisions/0003-checkpoint-saver.md says
why this saver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

TTL_S = 24 * 3600


class Checkpoints:
    """Savers by partition: all keys of a thread carry the hash tag of its conversation.

    `base` returns what the keys of a conversation's partition begin with, hash tag included.
    """

    def __init__(self, redis: Redis, base: Callable[[str], str], *, ttl_s: int = TTL_S) -> None:
        self.redis = redis
        self.ttl_s = ttl_s
        self._base = base
        self._savers: dict[str, BaseCheckpointSaver[Any]] = {}

    def partition(self, conversation: str) -> str:
        """Return what the savers of two conversations differ in, if they differ."""
        return self._base(conversation)

    def saver(self, conversation: str) -> BaseCheckpointSaver[Any]:
        """Return the saver of a conversation's partition."""
        prefix = self._prefix(conversation)
        if prefix not in self._savers:
            self._savers[prefix] = self._build(prefix)
        return self._savers[prefix]

    async def forget(self, conversation: str, thread: str) -> None:
        """Remove a thread's checkpoints; what its tools did stays recorded until it expires."""
        # Asked to delete a thread that it does not know, the saver looks through every key of the server.
        if await self.redis.exists(f"{self._prefix(conversation)}:idx:{thread}:"):
            await self.saver(conversation).adelete_thread(thread)

    def ledger_key(self, conversation: str, thread: str) -> str:
        """Return the key under which a thread's tool results are recorded."""
        return f"{self._base(conversation)}:ledger:{thread}"

    def _prefix(self, conversation: str) -> str:
        return f"{self._base(conversation)}:cp"

    def _build(self, prefix: str) -> BaseCheckpointSaver[Any]:
        from agents.strict import AsyncRedisSaver, JsonPlusSerializer

        # None: no type beside LangGraph's own list of messages and plain values, whatever the environment says.
        serde = JsonPlusSerializer(allowed_msgpack_modules=None)
        saver: BaseCheckpointSaver[Any] = AsyncRedisSaver(self.redis, prefix=prefix, ttl=self.ttl_s, serde=serde)
        return saver
