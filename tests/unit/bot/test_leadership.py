from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.leadership import Leadership
from bot.process import process_name
from bot.store import Store


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_the_work_of_a_leader_that_lost_its_lease_is_cancelled(store: Store) -> None:
    leader = Leadership(store, "bot", lease_s=0.3)
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    task = asyncio.create_task(leader.lead(work))
    await asyncio.wait_for(began.wait(), 2)
    await store.redis.set(store.keys.shared("leader:bot"), "somebody else")
    await asyncio.wait_for(ended.wait(), 2)
    await asyncio.wait_for(task, 2)
    assert await store.redis.get(store.keys.shared("leader:bot")) == "somebody else"


async def test_the_lease_is_renewed_while_the_work_runs_and_released_after_it(store: Store) -> None:
    leader = Leadership(store, "bot", lease_s=0.3)
    key = store.keys.shared("leader:bot")

    async def work() -> None:
        for _ in range(6):
            await asyncio.sleep(0.15)
            assert await store.redis.get(key) == process_name()

    await asyncio.wait_for(leader.lead(work), 5)
    assert await store.redis.get(key) is None


async def test_a_leader_of_this_machine_that_died_is_succeeded_at_once(store: Store) -> None:
    dead = process_name().rpartition("/")[0] + "/1"
    await store.redis.set(store.keys.shared("leader:bot"), dead, px=600_000)
    began = asyncio.Event()

    async def work() -> None:
        began.set()

    await asyncio.wait_for(Leadership(store, "bot", lease_s=30).lead(work), 1)
    assert began.is_set()


async def test_a_leader_elsewhere_is_waited_for(store: Store) -> None:
    await store.redis.set(store.keys.shared("leader:bot"), "other/pid/1/1", px=400)
    began = asyncio.Event()

    async def work() -> None:
        began.set()

    task = asyncio.create_task(Leadership(store, "bot", lease_s=0.3).lead(work))
    await asyncio.sleep(0.2)
    assert not began.is_set()
    await asyncio.wait_for(task, 2)
    assert began.is_set()
