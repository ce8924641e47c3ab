"""The OpenAI Python SDK talks to an assistant over the whole durable path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from redis.asyncio import Redis

from bot.keys import ApiKeys
from tests.running import PLAIN, Running, running
from tests.simulators.llm import LLMSimulator, fail

STRICT = """
name: strict
prompt: You are strict.
moderation:
  input: [{name: secrets, words: [launch code]}]
  reply: I cannot talk about that.
"""


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "plain", "messages": [{"role": "user", "content": text}], **more}


@asynccontextmanager
async def client_of(parley: Running, name: str = "shop", **options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    store = parley.app.store
    secret = await ApiKeys(store.redis, store.keys.shared("api-keys")).create(name)
    options = {"api_key": secret.get_secret_value(), "max_retries": 0, **options}
    async with openai.AsyncOpenAI(base_url=f"{parley.url}/v1", **options) as client:
        yield client


@pytest.fixture
async def parley(tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator) -> AsyncIterator[Running]:
    assistants = {"plain": PLAIN, "strict": STRICT}
    async with running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants=assistants) as parley:
        yield parley


async def test_an_assistant_answers_whole_and_streaming(parley: Running, llm: LLMSimulator) -> None:
    llm.chunk_delay_s = 0.02
    async with client_of(parley) as client:
        whole = await client.chat.completions.create(**ask("how are you today?"))
        assert whole.choices[0].message.content == "echo: how are you today?"
        assert whole.usage is not None
        assert whole.usage.completion_tokens > 0
        stream = await client.chat.completions.create(
            **ask("please stream this answer in pieces", stream=True, stream_options={"include_usage": True})
        )
        chunks = [chunk async for chunk in stream]
        pieces = [
            chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content
        ]
        assert "".join(pieces) == "echo: please stream this answer in pieces"
        assert len(pieces) > 2
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.total_tokens > 0


async def test_the_synchronous_sdk_works_too(parley: Running) -> None:
    async with client_of(parley) as client:
        with openai.OpenAI(api_key=client.api_key, base_url=f"{parley.url}/v1") as synchronous:
            answer = await asyncio.to_thread(lambda: synchronous.chat.completions.create(**ask("hello")))
    assert answer.choices[0].message.content == "echo: hello"


async def test_a_wrong_key_is_401_in_openai_form(parley: Running) -> None:
    async with client_of(parley, api_key="pk-parley-000000000000-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            await client.chat.completions.create(**ask("hello"))
    assert raised.value.body == {
        "message": "Incorrect API key provided. Keys are made with `parley keys create NAME`.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }


async def test_the_request_brings_its_own_history_and_sampling(parley: Running, llm: LLMSimulator) -> None:
    history = [
        {"role": "system", "content": "Speak like a pirate."},
        {"role": "user", "content": "My name is Anna."},
        {"role": "assistant", "content": "Noted."},
    ]
    question = {"role": "user", "content": "/help"}
    async with client_of(parley) as client:
        asked = ask("", temperature=0.25, max_tokens=33, stop=["END"])
        await client.chat.completions.create(**{**asked, "messages": [*history, question]})
        await client.chat.completions.create(**ask("What is my name?"))
    first, second = llm.chats
    roles = [message["role"] for message in first["messages"]]
    assert roles[0] == "system"
    assert "You are a test." in first["messages"][0]["content"]
    contents = [message["content"] for message in first["messages"]]
    assert any("Speak like a pirate." in str(content) for content in contents)
    assert contents[-3:] == ["My name is Anna.", "Noted.", "/help"]
    assert (first["temperature"], first["stop"]) == (0.25, ["END"])
    assert 33 in (first.get("max_tokens"), first.get("max_completion_tokens"))
    assert "Anna" not in str(second["messages"])


async def test_a_model_that_fails_is_502(parley: Running, llm: LLMSimulator) -> None:
    llm.script(*(fail(400, "no") for _ in range(2)))
    async with client_of(parley) as client:
        for stream in (False, True):
            with pytest.raises(openai.APIStatusError) as raised:
                await client.chat.completions.create(**ask("hello", stream=stream))
            assert raised.value.status_code == 502


async def test_a_blocked_question_is_a_content_filter(parley: Running) -> None:
    async with client_of(parley) as client:
        answer = await client.chat.completions.create(**{**ask("Tell me the launch code"), "model": "strict"})
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.choices[0].message.content == "I cannot talk about that."


async def test_a_client_that_leaves_stops_the_model(parley: Running, llm: LLMSimulator) -> None:
    llm.delay_s = 30
    async with client_of(parley) as client:
        asking = asyncio.create_task(client.chat.completions.create(**ask("hello")))
        async with asyncio.timeout(5):
            while not llm.active:
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            while llm.active:
                await asyncio.sleep(0.01)


async def test_a_request_in_flight_is_answered_before_the_process_ends(parley: Running, llm: LLMSimulator) -> None:
    llm.delay_s = 0.5
    async with client_of(parley) as client:
        asking = asyncio.create_task(client.chat.completions.create(**ask("hello")))
        async with asyncio.timeout(5):
            while not llm.active:
                await asyncio.sleep(0.01)
        await parley.app.drain()
        answer = await asyncio.wait_for(asking, 5)
    assert answer.choices[0].message.content == "echo: hello"


async def test_many_requests_at_once_get_their_own_answers(parley: Running) -> None:
    async with client_of(parley) as client:
        answers = await asyncio.gather(
            *(client.chat.completions.create(**ask(f"number {number}")) for number in range(20))
        )
    assert [answer.choices[0].message.content for answer in answers] == [f"echo: number {n}" for n in range(20)]
