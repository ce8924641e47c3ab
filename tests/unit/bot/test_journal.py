"""The journal: each entry once, in order, capped, expiring, and read on from any place."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from bot.journal import RedisJournal
from bot.store import Keys
from channels.errors import Unreachable

KEY = "web:default:someone:talk:"


@pytest.fixture
def journal(redis: Redis) -> RedisJournal:
    return RedisJournal(redis, Keys().of, ttl_s=60, entries_max=5)


async def test_entries_are_read_in_the_order_they_were_appended(journal: RedisJournal) -> None:
    ids = [await journal.append(KEY, f"entry {number}", once=f"{number}") for number in range(3)]
    assert await journal.read(KEY) == [(ids[number], f"entry {number}") for number in range(3)]


async def test_reading_on_returns_only_what_came_after(journal: RedisJournal) -> None:
    first = await journal.append(KEY, "one", once="1")
    await journal.append(KEY, "two", once="2")
    assert [entry for _, entry in await journal.read(KEY, after=first)] == ["two"]


async def test_the_same_name_is_appended_once_even_at_the_same_time(journal: RedisJournal) -> None:
    ids = await asyncio.gather(*(journal.append(KEY, f"try {number}", once="answer") for number in range(10)))
    assert len(set(ids)) == 1
    assert len(await journal.read(KEY)) == 1


async def test_the_oldest_entries_make_room_and_their_names_are_forgotten(journal: RedisJournal, redis: Redis) -> None:
    for number in range(8):
        await journal.append(KEY, f"entry {number}", once=f"{number}")
    assert [entry for _, entry in await journal.read(KEY)] == [f"entry {number}" for number in range(3, 8)]
    assert sorted(await redis.hkeys(Keys().of(KEY, "journal.once"))) == ["3", "4", "5", "6", "7"]


async def test_a_silent_conversation_expires_whole(journal: RedisJournal, redis: Redis) -> None:
    await journal.append(KEY, "entry", once="1")
    keys = await redis.keys("*")
    assert len(keys) == 2
    assert [0 < await redis.ttl(key) <= 60 for key in keys] == [True, True]


@pytest.mark.parametrize("after", ["", "nonsense", "1-", "(1-1", "9" * 30 + "-1"])
async def test_a_place_that_is_no_entry_id_reads_from_the_beginning(journal: RedisJournal, after: str) -> None:
    await journal.append(KEY, "entry", once="1")
    assert [entry for _, entry in await journal.read(KEY, after=after)] == ["entry"]


async def test_conversations_are_kept_apart(journal: RedisJournal) -> None:
    await journal.append(KEY, "mine", once="1")
    assert await journal.read("web:default:another:talk:") == []


async def test_a_store_that_is_away_is_unreachable_and_may_be_tried_again() -> None:
    away = Redis.from_url("unix:///nowhere/valkey.sock", decode_responses=True)
    journal = RedisJournal(away, Keys().of, ttl_s=60)
    with pytest.raises(Unreachable) as raised:
        await journal.append(KEY, "entry", once="1")
    assert raised.value.retryable
    with pytest.raises(Unreachable):
        await journal.read(KEY)
    await away.aclose()
