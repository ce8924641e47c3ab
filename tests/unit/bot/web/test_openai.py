"""The OpenAI-compatible API, through the OpenAI SDK and by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import openai
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from channels.types import Citation, HistoryMessage
from tests.unit.bot.web.conftest import Site
from tests.unit.bot.web.parrot import Lesson

ASK: dict[str, Any] = {"model": "handbook", "messages": [{"role": "user", "content": "Hello"}]}
LEAVE = Citation(number=1, title="Leave", source="leave.md", position="Annual leave", excerpt="15 days")


@pytest.fixture
async def client(site: Site) -> AsyncIterator[openai.AsyncOpenAI]:
    secret = (await site.keys.create("shop")).get_secret_value()
    async with openai.AsyncOpenAI(api_key=secret, base_url=f"{site.url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
async def raw(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    secret = (await site.keys.create("raw")).get_secret_value()
    headers = {"authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(site.url, headers=headers) as session:
        yield session


async def test_the_sdk_completes_a_chat(site: Site, client: openai.AsyncOpenAI) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["It is ", "15 days [1]."], citations=[LEAVE])
    answer = await client.chat.completions.create(**ASK)
    (choice,) = answer.choices
    assert choice.message.content == "It is 15 days [1]."
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 10
    assert answer.model == "handbook"
    assert choice.message.model_dump()["citations"][0]["title"] == "Leave"


async def test_the_sdk_streams_a_chat(site: Site, client: openai.AsyncOpenAI) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["It is ", "15 ", "days."], step="Searching", pause_s=0.01)
    stream = await client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == "It is 15 days."
    assert len([piece for piece in pieces if piece]) > 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_ends_with_done_and_without_usage_unless_asked(site: Site, raw: aiohttp.ClientSession) -> None:
    async with raw.post("/v1/chat/completions", json={**ASK, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = await response.text()
    assert text.endswith("data: [DONE]\n\n")
    assert "usage" not in text


async def test_a_wrong_key_is_401_in_openai_form(site: Site) -> None:
    async with openai.AsyncOpenAI(api_key="pk-parley-wrong", base_url=f"{site.url}/v1", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            await client.chat.completions.create(**ASK)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    assert raised.value.code == "invalid_api_key"
    assert raised.value.type == "invalid_request_error"
    assert site.api.received == []


async def test_a_missing_key_is_401(site: Site) -> None:
    async with aiohttp.ClientSession(site.url) as session:
        for headers in ({}, {"authorization": "Basic abc"}, {"authorization": "Bearer"}):
            async with session.post("/v1/chat/completions", json=ASK, headers=headers) as response:
                assert response.status == 401
                assert (await response.json())["error"]["code"] == "invalid_api_key"


async def test_the_models_are_the_assistants(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["handbook", "translator"]
    assert (await client.models.retrieve("handbook")).owned_by == "parley"
    with pytest.raises(openai.NotFoundError) as raised:
        await client.models.retrieve("nobody")
    assert raised.value.code == "model_not_found"


async def test_an_unknown_model_is_404(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await client.chat.completions.create(**{**ASK, "model": "gpt-4o"})
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


async def test_the_request_carries_history_options_and_application(site: Site, client: openai.AsyncOpenAI) -> None:
    await client.chat.completions.create(
        model="translator",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Bonjour"}, {"type": "text", "text": "monde"}]},
            {"role": "assistant", "content": "Hello world"},
            {"role": "user", "content": "/new"},
        ],
        temperature=0.5,
        top_p=0.9,
        max_completion_tokens=50,
        stop="END",
        seed=7,
        user="someone",
    )
    (message,) = site.api.received
    assert message.history == (
        HistoryMessage(role="system", text="Be brief."),
        HistoryMessage(role="user", text="Bonjour\nmonde"),
        HistoryMessage(role="assistant", text="Hello world"),
    )
    assert (message.text, message.kind) == ("/new", "message")
    assert message.options == {"temperature": 0.5, "top_p": 0.9, "max_tokens": 50, "stop": ["END"]}
    assert (message.assistant, message.sender.user, message.conversation.chat) == ("translator", "shop", "shop")


async def test_a_request_without_history_has_an_empty_one(site: Site, client: openai.AsyncOpenAI) -> None:
    await client.chat.completions.create(**ASK)
    assert site.api.received[0].history == ()


async def test_a_bad_request_is_400_and_goes_no_further(site: Site, raw: aiohttp.ClientSession) -> None:
    for change, param in (({"n": 2}, "n"), ({"messages": [{"role": "user", "content": "x" * 20_001}]}, "messages")):
        async with raw.post("/v1/chat/completions", json={**ASK, **change}) as response:
            assert response.status == 400
            assert (await response.json())["error"]["param"] == param
    assert site.api.received == []


async def test_unknown_paths_methods_and_sizes_are_refused_in_openai_form(raw: aiohttp.ClientSession) -> None:
    for method, path, data, status in (
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/v1/chat/completions", None, 405),
        ("POST", "/v1/chat/completions", b"x" * 60_000, 413),
    ):
        async with raw.request(method, path, data=data) as response:
            assert response.status == status
            assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_a_body_without_declared_length_is_cut_off_too(site: Site, raw: aiohttp.ClientSession) -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    async with raw.post("/v1/chat/completions", data=flood()) as response:
        assert response.status == 413


async def test_a_busy_bot_is_429_with_a_time_to_come_back(site: Site, raw: aiohttp.ClientSession) -> None:
    site.api.busy = 1
    async with raw.post("/v1/chat/completions", json={**ASK, "stream": True}) as response:
        assert response.status == 429
        assert response.headers["retry-after"] == "1"
        assert (await response.json())["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_failed_turn_is_502_and_not_worth_repeating(
    site: Site, client: openai.AsyncOpenAI, stream: bool
) -> None:
    site.api.lessons["Hello"] = Lesson(content="The model did not answer.", kind="failure", outcome="failed")
    with pytest.raises(openai.InternalServerError) as raised:
        await client.chat.completions.create(**ASK, stream=stream)
    assert raised.value.status_code == 502
    assert raised.value.code == "turn_failed"
    assert raised.value.response.headers["x-should-retry"] == "false"


async def test_a_turn_that_fails_while_it_streams_ends_with_an_error_event(
    site: Site, client: openai.AsyncOpenAI
) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["It "], content="It broke.", kind="failure", outcome="failed")
    stream = await client.chat.completions.create(**ASK, stream=True)
    with pytest.raises(openai.APIError, match="It broke"):
        async for _ in stream:
            pass


@pytest.mark.parametrize("stream", [True, False])
async def test_a_blocked_answer_says_so(site: Site, raw: aiohttp.ClientSession, stream: bool) -> None:
    site.api.lessons["Hello"] = Lesson(content="I cannot say that.", outcome="blocked")
    async with raw.post("/v1/chat/completions", json={**ASK, "stream": stream}) as response:
        text = await response.text()
    assert '"content_filter"' in text.replace(" ", "")
    assert "I cannot say that." in text


@pytest.mark.parametrize("stream", [True, False])
async def test_a_store_that_is_away_is_503(site: Site, raw: aiohttp.ClientSession, stream: bool) -> None:
    site.api.failure = lambda: RedisConnectionError("gone")
    async with raw.post("/v1/chat/completions", json={**ASK, "stream": stream}) as response:
        assert response.status == 503
        assert (await response.json())["error"]["code"] == "unavailable"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_its_turn(site: Site, raw: aiohttp.ClientSession, stream: bool) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["word "], endless=True, pause_s=0.01)
    request = asyncio.create_task(_read(raw, stream))
    while not site.api.received:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    async with asyncio.timeout(2):
        while not site.api.cancelled:
            await asyncio.sleep(0.01)
    assert site.api.cancelled == [site.api.received[0].conversation]


async def _read(raw: aiohttp.ClientSession, stream: bool) -> None:
    async with raw.post("/v1/chat/completions", json={**ASK, "stream": stream}) as response:
        await response.text()


async def test_a_repeated_request_gets_the_first_answer(site: Site, raw: aiohttp.ClientSession) -> None:
    headers = {"Idempotency-Key": "order 7"}
    answers = []
    for _ in range(2):
        async with raw.post("/v1/chat/completions", json=ASK, headers=headers) as response:
            answers.append((await response.json())["choices"][0]["message"]["content"])
    assert answers == ["You said: Hello"] * 2
    assert len(site.api.received) == 1


async def test_every_request_is_a_conversation_of_its_own(site: Site, client: openai.AsyncOpenAI) -> None:
    await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(5)))
    assert len({message.conversation.key for message in site.api.received}) == 5


async def test_an_answer_longer_than_what_was_streamed_is_completed(site: Site, raw: aiohttp.ClientSession) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["It is 15 "], content="It is 15 days.")
    assert await _streamed(raw) == "It is 15 days."


async def test_white_space_at_the_ends_is_not_doubled(site: Site, raw: aiohttp.ClientSession) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["\nIt is ", "15 days.\n"], content="It is 15 days.")
    assert await _streamed(raw) == "\nIt is 15 days.\n"


async def test_an_answer_blocked_after_it_began_is_added(site: Site, raw: aiohttp.ClientSession) -> None:
    site.api.lessons["Hello"] = Lesson(pieces=["It is "], content="I cannot say that.", outcome="blocked")
    assert await _streamed(raw) == "It is \n\nI cannot say that."


async def _streamed(raw: aiohttp.ClientSession) -> str:
    async with raw.post("/v1/chat/completions", json={**ASK, "stream": True}) as response:
        lines = (await response.text()).split("\n\n")
    data = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in data)
