"""What every family of lanes promises, on one partition and on several."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from redis.asyncio import Redis

from bot.errors import LaneLost
from bot.lanes import Claim, Lanes, Outgoing
from bot.store import Keys, Store


@pytest.fixture(params=[1, 4], ids=["one partition", "four partitions"])
def store(redis: Redis, request: pytest.FixtureRequest) -> Store:
    return Store(redis=redis, keys=Keys(prefix="test", partitions=request.param))


@pytest.fixture
def lanes(store: Store) -> Lanes:
    return Lanes(store, "in", lease_s=0.3)


async def put(lanes: Lanes, conversation: str, payload: str, *, once: str = "", depth: int = 0) -> str:
    return (await lanes.append(conversation, payload, once=once, remember_s=60, depth=depth)).acceptance


async def claim_all(lanes: Lanes, count: int = 10) -> list[Claim]:
    return [claim for partition in lanes.partitions for claim in await lanes.claim(partition, count=count)]


async def claim_one(lanes: Lanes) -> Claim:
    (claim,) = await claim_all(lanes)
    return claim


async def test_a_message_seen_before_is_a_duplicate_and_stands_in_the_lane_once(lanes: Lanes) -> None:
    assert [await put(lanes, "a", "hello", once="m1") for _ in range(3)] == ["accepted", "duplicate", "duplicate"]
    claim = await claim_one(lanes)
    await lanes.finish(claim)
    assert await put(lanes, "a", "hello", once="m1") == "duplicate"
    assert await claim_all(lanes) == []


async def test_a_full_lane_is_busy_and_the_refused_message_may_come_again(lanes: Lanes) -> None:
    assert [await put(lanes, "a", str(n), once=str(n), depth=2) for n in range(3)] == ["accepted", "accepted", "busy"]
    await lanes.finish(await claim_one(lanes))
    assert await put(lanes, "a", "2", once="2", depth=2) == "accepted"


async def test_one_reader_at_a_time_and_the_order_is_kept(lanes: Lanes) -> None:
    for number in range(3):
        await put(lanes, "a", str(number))
    seen = []
    for _ in range(3):
        claim = await claim_one(lanes)
        assert await claim_all(lanes) == []
        seen.append(claim.payload)
        await lanes.finish(claim)
    assert seen == ["0", "1", "2"]


async def test_lanes_are_independent(lanes: Lanes) -> None:
    for conversation in "abcdef":
        await put(lanes, conversation, conversation)
    assert sorted(claim.payload for claim in await claim_all(lanes)) == list("abcdef")


async def test_an_expired_lease_passes_on_and_its_former_reader_changes_nothing(lanes: Lanes, redis: Redis) -> None:
    await put(lanes, "a", "hello")
    stalled = await claim_one(lanes)
    await lanes.note(stalled, "half way")
    await asyncio.sleep(0.35)
    successor = await claim_one(lanes)
    assert (successor.attempt, successor.note) == (2, "half way")
    assert successor.fence > stalled.fence
    key = f"{lanes._keys.base(stalled.partition)}:written"
    with pytest.raises(LaneLost):
        await lanes.finish(stalled, outgoing=[Outgoing(lanes="out", payload="twice")], writes=[("SET", key, "1")])
    with pytest.raises(LaneLost):
        await lanes.note(stalled, "x")
    with pytest.raises(LaneLost):
        await lanes.put_back(stalled)
    assert await redis.exists(key) == 0
    await lanes.finish(successor)
    assert await claim_all(lanes) == []


async def test_a_renewed_lease_is_kept_and_a_lost_one_is_told(lanes: Lanes) -> None:
    await put(lanes, "a", "1")
    await put(lanes, "b", "2")
    kept, lost = await claim_all(lanes)
    for _ in range(4):
        await asyncio.sleep(0.15)
        assert await lanes.renew([kept]) == []
    (taken,) = await claim_all(lanes)
    assert taken.conversation == lost.conversation
    assert await lanes.renew([kept, lost]) == [lost]


async def test_a_finish_does_all_of_it_in_one_step(lanes: Lanes, store: Store, redis: Redis) -> None:
    for text in ("1", "2", "3"):
        await put(lanes, "a", text)
    claim = await claim_one(lanes)
    key = store.keys.of("a", "memory")
    await lanes.finish(
        claim,
        taken=2,
        outgoing=[Outgoing(lanes="out.x", payload="answer 1"), Outgoing(lanes="out.x", payload="answer 2")],
        writes=[("RPUSH", key, "question", "answer"), ("EXPIRE", key, 100)],
        dead="letter",
    )
    outbox = Lanes(store, "out.x", lease_s=1)
    first = await claim_one(outbox)
    assert await outbox.peek(first, 5) == ["answer 1", "answer 2"]
    assert await redis.lrange(key, 0, -1) == ["question", "answer"]
    assert await lanes.dead_letters() == ["letter"]
    assert (await claim_one(lanes)).payload == "3"


async def test_a_lane_put_back_keeps_its_order_and_comes_back_after_its_delay(lanes: Lanes) -> None:
    await put(lanes, "a", "1")
    claim = await claim_one(lanes)
    await lanes.put_back(claim, delay_s=0.2, count=False)
    await put(lanes, "a", "2")
    assert await claim_all(lanes) == []
    await asyncio.sleep(0.25)
    again = await claim_one(lanes)
    assert (again.payload, again.attempt) == ("1", 1)
    await lanes.put_back(again)
    assert (await claim_one(lanes)).attempt == 2


async def test_waiting_ends_at_once_when_a_lane_becomes_ready(lanes: Lanes, store: Store) -> None:
    partition = store.keys.partition_of("a")
    waiting = asyncio.create_task(lanes.wait(partition))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await put(lanes, "a", "1")
    await asyncio.wait_for(waiting, 0.5)


async def test_an_idle_lane_leaves_nothing_behind(lanes: Lanes, redis: Redis) -> None:
    await put(lanes, "a", "1")
    await lanes.finish(await claim_one(lanes))
    assert [key for key in await redis.keys("*") if ":a" in key] == []


async def test_many_readers_lose_and_double_nothing(lanes: Lanes) -> None:
    total = 300
    for number in range(total):
        await put(lanes, f"c{number % 7}", str(number))
    seen: dict[str, list[int]] = defaultdict(list)

    async def read() -> None:
        while sum(map(len, seen.values())) < total:
            for claim in await claim_all(lanes, count=2):
                await asyncio.sleep(0)
                seen[claim.conversation].append(int(claim.payload))
                await lanes.finish(claim)

    await asyncio.wait_for(asyncio.gather(*(read() for _ in range(5))), 20)
    assert sorted(number for numbers in seen.values() for number in numbers) == list(range(total))
    assert all(numbers == sorted(numbers) for numbers in seen.values())


async def test_depth_and_counts_show_what_waits(lanes: Lanes) -> None:
    await put(lanes, "a", "1")
    await put(lanes, "a", "2")
    await put(lanes, "b", "3")
    assert await lanes.depth("a") == (2, False)
    await claim_all(lanes)
    assert await lanes.depth("a") == (2, True)
    assert await lanes.counts() == {"ready": 0, "leased": 2, "dead": 0}
