from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from bot.store import connect


@pytest.fixture
async def client(redis: Redis, valkey_url: str) -> AsyncIterator[Redis]:
    client = connect(valkey_url)
    yield client
    await client.aclose()


async def test_everybody_gets_their_own_answer(client: Redis) -> None:
    await asyncio.gather(*(client.set(f"key{number}", number) for number in range(500)))
    answers = await asyncio.gather(*(client.get(f"key{number}") for number in range(500)))
    assert answers == [str(number) for number in range(500)]


async def test_an_error_reaches_only_whoever_caused_it(client: Redis) -> None:
    await client.set("text", "x")
    wrong, right, missing = await asyncio.gather(
        client.lpush("text", "1"), client.get("text"), client.evalsha("0" * 40, 0), return_exceptions=True
    )
    assert isinstance(wrong, ResponseError)
    assert right == "x"
    assert isinstance(missing, ResponseError)


async def test_a_script_that_the_server_does_not_know_is_sent_to_it(client: Redis) -> None:
    script = client.register_script("return ARGV[1]")
    assert await asyncio.gather(*(script(args=[number]) for number in range(20))) == [str(n) for n in range(20)]
    await client.script_flush()
    assert await asyncio.gather(*(script(args=[number]) for number in range(20))) == [str(n) for n in range(20)]


async def test_commands_of_one_caller_keep_their_order(client: Redis) -> None:
    async def count(key: str) -> list[int]:
        return [int(await client.incr(key)) for _ in range(50)]

    assert await asyncio.gather(*(count(f"c{number}") for number in range(10))) == [list(range(1, 51))] * 10


async def test_who_waits_for_something_holds_nobody_up(client: Redis) -> None:
    waiting = asyncio.create_task(client.blpop(["queue"], timeout=5))
    reading = asyncio.create_task(client.xread({"stream": "0-0"}, block=3000))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(asyncio.gather(*(client.ping() for _ in range(20))), 1)
    await asyncio.gather(client.lpush("queue", "now"), client.xadd("stream", {"a": "1"}))
    assert await asyncio.wait_for(waiting, 1) == ("queue", "now")
    assert await asyncio.wait_for(reading, 1)


async def test_who_gives_up_takes_nobody_else_along(client: Redis) -> None:
    tasks = [asyncio.create_task(client.incr("n")) for _ in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[3], asyncio.CancelledError)
    assert all(isinstance(outcome, int) for number, outcome in enumerate(outcomes) if number != 3)


async def test_a_server_that_is_away_is_told_to_all(tmp_path: Path) -> None:
    client = connect(f"unix://{tmp_path}/nobody.sock", timeout_s=1)
    outcomes = await asyncio.gather(*(client.ping() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, RedisConnectionError) for outcome in outcomes)
    await client.aclose()
