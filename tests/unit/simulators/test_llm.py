"""The simulated model, driven by the official SDK: what it speaks is what OpenAI's own client understands."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.simulators.llm import Call, LLMSimulator, Step, call, cut, empty, fail, malformed, say, silent

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import httpx
    import openai

KEY = "sk-simulated"
QUESTION: list[Any] = [{"role": "user", "content": "What is new?"}]


@pytest.fixture
async def llm() -> AsyncIterator[LLMSimulator]:
    async with LLMSimulator(api_key=KEY, models=("gpt-4o-mini",)) as simulator:
        yield simulator


@pytest.fixture
async def sdk(llm: LLMSimulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=llm.base_url, max_retries=0, timeout=2) as client:
        yield client


async def test_an_answer_comes_whole(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    assert answer.choices[0].message.content == "echo: What is new?"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_an_answer_comes_as_a_stream_of_the_scripted_chunks_and_ends_with_its_usage(
    llm: LLMSimulator, sdk: openai.AsyncOpenAI
) -> None:
    llm.script(say("你", "好", "!", usage=(7, 3)))
    stream = await sdk.chat.completions.create(
        model="gpt-4o-mini", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [piece for piece in pieces if piece] == ["你", "好", "!"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    llm.assert_done()


@pytest.mark.parametrize("wire_bytes", [None, 1, 7, 64])
async def test_the_stream_survives_any_cut_of_its_bytes(
    llm: LLMSimulator, sdk: openai.AsyncOpenAI, wire_bytes: int | None
) -> None:
    llm.script(say("雪花 — 🙂", wire_bytes=wire_bytes))
    stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "雪花 — 🙂"


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_arrive_with_their_arguments_in_fragments(
    llm: LLMSimulator, sdk: openai.AsyncOpenAI, stream: bool
) -> None:
    llm.script(Step(calls=(Call("add", {"a": 1, "b": 2}, "c1"), Call("now", fragments=("{", "}")))))
    tools: list[Any] = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("add", "now")]
    if stream:
        async with sdk.chat.completions.stream(model="gpt-4o-mini", messages=QUESTION, tools=tools) as events:
            answer = await events.get_final_completion()
    else:
        answer = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, tools=tools)
    calls = answer.choices[0].message.tool_calls or []
    assert [(one.id, one.function.name, json.loads(one.function.arguments)) for one in calls] == [
        ("c1", "add", {"a": 1, "b": 2}),
        ("call_1_1", "now", {}),
    ]
    assert answer.choices[0].finish_reason == "tool_calls"


async def test_a_failure_is_the_sdks_own_error_and_says_when_to_come_back(
    llm: LLMSimulator, sdk: openai.AsyncOpenAI
) -> None:
    llm.script(fail(429, "Slow down.", retry_after_s=3), fail(503), fail(400, code="context_length_exceeded"))
    with pytest.raises(openai.RateLimitError) as limited:
        await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    assert limited.value.response.headers["retry-after"] == "3"
    with pytest.raises(openai.InternalServerError):
        await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    assert refused.value.code == "context_length_exceeded"


async def test_a_stream_that_is_cut_off_or_malformed_fails_in_the_client(
    llm: LLMSimulator, sdk: openai.AsyncOpenAI
) -> None:
    llm.script(cut("one two three", after=1), malformed("one two three", after=1))
    seen: list[str] = []
    for expected in (httpx.RemoteProtocolError, json.JSONDecodeError):
        stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
        with pytest.raises((expected, openai.APIConnectionError)):
            seen += [chunk.choices[0].delta.content or "" async for chunk in stream]
    llm.assert_done()


async def test_an_empty_answer_is_an_answer(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    llm.script(empty(), empty())
    whole = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    assert whole.choices[0].message.content == ""
    stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == ""


async def test_a_silent_model_is_given_up_and_the_simulator_knows(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    llm.script(silent(), Step(text="one two three", hang_after=1))
    with pytest.raises(openai.APITimeoutError):
        await sdk.with_options(timeout=0.1).chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
    first = [await anext(aiter(stream)) for _ in range(1)]
    assert first[0].choices[0].delta.content in ("", "one tw")
    await stream.close()
    async with asyncio.timeout(2):
        while llm.disconnects < 2:
            await asyncio.sleep(0.01)
    assert llm.active == 0


async def test_a_gate_holds_the_stream_until_the_test_opens_it(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    gate = asyncio.Event()
    llm.script(say("first ", "second", gate=gate, gate_after=1))
    stream = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
    texts = []
    async for chunk in stream:
        texts.append(chunk.choices[0].delta.content or "")
        if texts[-1] == "first ":
            assert not gate.is_set()
            gate.set()
    assert "".join(texts) == "first second"


async def test_a_script_fails_on_a_call_too_many_and_on_a_step_left_over(
    llm: LLMSimulator, sdk: openai.AsyncOpenAI
) -> None:
    llm.script(say("only this"))
    with pytest.raises(AssertionError, match="left over"):
        llm.assert_done()
    await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    llm.assert_done()
    with pytest.raises(openai.BadRequestError, match="no step"):
        await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    with pytest.raises(AssertionError, match="What is new"):
        llm.assert_done()


async def test_a_step_may_wait_for_the_request_that_it_is_meant_for(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    llm.script(say("to Bo", match="Bo"), say("to Al", match=lambda body: body["temperature"] == 0.5))
    other = await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, temperature=0.5)
    ask_bo: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "I am Bo"}]}]
    bo = await sdk.chat.completions.create(model="gpt-4o-mini", messages=ask_bo)
    assert (other.choices[0].message.content, bo.choices[0].message.content) == ("to Al", "to Bo")


async def test_a_wrong_key_and_an_unknown_model_are_refused(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong:
        await sdk.with_options(api_key="sk-wrong").chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    assert wrong.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as unknown:
        await sdk.chat.completions.create(model="gpt-9", messages=QUESTION)
    assert unknown.value.code == "model_not_found"
    assert llm.count == 1


async def test_models_and_embeddings_are_served(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in sdk.models.list()] == ["gpt-4o-mini"]
    assert (await sdk.models.retrieve("gpt-4o-mini")).id == "gpt-4o-mini"
    texts = ["refund policy", "policy of refunds", "雪山"]
    floats = await sdk.embeddings.create(model="gpt-4o-mini", input=texts, encoding_format="float")
    packed = await sdk.embeddings.create(model="gpt-4o-mini", input=texts)
    vectors = [one.embedding for one in floats.data]
    assert [one.embedding for one in packed.data] == [pytest.approx(vector, abs=1e-6) for vector in vectors]
    assert all(sum(value * value for value in vector) == pytest.approx(1) for vector in vectors)
    near, far = (sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors[1:])
    assert near > far


TOOL_ANSWER = {"role": "tool", "content": "4", "tool_call_id": "c1"}
TOOL_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("change", "message", "param"),
    [
        ({"messages": []}, "messages", "messages"),
        ({"model": None}, "model", "model"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0]", "messages[0]"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "at": 1}]}, "messages[0].at", "messages[0].at"),
        ({"messages": [*QUESTION, {"role": "assistant", "content": None}]}, "content or tool_calls", "messages[1]"),
        ({"messages": [*QUESTION, TOOL_ANSWER]}, "preceeding message", "messages.[1].role"),
        ({"messages": [*QUESTION, TOOL_CALL]}, "c1", "messages.[1].role"),
        ({"messages": [*QUESTION, TOOL_CALL, *QUESTION]}, "c1", "messages.[2].role"),
        ({"temperature": 3}, "temperature", "temperature"),
        ({"temperature": "1"}, "temperature", "temperature"),
        ({"colour": "red"}, "Unrecognized request argument supplied: colour", "colour"),
        ({"stream_options": {"include_usage": True}}, "only allowed when 'stream'", "stream_options"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "name", "tools[0].function.name"),
        ({"tool_choice": "auto"}, "only allowed when 'tools'", "tool_choice"),
    ],
)
async def test_a_wrong_request_is_refused_in_openais_format(
    llm: LLMSimulator, change: dict[str, Any], message: str, param: str
) -> None:
    body = {"model": "gpt-4o-mini", "messages": QUESTION} | change
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{llm.base_url}/chat/completions", json=body) as response,
    ):
        error = (await response.json())["error"]
    assert response.status == 400
    assert message in error["message"]
    assert error["param"] == (None if message.startswith("Unrecognized") else param)
    assert error["type"] == "invalid_request_error"


async def test_a_conversation_with_answered_tool_calls_is_accepted(llm: LLMSimulator, sdk: openai.AsyncOpenAI) -> None:
    llm.script(call("add"), say("Four."))
    messages: list[Any] = [*QUESTION, TOOL_CALL, TOOL_ANSWER]
    await sdk.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    answer = await sdk.chat.completions.create(model="gpt-4o-mini", messages=messages)
    assert answer.choices[0].message.content == "Four."
    assert len(llm.chats[1]["messages"]) == 3
