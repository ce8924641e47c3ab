from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis.exceptions
from redis.asyncio import Redis

from bot.embedded import EmbeddedValkey
from bot.errors import StoreUnavailable
from bot.store import connect, open_store
from config.settings import RedisSettings


async def pid_of(url: str) -> int:
    client: Redis = Redis.from_url(url)
    info = await client.info("server")
    await client.aclose()
    return int(info["process_id"])


async def test_what_was_written_is_there_after_the_server_stopped_and_started_again(tmp_path: Path) -> None:
    async with open_store(RedisSettings(), tmp_path) as store:
        await store.redis.set("key", "value")
    async with open_store(RedisSettings(), tmp_path) as store:
        assert await store.redis.get("key") == "value"


async def test_two_users_of_one_folder_share_one_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    first, second = EmbeddedValkey(tmp_path / "v"), EmbeddedValkey(tmp_path / "v")
    await first.open()
    await second.open()
    pid = await pid_of(first.url)
    assert pid == await pid_of(second.url)
    await first.close()
    assert pid == await pid_of(second.url)
    await second.close()
    with pytest.raises(redis.exceptions.ConnectionError):
        await pid_of(second.url)


async def test_a_server_killed_hard_is_replaced_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    first = EmbeddedValkey(tmp_path / "v")
    await first.open()
    client: Redis = Redis.from_url(first.url)
    await client.set("key", "value")
    await client.aclose()
    os.kill(await pid_of(first.url), signal.SIGKILL)
    second = EmbeddedValkey(tmp_path / "v")
    await second.open()
    client = Redis.from_url(second.url)
    assert await client.get("key") == b"value"
    await client.aclose()
    await first.close()
    await second.close()


async def test_a_folder_with_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30)
    async with open_store(RedisSettings(), folder) as store:
        assert await store.redis.ping()
    assert len(EmbeddedValkey(folder / "valkey").url) < 110


async def test_an_address_where_nothing_answers_is_told_without_its_password() -> None:
    settings = RedisSettings(url="redis://:hush@127.0.0.1:1/0", timeout_s=1)
    with pytest.raises(StoreUnavailable) as caught:
        async with open_store(settings, Path("unused")):
            raise AssertionError
    assert "127.0.0.1:1" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_sentinel_address_names_its_sentinels_and_its_service() -> None:
    client = connect("redis+sentinel://a:26379,b/main/2")
    sentinels = client.connection_pool.sentinel_manager.sentinels  # type: ignore[attr-defined]
    ports = [sentinel.connection_pool.connection_kwargs["port"] for sentinel in sentinels]
    assert ports == [26379, 26379]
    assert client.connection_pool.connection_kwargs["db"] == 2
