"""The small durable store of a channel account, on Redis."""

from __future__ import annotations

from bot.store import Store


class RedisState:
    """`channels.base.State`: strings with an expiry, kept apart by channel account."""

    def __init__(self, store: Store, channel: str, account: str) -> None:
        self._redis = store.redis
        self._prefix = store.keys.shared(f"state:{channel}.{account}")

    async def get(self, key: str) -> str | None:
        """Return the value, or None where there is none or it has expired."""
        value = await self._redis.get(f"{self._prefix}:{key}")
        return None if value is None else str(value)

    async def set(self, key: str, value: str, *, ttl_s: float) -> None:
        """Store `value` for `ttl_s` seconds."""
        await self._redis.set(f"{self._prefix}:{key}", value, px=max(1, int(ttl_s * 1000)))

    async def delete(self, key: str) -> None:
        """Forget the key."""
        await self._redis.delete(f"{self._prefix}:{key}")
