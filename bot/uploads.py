"""Files that people send in the web chat, on Redis: any worker can read them, and they expire.

A file is one hash in the slot of its conversation: its pieces, and last its name and size, so that half a file is none.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import RedisError

from channels.errors import RateLimited, TooLarge, Unreachable
from channels.types import Upload

PIECE_BYTES = 512 * 1024
KEPT_S = 3600.0
FILES_MAX = 100

# How much one person has stored: a hash of file id to "size:expiry".
# KEYS: that hash. ARGV: file, its size so far, now, seconds to keep, most files, most bytes.
# Returns 0, or after how many seconds there is room again.
RESERVE = """
local now, files, bytes, first = tonumber(ARGV[3]), 1, tonumber(ARGV[2]), nil
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  local size, expiry = string.match(known[i + 1], '^(%d+):(%d+)$')
  if tonumber(expiry) <= now then
    redis.call('HDEL', KEYS[1], known[i])
  elseif known[i] ~= ARGV[1] then
    files, bytes = files + 1, bytes + tonumber(size)
    first = math.min(first or tonumber(expiry), tonumber(expiry))
  end
end
if first and (files > tonumber(ARGV[5]) or bytes > tonumber(ARGV[6])) then return math.max(1, first - now) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. (now + tonumber(ARGV[4])))
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 0
"""


class RedisUploads:
    """`channels.base.Uploads` on Redis; `key(conversation_key, suffix)` names the keys of one hash slot."""

    def __init__(
        self,
        redis: Redis,
        key: Callable[[str, str], str],
        owners: str,
        *,
        bytes_max: Callable[[], int],
        files_max: int = FILES_MAX,
        ttl_s: float = KEPT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`owners`: what the keys begin with that count what each person has stored, `bytes_max` at most."""
        self._redis = redis
        self._key = key
        self._owners = owners
        self._bytes_max = bytes_max
        self._files_max = files_max
        self._ttl_s = max(1, round(ttl_s))
        self._clock = clock
        self._reserve = redis.register_script(RESERVE)

    async def put(
        self, conversation_key: str, name: str, pieces: AsyncIterable[bytes], *, owner: str, size_max_bytes: int
    ) -> Upload:
        """Store a file as it comes in, and return it once all of it is durable.

        Raises:
            TooLarge: it is larger than `size_max_bytes`; nothing of it is kept.
            RateLimited: this person has stored too much already.
            Unreachable: the store did not answer.
        """
        upload_id = secrets.token_hex(16)
        key, complete = self._of(conversation_key, upload_id), False
        try:
            with _reachable():
                size = await self._write(key, upload_id, pieces, owner, size_max_bytes)
                await self._redis.hset(key, mapping={"name": name, "size": size})
                await self._redis.expire(key, self._ttl_s)
            complete = True
        finally:
            if not complete:
                with suppress(Unreachable):  # then it expires
                    await self.remove(conversation_key, upload_id, owner=owner)
        return Upload(id=upload_id, name=name, size_bytes=size)

    async def find(self, conversation_key: str, upload_id: str) -> Upload | None:
        """Return a file of the conversation, or None where it has none of that id (any more).

        Raises:
            Unreachable: the store did not answer.
        """
        with _reachable():
            name, size = await self._redis.hmget(self._of(conversation_key, upload_id), ["name", "size"])
        return None if size is None else Upload(id=upload_id, name=str(name), size_bytes=int(size))

    async def keep(self, conversation_key: str, upload_id: str, *, owner: str) -> None:
        """Let a file expire anew from now on.

        Raises:
            Unreachable: the store did not answer.
        """
        upload = await self.find(conversation_key, upload_id)
        if upload is None:
            return
        with _reachable():
            if await self._room(owner, upload_id, upload.size_bytes) == 0:
                await self._redis.expire(self._of(conversation_key, upload_id), self._ttl_s)

    async def read(self, conversation_key: str, upload_id: str) -> bytes | None:
        """Return the bytes of a file, or None where they are gone.

        Raises:
            Unreachable: the store did not answer.
        """
        upload = await self.find(conversation_key, upload_id)
        if upload is None:
            return None
        content = bytearray()
        with _reachable():
            async for piece in self._pieces(self._of(conversation_key, upload_id)):
                content += piece
        return bytes(content) if len(content) == upload.size_bytes else None

    async def remove(self, conversation_key: str, upload_id: str, *, owner: str) -> None:
        """Forget a file that was not sent after all.

        Raises:
            Unreachable: the store did not answer.
        """
        with _reachable():
            await self._redis.unlink(self._of(conversation_key, upload_id))
            await self._redis.hdel(f"{self._owners}:{owner}", upload_id)

    async def _write(
        self, key: str, upload_id: str, pieces: AsyncIterable[bytes], owner: str, size_max_bytes: int
    ) -> int:
        size = 0
        async for number, piece in _numbered(_regrouped(pieces)):
            size += len(piece)
            if size > size_max_bytes:
                raise TooLarge(limit_bytes=size_max_bytes)
            wait_s = await self._room(owner, upload_id, size)
            if wait_s:
                raise RateLimited("too many files within the hour", retry_after_s=wait_s)
            await self._redis.hset(key, str(number), piece)
            await self._redis.expire(key, self._ttl_s)
        return size

    async def _room(self, owner: str, upload_id: str, size: int) -> int:
        """Count the file as so large; return 0, or after how many seconds there is room for it."""
        args: list[str | int] = [upload_id, size, int(self._clock()), self._ttl_s, self._files_max, self._bytes_max()]
        return int(await self._reserve(keys=[f"{self._owners}:{owner}"], args=args))

    async def _pieces(self, key: str) -> AsyncIterator[bytes]:
        number = 0
        while True:
            # One at a time, so that nobody else waits long; never decoded, for it is no text.
            options: dict[str, Any] = {NEVER_DECODE: True}
            piece = await self._redis.execute_command("HGET", key, str(number), **options)  # type: ignore[no-untyped-call]
            if piece is None:
                return
            yield piece
            number += 1

    def _of(self, conversation_key: str, upload_id: str) -> str:
        return self._key(conversation_key, f"file.{upload_id}")


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unreachable(f"the store of files does not answer: {error}") from error


async def _regrouped(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the same bytes in pieces of `PIECE_BYTES`; the last one is shorter."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)


async def _numbered(pieces: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    number = 0
    async for piece in pieces:
        yield number, piece
        number += 1
