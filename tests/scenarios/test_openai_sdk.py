"""Any OpenAI client can talk to an assistant: the official SDK against a whole Parley."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest
from redis.asyncio import Redis

from bot.keys import ApiKeys
from tests.running import running
from tests.simulators.llm import LLMSimulator, fail


@asynccontextmanager
async def client(
    folder: Path, valkey_url: str, llm: LLMSimulator, *, key: str = ""
) -> AsyncIterator[openai.AsyncOpenAI]:
    settings = "models: {default: {retries: 0}}\n"
    async with running(folder, valkey_url=valkey_url, model_url=llm.base_url, settings=settings) as parley:
        store = parley.app.store
        secret = await ApiKeys(store.redis, store.keys.shared("api-keys")).create("sdk-test")
        api_key = key or secret.get_secret_value()
        async with openai.AsyncOpenAI(base_url=f"{parley.url}/v1", api_key=api_key, max_retries=0) as sdk:
            yield sdk


async def test_a_chat_is_completed_streaming_and_not(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with client(tmp_path, valkey_url, llm) as sdk:
        assert [model.id async for model in sdk.models.list()] == ["plain"]
        whole = await sdk.chat.completions.create(model="plain", messages=[{"role": "user", "content": "hello"}])
        assert whole.choices[0].message.content == "echo: hello"
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage is not None
        assert whole.usage.completion_tokens > 0
        llm.chunk_delay_s = 0.02
        stream = await sdk.chat.completions.create(
            model="plain",
            messages=[{"role": "user", "content": "a somewhat longer message"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == "echo: a somewhat longer message"
        assert len([chunk for chunk in chunks if chunk.choices]) > 3
        assert chunks[-1].usage is not None


async def test_the_request_carries_its_own_history_and_options_and_nothing_is_remembered(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with client(tmp_path, valkey_url, llm) as sdk:
        await sdk.chat.completions.create(
            model="plain",
            temperature=0.5,
            max_tokens=33,
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "I am Anna"},
                {"role": "assistant", "content": "Hi Anna"},
                {"role": "user", "content": "/new"},
            ],
        )
        await sdk.chat.completions.create(model="plain", messages=[{"role": "user", "content": "who am I?"}])
        first, second = llm.chats
        assert (first["temperature"], first["max_tokens"]) == (0.5, 33)
        assert [message["content"] for message in first["messages"][-3:]] == ["I am Anna", "Hi Anna", "/new"]
        assert "Be brief." in str(first["messages"])
        assert "Anna" not in str(second["messages"])


async def test_a_wrong_key_is_refused_in_openais_format(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with client(tmp_path, valkey_url, llm, key="pk-parley-wrong") as sdk:
        with pytest.raises(openai.AuthenticationError) as caught:
            await sdk.chat.completions.create(model="plain", messages=[{"role": "user", "content": "hello"}])
        assert caught.value.status_code == 401
        assert caught.value.code == "invalid_api_key"


async def test_an_unknown_model_and_a_failing_one_are_told_apart(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.script(fail(500))
    async with client(tmp_path, valkey_url, llm) as sdk:
        with pytest.raises(openai.NotFoundError):
            await sdk.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "hello"}])
        with pytest.raises(openai.InternalServerError):
            await sdk.chat.completions.create(model="plain", messages=[{"role": "user", "content": "hello"}])
