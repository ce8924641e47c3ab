"""API keys: shown once, hashed at rest, one per application, void when revoked."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.keys import ApiKeys, KeyNameTaken


@pytest.fixture
def keys(redis: Redis) -> ApiKeys:
    return ApiKeys(redis, "parley:api_keys")


async def test_a_key_identifies_its_application(keys: ApiKeys) -> None:
    secret = await keys.create("shop")
    found = await keys.check(secret.get_secret_value())
    assert found is not None
    assert found.name == "shop"


async def test_the_secret_has_256_bits_and_is_nowhere_in_the_store(keys: ApiKeys, redis: Redis) -> None:
    secret = (await keys.create("shop")).get_secret_value()
    assert secret.startswith("pk-parley-")
    random_part = secret.rpartition("-")[2]
    assert len(bytes.fromhex(random_part)) == 32
    assert random_part not in str(await redis.hgetall("parley:api_keys"))


async def test_wrong_keys_are_refused(keys: ApiKeys) -> None:
    secret = (await keys.create("shop")).get_secret_value()
    other = (await keys.create("other")).get_secret_value()
    swapped = "-".join([*secret.split("-")[:3], other.split("-")[3]])
    truncated = "-".join(secret.split("-")[:3])
    for presented in [
        "",
        "pk-parley-",
        secret[:-1],
        secret + "0",
        swapped,
        truncated,
        truncated + "-",
        "sk-123",
        "密钥",
    ]:
        assert await keys.check(presented) is None, presented


async def test_an_application_has_one_key(keys: ApiKeys) -> None:
    await keys.create("shop")
    with pytest.raises(KeyNameTaken):
        await keys.create("shop")
    assert [key.name for key in await keys.list_keys()] == ["shop"]


async def test_a_revoked_key_is_void_and_its_name_is_free_again(keys: ApiKeys) -> None:
    secret = (await keys.create("shop")).get_secret_value()
    assert await keys.revoke("shop")
    assert await keys.check(secret) is None
    assert not await keys.revoke("shop")
    renewed = (await keys.create("shop")).get_secret_value()
    assert await keys.check(secret) is None
    assert await keys.check(renewed) is not None
