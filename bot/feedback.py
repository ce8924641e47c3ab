"""What people think of answers: 👍 and 👎, the latest opinion per message counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from redis.asyncio import Redis

Value = Literal["up", "down", "none"]
OPINIONS_MAX = 20_000
"""The oldest opinions make room for new ones."""

# KEYS: a hash of opinions by message, and a sorted set of the messages by time.
# ARGV: message, opinion ('' to withdraw it), milliseconds, how many to keep
RECORD = """
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
local surplus = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[4])
if surplus > 0 then
  for _, message in ipairs(redis.call('ZRANGE', KEYS[2], 0, surplus - 1)) do redis.call('HDEL', KEYS[1], message) end
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, surplus - 1)
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one person thinks of one message; holds no text of the conversation."""

    conversation: str
    message: str
    user: str
    value: Value
    at: datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Feedback:
    """The opinions of all conversations, newest last."""

    def __init__(
        self,
        redis: Redis,
        key: str,
        *,
        clock: Callable[[], datetime] = _utc_now,
        opinions_max: int = OPINIONS_MAX,
    ) -> None:
        """Keep the opinions under Redis keys that begin with `key`; it should carry a hash tag on a cluster."""
        self._redis = redis
        self._keys = [f"{key}:by_message", f"{key}:by_time"]
        self._clock = clock
        self._opinions_max = opinions_max
        self._record = redis.register_script(RECORD)

    async def record(self, *, conversation: str, message: str, user: str, value: Value) -> None:
        """Replace the person's opinion of a message; `none` withdraws it."""
        at = self._clock()
        opinion = {"conversation": conversation, "user": user, "value": value, "at": at.isoformat()}
        text = "" if value == "none" else json.dumps(opinion)
        arguments: list[str | int] = [f"{message} {user}", text, round(at.timestamp() * 1000), self._opinions_max]
        await self._record(keys=self._keys, args=arguments)

    async def recent(self, *, limit: int = 100) -> list[Opinion]:
        """Return the latest opinions, newest first."""
        names = [str(name) for name in await self._redis.zrevrange(self._keys[1], 0, limit - 1)]
        if not names:
            return []
        texts = await self._redis.hmget(self._keys[0], *names)
        return [_read(name, json.loads(text)) for name, text in zip(names, texts, strict=True) if text]

    async def totals(self) -> dict[str, int]:
        """Return how many messages are thought well and ill of."""
        totals = {"up": 0, "down": 0}
        for text in await self._redis.hvals(self._keys[0]):
            totals[json.loads(text)["value"]] += 1
        return totals


def _read(name: str, fields: dict[str, str]) -> Opinion:
    message, _, _ = name.rpartition(" ")
    value: Value = "up" if fields["value"] == "up" else "down"
    return Opinion(
        conversation=fields["conversation"],
        message=message,
        user=fields["user"],
        value=value,
        at=datetime.fromisoformat(fields["at"]),
    )
