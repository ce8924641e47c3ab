"""Memory on Redis or Valkey: two keys a conversation, one round trip to recall.

`<memory>` is a list of messages, the oldest first: those that wait to be summarised, then the recent ones. Each is a
JSON array [role, text, seconds since 1970, limits]; what is not there is left out. `<summary>` is a hash: `text`,
`access` (its limits, where it has any), `total` (messages ever appended) and `born` (a random number of this memory, so
that a summary of what was forgotten meanwhile is never stored).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from agents.base import Write
from agents.limits import Plain, plain, restored
from agents.memory.window import begin
from agents.types import RecalledMessage, Recollection, Role
from config.assistant import MemorySettings
from knowledge.types import Access

WAITING_MAX = 200
"""Messages that may wait to be summarised; when the summary keeps failing, the oldest of them are dropped."""

_ROLES: dict[str, Role] = {"s": "system", "u": "user", "a": "assistant"}
_SECONDS_A_DAY = 86_400
_BORN_BITS = 40
_TOTAL_BITS = 40

# Joined on the server: one text is cheaper to carry and to parse than twenty.
_RECALL = """
local recent = redis.call('LRANGE', KEYS[1], -tonumber(ARGV[1]), -1)
return {table.concat(recent, ','), redis.call('HMGET', KEYS[2], 'text', 'access')}
"""

# `window.tokens` is never above 0.34 a byte: recent messages that fit by that measure need not be sent.
_UNSUMMARISED = """
local count, budget = tonumber(ARGV[1]), tonumber(ARGV[2])
local length, size, recent = redis.call('LLEN', KEYS[1]), 0, {}
if count > 0 then recent = redis.call('LRANGE', KEYS[1], -count, -1) end
for _, message in ipairs(recent) do size = size + 0.34 * #message + 1 end
local whole = size > budget
local messages = redis.call('LRANGE', KEYS[1], 0, whole and -1 or -count - 1)
local born, total = unpack(redis.call('HMGET', KEYS[2], 'born', 'total'))
return {born, tonumber(total or 0) - length, whole and 1 or 0, table.concat(messages, ',')}
"""

_SUMMARISE = """
local born, total = unpack(redis.call('HMGET', KEYS[2], 'born', 'total'))
if born ~= ARGV[1] or tonumber(total) - redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'text', ARGV[3])
if ARGV[5] == '' then redis.call('HDEL', KEYS[2], 'access') else redis.call('HSET', KEYS[2], 'access', ARGV[5]) end
redis.call('LTRIM', KEYS[1], ARGV[4], -1)
return 1
"""


class RedisMemory:
    """What conversations are remembered of; `key` names a conversation's keys, all in one slot of a cluster.

    Errors of the connection are redis-py's own.
    """

    def __init__(self, redis: Redis, key: Callable[[str, str], str]) -> None:
        self._redis = redis
        self._key = key
        self._recall = redis.register_script(_RECALL)
        self._unsummarised = redis.register_script(_UNSUMMARISED)
        self._summarise = redis.register_script(_SUMMARISE)

    async def recall(self, conversation: str, settings: MemorySettings) -> Recollection:
        """Return the last messages within the settings' count and token budget, and the summary."""
        if settings.messages == 0:
            found, kept = "", await self._redis.hmget(self._key(conversation, "summary"), "text", "access")
        else:
            found, kept = await self._recall(keys=self._keys(conversation), args=[settings.messages])
        messages = _decode(found)
        recent = tuple(messages[begin(messages, settings) :])
        if not settings.summary:
            return Recollection(messages=recent)
        summary, limits = map(_text, kept)
        return Recollection(
            messages=recent, summary=summary, summary_access=restored(json.loads(limits)) if limits else ()
        )

    def appending(
        self, conversation: str, messages: Sequence[RecalledMessage], settings: MemorySettings
    ) -> list[Write]:
        """Return the Redis commands that append `messages` and renew the expiry; none where nothing is kept."""
        kept = settings.messages + (WAITING_MAX if settings.summary else 0)
        if not messages or not kept:
            return []
        memory, summary = self._keys(conversation)
        expire_s = max(1, round(settings.expire_days * _SECONDS_A_DAY))
        return [
            ("RPUSH", memory, *(_encode(message) for message in messages)),
            ("LTRIM", memory, -kept, -1),
            ("HSETNX", summary, "born", secrets.randbits(_BORN_BITS)),
            ("HINCRBY", summary, "total", len(messages)),
            ("EXPIRE", memory, expire_s),
            ("EXPIRE", summary, expire_s),
        ]

    async def append(self, conversation: str, messages: Sequence[RecalledMessage], settings: MemorySettings) -> None:
        """Append at once."""
        if writes := self.appending(conversation, messages, settings):
            async with self._redis.pipeline(transaction=True) as pipeline:
                for write in writes:
                    pipeline.execute_command(*write)
                await pipeline.execute()

    async def unsummarised(
        self, conversation: str, settings: MemorySettings
    ) -> tuple[int, tuple[RecalledMessage, ...]]:
        """Return the summary's version and the messages that have left the recent window and wait to be summarised."""
        if not settings.summary:
            return 0, ()
        born, first, whole, found = await self._unsummarised(
            keys=self._keys(conversation), args=[settings.messages, settings.tokens]
        )
        messages = _decode(found)
        if whole:
            messages = messages[: begin(messages, settings)]
        return (int(born or 0) << _TOTAL_BITS) + first, tuple(messages)

    async def summarise(
        self, conversation: str, summary: str, *, covers: int, version: int, access: Sequence[Access] = ()
    ) -> bool:
        """Replace the summary, dropping the `covers` oldest messages.

        False, and nothing changes, where the oldest messages are no longer those of `version`: another did it,
        the conversation was forgotten, or too many waited.
        """
        born, first = version >> _TOTAL_BITS, version & ((1 << _TOTAL_BITS) - 1)
        limits = _json(plain(access)) if access else ""
        return bool(await self._summarise(keys=self._keys(conversation), args=[born, first, summary, covers, limits]))

    async def forget(self, conversation: str) -> None:
        """Forget everything of the conversation."""
        await self._redis.delete(*self._keys(conversation))

    def _keys(self, conversation: str) -> tuple[str, str]:
        return self._key(conversation, "memory"), self._key(conversation, "summary")


def _encode(message: RecalledMessage) -> str:
    fields: list[Any] = [message.role[0], message.text]
    if message.at is not None or message.access:
        fields.append(round(message.at.timestamp(), 3) if message.at else None)
    if message.access:
        fields.append(plain(message.access))
    return _json(fields)


def _decode(joined: str | bytes) -> list[RecalledMessage]:
    return [_message(*fields) for fields in json.loads(f"[{_text(joined)}]")]


def _message(role: str, text: str, at: float | None = None, limits: Plain | None = None) -> RecalledMessage:
    return RecalledMessage(
        role=_ROLES[role],
        text=text,
        at=None if at is None else datetime.fromtimestamp(at, UTC),
        access=restored(limits) if limits else (),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(stored: str | bytes | None) -> str:
    return stored.decode() if isinstance(stored, bytes) else stored or ""
