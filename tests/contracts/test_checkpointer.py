"""The checkpoint saver, as Parley builds it, against LangGraph's own conformance suite, on a real Valkey."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from agents.checkpoints import Checkpoints
from agents.strict import JsonPlusSerializer

THREAD = {"configurable": {"thread_id": "t1", "checkpoint_ns": ""}}


@dataclass
class Foreign:
    """A type that no checkpoint may rebuild."""

    text: str = "planted"


def checkpoints_on(redis: Redis) -> Checkpoints:
    return Checkpoints(redis, lambda conversation: f"parley:{{p{len(conversation) % 2}}}", ttl_s=100)


async def put(saver: Any, thread: str = "t1", **values: Any) -> Any:
    from langgraph.checkpoint.base import empty_checkpoint

    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = dict(values)
    checkpoint["channel_versions"] = dict.fromkeys(values, "1")
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    return await saver.aput(config, checkpoint, {}, checkpoint["channel_versions"])


async def test_the_saver_conforms(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    from langgraph.checkpoint.conformance import checkpointer_test, validate

    @checkpointer_test(name="plainredis")
    async def saver() -> AsyncGenerator[Any, None]:
        await redis.flushall()
        yield checkpoints_on(redis).saver("c")

    with caplog.at_level(logging.ERROR):
        report = await validate(saver)

    results = {name: result for name, result in report.to_dict()["results"].items() if result["detected"]}
    assert set(results) >= {"put", "put_writes", "get_tuple", "list", "delete_thread"}
    assert [failure for result in results.values() for failure in result["failures"]] == []
    assert sum(result["tests_passed"] for result in results.values()) > 50


async def test_all_keys_of_a_thread_carry_its_conversations_hash_tag_and_expire(redis: Redis) -> None:
    checkpoints = checkpoints_on(redis)
    config = await put(checkpoints.saver("cc"), messages=["a"])
    await checkpoints.saver("cc").aput_writes(config, [("messages", "b")], "task")

    keys = await redis.keys("*")

    assert keys
    assert all(key.startswith("parley:{p0}:cp:") for key in keys)
    lasting = {key.rpartition(":")[2] for key in keys if await redis.ttl(key) < 0}
    assert lasting <= {"seq", "threads"}


async def test_partitions_have_savers_of_their_own_and_keep_them(redis: Redis) -> None:
    checkpoints = checkpoints_on(redis)

    assert checkpoints.saver("c") is checkpoints.saver("ccc")
    assert checkpoints.saver("c") is not checkpoints.saver("cc")


async def test_a_forgotten_thread_leaves_nothing_of_its_own(redis: Redis) -> None:
    checkpoints = checkpoints_on(redis)
    await put(checkpoints.saver("c"), messages=["a"])
    await put(checkpoints.saver("c"), thread="t2", messages=["b"])

    await checkpoints.forget("c", "t1")

    assert await checkpoints.saver("c").aget_tuple(THREAD) is None
    assert not [key for key in await redis.keys("*") if ":t1:" in key]
    assert [key for key in await redis.keys("*") if ":t2:" in key]


async def test_forgetting_what_is_not_there_looks_through_nothing(redis: Redis) -> None:
    await redis.config_resetstat()

    await checkpoints_on(redis).forget("c", "t1")

    assert "cmdstat_scan" not in await redis.info("commandstats")


async def test_a_checkpoint_cannot_have_foreign_types_rebuilt(redis: Redis) -> None:
    planted = JsonPlusSerializer(allowed_msgpack_modules=True).dumps_typed(Foreign())
    saver = checkpoints_on(redis).saver("c")

    assert isinstance(JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(planted), Foreign)
    assert not isinstance(saver.serde.loads_typed(planted), Foreign)


def test_langgraph_is_strict_in_a_fresh_process() -> None:
    code = "import agents.turn; from langgraph.checkpoint.serde import _msgpack as m; assert m.STRICT_MSGPACK_ENABLED"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_langgraph_imported_loosely_before_is_refused() -> None:
    code = "import langgraph.checkpoint.serde._msgpack, agents.strict"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={})

    assert ended.returncode != 0
    assert "langgraph was imported before" in ended.stderr
