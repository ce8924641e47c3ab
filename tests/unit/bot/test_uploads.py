"""Files in the store: whole or not at all, of one conversation, bounded for each person, and not for ever."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.coalescing import CoalescingRedis
from bot.store import Keys, connect
from bot.uploads import PIECE_BYTES, RedisUploads
from channels.errors import RateLimited, TooLarge, Unreachable

KEY, OTHER = "web:default:someone:talk:", "web:default:someone:other:"
LIMIT = 3_000_000


async def stream(content: bytes, step: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(content), step):
        yield content[start : start + step]


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(redis: Redis, clock: Clock) -> RedisUploads:
    return RedisUploads(redis, Keys().of, "test:uploads", bytes_max=lambda: LIMIT, files_max=3, ttl_s=3600, clock=clock)


async def put(uploads: RedisUploads, content: bytes, *, key: str = KEY, owner: str = "someone") -> str:
    upload = await uploads.put(key, "报销.pdf", stream(content), owner=owner, size_max_bytes=2_000_000)
    return upload.id


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 7])
async def test_the_bytes_come_back_as_they_were(uploads: RedisUploads, redis: Redis, size: int) -> None:
    content = os.urandom(size)
    upload_id = await put(uploads, content)
    found = await uploads.find(KEY, upload_id)
    assert found is not None
    assert (found.name, found.size_bytes) == ("报销.pdf", size)
    assert await uploads.read(KEY, upload_id) == content
    key = Keys().of(KEY, f"file.{upload_id}")
    assert all([await redis.hstrlen(key, field) <= 1_000_000 for field in await redis.hkeys(key)])
    assert 0 < await redis.ttl(key) <= 3600


async def test_a_client_that_batches_its_commands_reads_the_same(valkey_url: str, redis: Redis) -> None:
    client = connect(valkey_url)
    assert isinstance(client, CoalescingRedis)
    uploads = RedisUploads(client, Keys().of, "test:uploads", bytes_max=lambda: LIMIT * 10)
    contents = [os.urandom(PIECE_BYTES + number) for number in range(5)]
    ids = await asyncio.gather(*(put(uploads, content) for content in contents))
    assert await asyncio.gather(*(uploads.read(KEY, upload_id) for upload_id in ids)) == contents
    await client.aclose()


async def test_a_file_belongs_to_its_conversation(uploads: RedisUploads) -> None:
    upload_id = await put(uploads, b"mine")
    assert await uploads.find(OTHER, upload_id) is None
    assert await uploads.read(OTHER, upload_id) is None


async def test_of_a_file_that_is_too_large_nothing_is_kept(uploads: RedisUploads, redis: Redis) -> None:
    with pytest.raises(TooLarge) as raised:
        await put(uploads, b"x" * 2_000_001)
    assert raised.value.limit_bytes == 2_000_000
    assert await redis.keys("*file*") == []
    assert await redis.hgetall("test:uploads:someone") == {}


async def test_of_a_file_that_breaks_off_nothing_is_kept(uploads: RedisUploads, redis: Redis) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (PIECE_BYTES + 1)
        raise ConnectionAbortedError

    with pytest.raises(Unreachable):
        await uploads.put(KEY, "a.txt", broken(), owner="someone", size_max_bytes=LIMIT)
    assert await redis.keys("*file*") == []


async def test_one_person_cannot_fill_the_store(uploads: RedisUploads, clock: Clock, redis: Redis) -> None:
    first = await put(uploads, b"x" * 1_600_000)
    with pytest.raises(RateLimited) as raised:
        await put(uploads, b"x" * 1_600_000, key=OTHER)
    assert 0 < raised.value.retry_after_s <= 3600
    assert len(await redis.keys("*file*")) == 1
    await put(uploads, b"x" * 1_600_000, owner="another")
    await uploads.remove(KEY, first, owner="someone")
    await put(uploads, b"x" * 1_600_000)
    for _ in range(2):
        await put(uploads, b"small")
    with pytest.raises(RateLimited):
        await put(uploads, b"one file too many")
    clock.now += 3601
    await put(uploads, b"an hour later")


async def test_a_file_that_a_message_names_is_kept_for_longer(uploads: RedisUploads, redis: Redis) -> None:
    upload_id = await put(uploads, b"named")
    key = Keys().of(KEY, f"file.{upload_id}")
    await redis.expire(key, 5)
    await uploads.keep(KEY, upload_id, owner="someone")
    assert await redis.ttl(key) > 3000
    await uploads.keep(KEY, "no-such-file", owner="someone")


async def test_half_a_file_is_none(uploads: RedisUploads, redis: Redis) -> None:
    upload_id = await put(uploads, b"x" * (PIECE_BYTES * 2))
    await redis.hdel(Keys().of(KEY, f"file.{upload_id}"), "1")
    assert await uploads.read(KEY, upload_id) is None


async def test_a_store_that_is_away_is_unreachable() -> None:
    away = Redis.from_url("unix:///nowhere/valkey.sock", decode_responses=True)
    uploads = RedisUploads(away, Keys().of, "test:uploads", bytes_max=lambda: LIMIT)
    with pytest.raises(Unreachable):
        await put(uploads, b"x")
    with pytest.raises(Unreachable):
        await uploads.read(KEY, "anything")
    await away.aclose()
