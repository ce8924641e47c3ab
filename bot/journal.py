"""The journal of a conversation on Redis: a capped, expiring stream in which each entry appears once."""

from __future__ import annotations

import re
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from channels.errors import Unreachable

ENTRIES_MAX = 500
ENTRY_ID = re.compile(r"\d{1,19}-\d{1,19}")
"""https://redis.io/docs/latest/develop/data-types/streams/#entry-ids"""

# KEYS: the stream, and a hash of the names used so far to the ids of their entries (both of one conversation).
# ARGV: name, entry, how many entries to keep, seconds to keep them
APPEND = """
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then return known end
local id = redis.call('XADD', KEYS[1], '*', 'once', ARGV[1], 'entry', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], id)
while redis.call('XLEN', KEYS[1]) > tonumber(ARGV[3]) do
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  redis.call('HDEL', KEYS[2], oldest[2][2])
  redis.call('XDEL', KEYS[1], oldest[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return id
"""


class RedisJournal:
    """`channels.base.Journal` on Redis; `key(conversation_key, suffix)` names the keys of one hash slot."""

    def __init__(
        self, redis: Redis, key: Callable[[str, str], str], *, ttl_s: float, entries_max: int = ENTRIES_MAX
    ) -> None:
        self._redis = redis
        self._key = key
        self._ttl_s = max(1, round(ttl_s))
        self._entries_max = entries_max
        self._append = redis.register_script(APPEND)

    async def append(self, conversation_key: str, entry: str, *, once: str) -> str:
        """Append `entry` unless one was appended under `once` before; return the entry's id either way.

        Raises:
            Unreachable: the store did not answer; a retry is safe.
        """
        keys = [self._key(conversation_key, "journal"), self._key(conversation_key, "journal.once")]
        try:
            return str(await self._append(keys=keys, args=[once, entry, self._entries_max, self._ttl_s]))
        except (RedisError, OSError) as error:
            raise Unreachable(f"the journal's store does not answer: {error}") from error

    async def read(self, conversation_key: str, *, after: str = "") -> list[tuple[str, str]]:
        """Return (id, entry) of what was appended after the entry `after`, oldest first.

        An `after` that is no entry id reads from the beginning.

        Raises:
            Unreachable: the store did not answer; a retry is safe.
        """
        start = f"({after}" if ENTRY_ID.fullmatch(after) else "-"
        try:
            entries = await self._redis.xrange(self._key(conversation_key, "journal"), min=start)
        except (RedisError, OSError) as error:
            raise Unreachable(f"the journal's store does not answer: {error}") from error
        return [(str(entry_id), str(fields["entry"])) for entry_id, fields in entries or [] if fields]
