"""What every MemoryStore promises, on a real server. A new implementation joins by one line in `memory`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from agents.base import MemoryStore
from agents.memory.redis import WAITING_MAX, RedisMemory
from agents.memory.window import tokens
from agents.types import RecalledMessage
from config.assistant import MemorySettings
from knowledge.types import Access

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
SETTINGS = MemorySettings(messages=4)


def key(conversation: str, suffix: str) -> str:
    return f"test:{{p0}}:c:{conversation}:{suffix}"


@pytest.fixture
def memory(redis: Redis) -> MemoryStore:
    return RedisMemory(redis, key)


def said(*texts: str) -> list[RecalledMessage]:
    roles = ("user", "assistant")
    return [
        RecalledMessage(role=roles[index % 2], text=text, at=AT + timedelta(seconds=index))
        for index, text in enumerate(texts)
    ]


def numbered(first: int, last: int) -> list[RecalledMessage]:
    return said(*(str(number) for number in range(first, last + 1)))


async def texts(memory: MemoryStore, conversation: str = "a", settings: MemorySettings = SETTINGS) -> list[str]:
    return [message.text for message in (await memory.recall(conversation, settings)).messages]


async def test_nothing_is_known_of_a_new_conversation(memory: MemoryStore) -> None:
    recalled = await memory.recall("a", SETTINGS)
    assert (recalled.messages, recalled.summary) == ((), "")
    assert (await memory.unsummarised("a", SETTINGS))[1] == ()


async def test_messages_come_back_as_they_were_the_oldest_first(memory: MemoryStore) -> None:
    messages = [*said('Hi "you"\n— \u2028 你好 🙂'), RecalledMessage(role="system", text="")]
    await memory.append("a", messages, SETTINGS)
    assert list((await memory.recall("a", SETTINGS)).messages) == messages


async def test_limits_come_back_as_they_were_and_cost_nothing_where_there_are_none(
    memory: MemoryStore, redis: Redis
) -> None:
    limits = (
        Access(roles=frozenset({"hr", "人事"})),
        Access(roles=frozenset({"board"}), conversations=frozenset({"telegram:default:-1"})),
    )
    messages = [
        *said("open"),
        RecalledMessage(role="user", text="limited", access=limits),
        RecalledMessage(role="assistant", text="limited", at=AT, access=limits[:1]),
    ]
    await memory.append("a", messages, SETTINGS)
    assert list((await memory.recall("a", SETTINGS)).messages) == messages
    assert "[]" not in str(await redis.lrange(key("a", "memory"), 0, 0))


async def test_messages_of_an_older_form_stay_readable(memory: MemoryStore, redis: Redis) -> None:
    await memory.append("a", said("new"), SETTINGS)
    await redis.lpush(key("a", "memory"), '["u","older"]', f'["a","old",{AT.timestamp()}]')
    recalled = (await memory.recall("a", SETTINGS)).messages
    assert [(one.text, one.at, one.access) for one in recalled] == [
        ("old", AT, ()),
        ("older", None, ()),
        ("new", AT, ()),
    ]


@pytest.mark.parametrize("count", [4, 0])
async def test_a_summary_has_the_limits_of_what_it_covers_until_the_next(memory: MemoryStore, count: int) -> None:
    shown = MemorySettings(messages=count)
    limit = Access(roles=frozenset({"hr"}))
    for access in ((limit,), ()):
        await memory.append("a", numbered(1, 6), SETTINGS)
        version, waiting = await memory.unsummarised("a", SETTINGS)
        assert await memory.summarise("a", "short", covers=len(waiting), version=version, access=access)
        recalled = await memory.recall("a", shown)
        assert (recalled.summary, recalled.summary_access) == ("short", access)
    await memory.forget("a")
    assert (await memory.recall("a", shown)).summary_access == ()


async def test_conversations_are_kept_apart(memory: MemoryStore) -> None:
    await memory.append("a", said("of a"), SETTINGS)
    await memory.append("b", said("of b"), SETTINGS)
    assert await texts(memory, "a") == ["of a"]
    await memory.forget("a")
    assert await texts(memory, "a") == []
    assert await texts(memory, "b") == ["of b"]


async def test_only_the_last_messages_are_recalled(memory: MemoryStore) -> None:
    await memory.append("a", numbered(1, 7), SETTINGS)
    assert await texts(memory) == ["4", "5", "6", "7"]
    assert await texts(memory, settings=MemorySettings(messages=0)) == []


async def test_the_oldest_give_way_to_the_token_budget(memory: MemoryStore) -> None:
    narrow = MemorySettings(messages=10, tokens=100)
    await memory.append("a", said("old", "字" * 55, "x" * 160, "last" * 5), narrow)
    assert await texts(memory, settings=narrow) == ["字" * 55, "x" * 160, "last" * 5]
    await memory.append("a", said("字" * 60), narrow)
    assert await texts(memory, settings=narrow) == ["last" * 5, "字" * 60]


async def test_what_left_the_window_waits_to_be_summarised(memory: MemoryStore) -> None:
    await memory.append("a", numbered(1, 6), SETTINGS)
    version, waiting = await memory.unsummarised("a", SETTINGS)
    assert [message.text for message in waiting] == ["1", "2"]
    assert await memory.summarise("a", "one and two", covers=2, version=version)
    recalled = await memory.recall("a", SETTINGS)
    assert recalled.summary == "one and two"
    assert [message.text for message in recalled.messages] == ["3", "4", "5", "6"]
    assert (await memory.unsummarised("a", SETTINGS))[1] == ()


async def test_what_the_token_budget_pushed_out_waits_too(memory: MemoryStore) -> None:
    narrow = MemorySettings(messages=4, tokens=100)
    await memory.append("a", [*numbered(1, 2), *said("字" * 99)], narrow)
    assert await texts(memory, settings=narrow) == ["2", "字" * 99]
    _, waiting = await memory.unsummarised("a", narrow)
    assert [message.text for message in waiting] == ["1"]


async def test_of_two_summaries_of_the_same_messages_one_is_taken(memory: MemoryStore) -> None:
    await memory.append("a", numbered(1, 6), SETTINGS)
    version, waiting = await memory.unsummarised("a", SETTINGS)
    taken = await asyncio.gather(
        *(memory.summarise("a", f"summary {n}", covers=len(waiting), version=version) for n in range(5))
    )
    assert sorted(taken) == [False, False, False, False, True]
    assert await texts(memory) == ["3", "4", "5", "6"]


async def test_messages_that_arrive_meanwhile_are_neither_lost_nor_covered(memory: MemoryStore) -> None:
    await memory.append("a", numbered(1, 6), SETTINGS)
    version, waiting = await memory.unsummarised("a", SETTINGS)
    await memory.append("a", numbered(7, 8), SETTINGS)
    assert await memory.summarise("a", "one and two", covers=len(waiting), version=version)
    _, waiting = await memory.unsummarised("a", SETTINGS)
    assert [message.text for message in waiting] == ["3", "4"]


async def test_a_summary_of_what_was_forgotten_is_not_stored(memory: MemoryStore) -> None:
    await memory.append("a", numbered(1, 6), SETTINGS)
    version, waiting = await memory.unsummarised("a", SETTINGS)
    await memory.forget("a")
    assert not await memory.summarise("a", "a secret", covers=len(waiting), version=version)
    await memory.append("a", numbered(1, 6), SETTINGS)
    assert not await memory.summarise("a", "a secret", covers=len(waiting), version=version)
    assert (await memory.recall("a", SETTINGS)).summary == ""


async def test_without_a_summary_nothing_waits_and_none_is_recalled(memory: MemoryStore) -> None:
    plain = MemorySettings(messages=2, summary=False)
    await memory.append("a", numbered(1, 6), plain)
    assert (await memory.unsummarised("a", plain))[1] == ()
    assert await texts(memory, settings=MemorySettings(messages=10)) == ["5", "6"]


async def test_how_much_may_wait_is_bounded(memory: MemoryStore) -> None:
    for start in range(0, 400, 50):
        await memory.append("a", numbered(start, start + 49), SETTINGS)
    version, waiting = await memory.unsummarised("a", SETTINGS)
    assert len(waiting) == WAITING_MAX
    assert waiting[-1].text == "395"
    await memory.append("a", numbered(400, 409), SETTINGS)
    assert not await memory.summarise("a", "of what was dropped", covers=len(waiting), version=version)


async def test_every_write_renews_the_expiry_of_all_that_is_kept(memory: MemoryStore, redis: Redis) -> None:
    brief = MemorySettings(expire_days=1)
    await memory.append("a", numbered(1, 2), brief)
    keys = await redis.keys("*")
    assert keys
    for name in keys:
        await redis.expire(name, 10)
    await memory.append("a", numbered(3, 3), brief)
    assert {await redis.ttl(name) for name in await redis.keys("*")} <= {86_400, 86_399}


async def test_a_summary_expires_with_its_conversation(memory: MemoryStore, redis: Redis) -> None:
    await memory.append("a", numbered(1, 6), SETTINGS)
    version, waiting = await memory.unsummarised("a", SETTINGS)
    await memory.summarise("a", "short", covers=len(waiting), version=version)
    assert all([await redis.ttl(name) > 0 for name in await redis.keys("*")])


async def test_forgetting_leaves_nothing_behind(memory: MemoryStore, redis: Redis) -> None:
    await memory.append("a", numbered(1, 6), SETTINGS)
    await memory.forget("a")
    assert await redis.keys("*") == []


async def test_the_commands_for_a_script_do_what_append_does(memory: MemoryStore, redis: Redis) -> None:
    writes = memory.appending("a", numbered(1, 6), SETTINGS)
    assert all("{p0}" in str(write[1]) for write in writes)
    for write in writes:
        await redis.execute_command(*write)
    assert await texts(memory) == ["3", "4", "5", "6"]
    _, waiting = await memory.unsummarised("a", SETTINGS)
    assert [message.text for message in waiting] == ["1", "2"]
    assert memory.appending("a", [], SETTINGS) == []
    assert memory.appending("a", numbered(1, 2), MemorySettings(messages=0, summary=False)) == []


async def test_without_recent_messages_everything_goes_into_the_summary(memory: MemoryStore) -> None:
    none = MemorySettings(messages=0)
    await memory.append("a", numbered(1, 2), none)
    version, waiting = await memory.unsummarised("a", none)
    assert [message.text for message in waiting] == ["1", "2"]
    assert await memory.summarise("a", "both", covers=2, version=version)
    assert (await memory.recall("a", none)).summary == "both"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_tokens_are_about_one_a_wide_character_and_a_quarter_for_others(text: str) -> None:
    count = tokens(text)
    assert len(text) / 4 <= count <= len(text) + 1
    assert (count == 0) == (text == "")
    assert count <= 0.34 * len(text.encode("utf-8", "surrogatepass")) + 1


def test_tokens_of_chinese_english_and_both() -> None:
    assert [tokens(text) for text in ("字" * 10, "word" * 10, "字" * 10 + "word" * 10)] == [10, 10, 20]
