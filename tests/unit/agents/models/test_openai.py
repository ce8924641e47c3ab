"""The OpenAI protocol: what is sent, what comes back, and every way it can fail."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from agents.errors import ModelError, ModelRefused, ModelUnauthorized, ModelUnavailable
from agents.models.base import ModelChunk
from agents.models.catalog import open_session
from agents.models.openai import OpenAIModel
from agents.types import Usage
from config.settings import ModelSettings
from tests.simulators.llm import LLMSimulator, Step, call, cut, empty, fail, malformed, say, silent

KEY = "sk-test-0123456789abcdef"
QUESTION = [{"role": "user", "content": "Hello?"}]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator(api_key=KEY) as llm:
        yield llm


class Pauses:
    """Takes the place of sleeping, and counts it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def model_at(base_url: str, session: ClientSession, pauses: Pauses | None = None, **settings: Any) -> OpenAIModel:
    settings = {"base_url": base_url, "api_key": KEY, "model": "m-1", **settings}
    return OpenAIModel("main", ModelSettings(**settings), session, sleep=pauses or Pauses())


async def read(model: OpenAIModel, **options: Any) -> list[ModelChunk]:
    return [chunk async for chunk in model.stream(QUESTION, **options)]


def text_of(chunks: list[ModelChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/v1"))

    yield start
    for server in servers:
        await server.close()


async def test_text_streams_and_tokens_are_counted(llm: LLMSimulator, session: ClientSession) -> None:
    llm.script(say("Good morning, everyone.", usage=(11, 7), chunk_delay_s=0.005))

    chunks = await read(model_at(llm.base_url, session))

    assert text_of(chunks) == "Good morning, everyone."
    assert len([chunk for chunk in chunks if chunk.text]) > 2
    assert [chunk.usage for chunk in chunks if chunk.usage] == [Usage(prompt_tokens=11, completion_tokens=7)]


@pytest.mark.parametrize("wire_bytes", [5, 11, 1000])
async def test_however_the_bytes_arrive_the_text_is_whole(
    llm: LLMSimulator, session: ClientSession, wire_bytes: int
) -> None:
    llm.script(say("早上", "好，😀", " 大家！", wire_bytes=wire_bytes))

    assert text_of(await read(model_at(llm.base_url, session))) == "早上好，😀 大家！"


async def test_configured_and_given_fields_are_sent_and_unset_ones_are_not(
    llm: LLMSimulator, session: ClientSession
) -> None:
    model = model_at(llm.base_url, session, temperature=0.2, max_tokens=50, options={"seed": 7})

    await read(model, options={"temperature": 0.9, "stop": ["\n"]})

    body = llm.chats[0]
    assert body == {
        "model": "m-1",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.9,
        "max_tokens": 50,
        "seed": 7,
        "stop": ["\n"],
        "messages": QUESTION,
    }
    assert llm.requests[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_without_a_key_no_authorization_is_sent(session: ClientSession) -> None:
    async with LLMSimulator() as llm:
        await read(model_at(llm.base_url, session, api_key=None))

        assert "Authorization" not in llm.requests[0].headers


async def test_azure_is_headers_and_query(serve: Callable[[Handler], Awaitable[str]], session: ClientSession) -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return web.json_response({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})

    url = await serve(handler)
    await read(
        model_at(
            f"{url}/", session, api_key=None, headers={"api-key": "azure-key"}, query={"api-version": "2024-10-21"}
        )
    )

    assert seen[0].headers["api-key"] == "azure-key"
    assert seen[0].query == {"api-version": "2024-10-21"}


async def test_events_that_arrive_together_are_one_chunk(
    serve: Callable[[Handler], Awaitable[str]], session: ClientSession
) -> None:
    events = [b'data: {"choices":[{"delta":{"content":"%d "}}]}\n\n' % number for number in range(5)]
    events.append(b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\ndata: [DONE]\n\n')

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"".join(events), content_type="text/event-stream")

    chunks = await read(model_at(await serve(handler), session))

    assert chunks == [ModelChunk("0 1 2 3 4 ", usage=Usage(prompt_tokens=3, completion_tokens=5))]


async def test_tool_calls_arrive_in_pieces(llm: LLMSimulator, session: ClientSession) -> None:
    llm.script(call("clock", {"zone": "Asia/Shanghai"}, id="call-1"))

    pieces = [piece for chunk in await read(model_at(llm.base_url, session)) for piece in chunk.calls]

    assert (pieces[0].id, pieces[0].name) == ("call-1", "clock")
    assert json.loads("".join(piece.arguments for piece in pieces)) == {"zone": "Asia/Shanghai"}


@pytest.mark.parametrize("step", [fail(500), fail(429), fail(503), cut("Hello", after=0), malformed(after=0), empty()])
async def test_a_passing_failure_is_tried_again_before_anything_was_shown(
    llm: LLMSimulator, session: ClientSession, step: Step
) -> None:
    pauses = Pauses()
    llm.script(step, say("All is well."))

    assert text_of(await read(model_at(llm.base_url, session, pauses))) == "All is well."
    assert len(pauses.seconds) == 1
    assert 0 < pauses.seconds[0] <= 1
    llm.assert_done()


@pytest.mark.parametrize("step", [cut("Hello world", after=1), malformed("Hello, world", after=2)])
async def test_what_breaks_off_in_the_middle_is_an_error_and_is_not_started_over(
    llm: LLMSimulator, session: ClientSession, step: Step
) -> None:
    llm.script(step)
    seen: list[str] = []

    llm.chunk_delay_s = 0.01

    async def listen() -> None:
        async for chunk in model_at(llm.base_url, session).stream(QUESTION):
            seen.append(chunk.text)

    with pytest.raises(ModelUnavailable) as caught:
        await listen()

    assert "".join(seen)
    assert caught.value.shown
    assert caught.value.retryable
    llm.assert_done()


async def test_an_endpoint_that_fails_for_long_is_given_up(llm: LLMSimulator, session: ClientSession) -> None:
    pauses = Pauses()
    llm.script(fail(500), fail(502), fail(503))

    with pytest.raises(ModelUnavailable) as caught:
        await read(model_at(llm.base_url, session, pauses, retries=2))

    assert (caught.value.status, caught.value.alias, caught.value.shown) == (503, "main", False)
    assert len(pauses.seconds) == 2
    llm.assert_done()


async def test_retry_after_is_obeyed(llm: LLMSimulator, session: ClientSession) -> None:
    pauses = Pauses()
    llm.script(fail(429, retry_after_s=3), say("Hello."))

    await read(model_at(llm.base_url, session, pauses))

    assert pauses.seconds == [3]


async def test_a_long_pause_is_left_to_others(llm: LLMSimulator, session: ClientSession) -> None:
    pauses = Pauses()
    llm.script(fail(429, retry_after_s=600))

    with pytest.raises(ModelUnavailable) as caught:
        await read(model_at(llm.base_url, session, pauses))

    assert caught.value.retry_after_s == 600
    assert pauses.seconds == []


async def test_silence_is_a_failure(llm: LLMSimulator, session: ClientSession) -> None:
    llm.script(silent(), say("Hello world", hang_after=1))

    with pytest.raises(ModelUnavailable):
        await read(model_at(llm.base_url, session, timeout_s=0.4, retries=0))
    with pytest.raises(ModelUnavailable) as caught:
        await read(model_at(llm.base_url, session, timeout_s=0.4, retries=0))

    assert caught.value.shown


async def test_an_unreachable_endpoint_is_unavailable(session: ClientSession) -> None:
    with pytest.raises(ModelUnavailable):
        await read(model_at("http://127.0.0.1:9/v1", session, retries=0))


async def test_a_wrong_key_is_told_apart_and_never_repeated(
    llm: LLMSimulator, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelUnauthorized) as caught:
        await read(model_at(llm.base_url, session, api_key="sk-wrong-0123456789abcdef"))

    assert llm.count == 0
    assert "sk-wrong" not in str(caught.value) + caplog.text


@pytest.mark.parametrize(("status", "kind"), [(400, ModelRefused), (404, ModelRefused), (403, ModelUnauthorized)])
async def test_a_refusal_is_final_and_names_no_secret(
    llm: LLMSimulator, session: ClientSession, status: int, kind: type[ModelError]
) -> None:
    llm.script(fail(status, f"no model for {KEY} or sk-another-key-of-someone"))

    with pytest.raises(kind) as caught:
        await read(model_at(llm.base_url, session))

    assert not caught.value.retryable
    assert KEY not in str(caught.value)
    assert "sk-another" not in str(caught.value)
    llm.assert_done()


async def test_breaking_off_closes_the_connection(llm: LLMSimulator, session: ClientSession) -> None:
    llm.script(say("one two three four", chunk_delay_s=5))
    stream = model_at(llm.base_url, session).stream(QUESTION)

    await anext(stream)
    await stream.aclose()
    async with asyncio.timeout(1):
        while not llm.disconnects:
            await asyncio.sleep(0.005)


async def test_cancelling_closes_the_connection(llm: LLMSimulator, session: ClientSession) -> None:
    llm.script(silent())
    task = asyncio.create_task(read(model_at(llm.base_url, session)))
    while not llm.active:
        await asyncio.sleep(0.005)

    task.cancel()

    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await task
        while not llm.disconnects:
            await asyncio.sleep(0.005)


async def test_connections_are_used_again(serve: Callable[[Handler], Awaitable[str]], session: ClientSession) -> None:
    peers: list[object] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n')
        await asyncio.sleep(0.01)
        return response

    model = model_at(await serve(handler), session)
    await read(model)
    await read(model)

    assert len(set(peers)) == 1


async def test_a_field_that_the_endpoint_does_not_know_is_adapted_once(
    serve: Callable[[Handler], Awaitable[str]], session: ClientSession
) -> None:
    bodies: list[dict[str, Any]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        bodies.append(body)
        for field, other in (("max_tokens", "Use 'max_completion_tokens' instead."), ("stream_options", "")):
            if field in body:
                message = f"Unsupported parameter: '{field}'. {other}"
                return web.json_response({"error": {"message": message}}, status=400)
        return web.json_response({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})

    model = model_at(await serve(handler), session, max_tokens=9)
    assert text_of(await read(model)) == "hi"
    assert text_of(await read(model)) == "hi"

    assert len(bodies) == 4
    assert bodies[-1]["max_completion_tokens"] == 9
    assert not {"max_tokens", "stream_options"} & set(bodies[-1])


@pytest.mark.parametrize(
    ("events", "error"),
    [
        (b'data: {"error": {"message": "overloaded", "code": 503}}\n\n', ModelUnavailable),
        (b'data: {"error": {"message": "too long", "code": 400}}\n\n', ModelRefused),
        (b'data: {"error": "busy"}\n\n', ModelUnavailable),
        (b'data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}\n\ndata: [DONE]\n\n', ModelRefused),
        (b"data: [1, 2]\n\n", ModelUnavailable),
        (b"", ModelUnavailable),
        (b"data: [DONE]\n\n", ModelUnavailable),
        (b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n', ModelUnavailable),
    ],
)
async def test_a_stream_that_is_no_answer_is_an_error(
    serve: Callable[[Handler], Awaitable[str]], session: ClientSession, events: bytes, error: type[ModelError]
) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=events, content_type="text/event-stream")

    with pytest.raises(error):
        await read(model_at(await serve(handler), session, retries=0))


@pytest.mark.parametrize(
    "events",
    [
        b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}',
        b'data:{"choices":[{"delta":{"content":"hi"}}]}\r\n\r\ndata:[DONE]\r\n\r\n',
        b': ping\n\nevent: x\ndata: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n',
        b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n'
        b'data: {"choices":[{"delta":{"refusal":"hi"}}]}\n\ndata: [DONE]\n\n',
    ],
)
async def test_dialects_of_compatible_endpoints_are_understood(
    serve: Callable[[Handler], Awaitable[str]], session: ClientSession, events: bytes
) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=events, content_type="text/event-stream")

    assert text_of(await read(model_at(await serve(handler), session, retries=0))) == "hi"


async def test_a_redirect_is_not_followed_with_the_key(
    serve: Callable[[Handler], Awaitable[str]], session: ClientSession
) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:9/elsewhere")

    with pytest.raises(ModelRefused, match="base_url"):
        await read(model_at(await serve(handler), session))


async def test_a_very_long_prompt_is_sent_without_a_warning(llm: LLMSimulator, session: ClientSession) -> None:
    llm.script(say("Read."))
    model = model_at(llm.base_url, session)

    chunks = [chunk async for chunk in model.stream([{"role": "user", "content": "好" * 600_000}])]

    assert text_of(chunks) == "Read."
