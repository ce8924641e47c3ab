"""Models by alias: which there are, which are offline, and those of other providers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk

from agents.errors import ModelRefused, ModelUnavailable, UnknownModel
from agents.models.base import ModelChunk
from agents.models.catalog import Models, open_session
from agents.models.chat import BAD_JSON, ChatModel, to_wire
from agents.models.foreign import ForeignModel
from config.settings import ModelSettings
from tests.simulators.llm import Call, LLMSimulator, say
from tests.simulators.llm_script import Step

QUESTION = [{"role": "user", "content": "Hello?"}]


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    async with LLMSimulator() as llm, open_session() as session:
        settings = {
            "main": ModelSettings(base_url=llm.base_url, fallbacks=("spare", "main", "off")),
            "spare": ModelSettings(base_url=llm.base_url),
            "off": ModelSettings(provider="offline"),
            "keyless": ModelSettings(),
            "keyed": ModelSettings(api_key="sk-x"),
            "azure": ModelSettings(headers={"api-key": "x"}),
            "claude": ModelSettings(provider="anthropic", model="claude"),
            "nonsense": ModelSettings(provider="nobody", model="x"),
        }
        yield Models(settings, session)


async def test_a_chain_is_the_alias_and_its_fallbacks_each_once(models: Models) -> None:
    assert models.chain("main") == ("main", "spare", "off")


async def test_an_unknown_alias_is_refused_with_the_known_ones(models: Models) -> None:
    with pytest.raises(UnknownModel, match=r"`gone`.*main"):
        models.model("gone")


@pytest.mark.parametrize(
    ("alias", "is_offline"), [("off", True), ("keyless", True), ("keyed", False), ("azure", False), ("main", False)]
)
async def test_offline_is_what_has_no_model_behind_it(models: Models, alias: str, is_offline: bool) -> None:
    assert models.is_offline(alias) is is_offline


async def test_a_model_is_built_once(models: Models) -> None:
    assert models.model("main") is models.model("main")
    assert models.chat("main") is models.chat("main")
    assert isinstance(models.chat("main"), ChatModel)


async def test_an_offline_model_cannot_be_called(models: Models) -> None:
    with pytest.raises(ModelRefused, match="offline"):
        models.model("off")


async def test_a_provider_whose_package_is_missing_is_named(models: Models) -> None:
    with pytest.raises(ModelRefused, match="langchain-anthropic"):
        models.model("claude")


async def test_an_unknown_provider_is_refused(models: Models) -> None:
    with pytest.raises(ModelRefused, match="nobody"):
        models.model("nonsense")


class Overloaded(Exception):
    status_code = 529


class Broken(GenericFakeChatModel):
    error: Any

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content="half "))
        raise self.error


def foreign(chat: Any) -> ForeignModel:
    return ForeignModel("claude", ModelSettings(provider="anthropic", model="claude"), chat)


async def read(model: Any) -> list[ModelChunk]:
    return [chunk async for chunk in model.stream(QUESTION)]


async def test_another_providers_model_streams_through_the_same_protocol() -> None:
    chat = GenericFakeChatModel(messages=iter([AIMessage(content="Good morning")]))

    chunks = await read(foreign(chat))

    assert "".join(chunk.text for chunk in chunks) == "Good morning"
    assert len(chunks) > 1


@pytest.mark.parametrize("error", [Overloaded("busy"), ModelRateLimitError("slow down"), ConnectionError("gone")])
async def test_another_providers_failures_become_ours(error: Exception) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await read(foreign(Broken(messages=iter([]), error=error)))

    assert caught.value.shown
    assert caught.value.alias == "claude"


async def test_a_fault_of_the_program_is_not_taken_for_the_models() -> None:
    with pytest.raises(ZeroDivisionError):
        await read(foreign(Broken(messages=iter([]), error=ZeroDivisionError())))


async def test_another_providers_silence_is_an_error() -> None:
    with pytest.raises(ModelUnavailable, match="empty"):
        await read(foreign(GenericFakeChatModel(messages=iter([AIMessage(content=" ")]))))


async def test_as_a_langchain_model_it_answers_and_counts() -> None:
    async with LLMSimulator() as llm, open_session() as session:
        llm.script(say("Good morning.", usage=(5, 3)))
        chat = Models({"main": ModelSettings(base_url=llm.base_url, model="m-1")}, session).chat("main")

        answer = await chat.ainvoke([SystemMessage("Be kind."), HumanMessage("Hello?")], temperature=0.1)

        assert answer.text == "Good morning."
        assert answer.usage_metadata == {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
        assert answer.response_metadata["model_name"] == "m-1"
        assert llm.chats[0]["temperature"] == 0.1
        assert [message["role"] for message in llm.chats[0]["messages"]] == ["system", "user"]


async def test_as_a_langchain_model_it_calls_tools_and_marks_what_is_no_json() -> None:
    async with LLMSimulator() as llm, open_session() as session:
        calls = (Call("clock", {"zone": "UTC"}, "c1"), Call("clock", '{"zone": ', "c2"), Call("clock", "[1]", "c3"))
        llm.script(Step(text="Let me see.", calls=calls))
        chat = Models({"main": ModelSettings(base_url=llm.base_url)}, session).chat("main")
        clock = {"name": "clock", "description": "Tells the time.", "parameters": {"type": "object", "properties": {}}}

        answer = await chat.bind_tools([clock], tool_choice="any").ainvoke("What time is it?")

        assert answer.text == "Let me see."
        assert [(call["id"], call["args"]) for call in answer.tool_calls] == [
            ("c1", {"zone": "UTC"}),
            ("c2", {BAD_JSON: '{"zone": '}),
            ("c3", {BAD_JSON: "[1]"}),
        ]
        assert llm.chats[0]["tools"][0]["function"]["name"] == "clock"
        assert llm.chats[0]["tool_choice"] == "required"


async def test_a_langchain_model_shows_no_key() -> None:
    async with open_session() as session:
        chat = Models({"main": ModelSettings(api_key="sk-secret-key")}, session).chat("main")

        assert "sk-secret-key" not in repr(chat) + chat.model_dump_json()


def test_messages_with_calls_and_results_keep_their_ids_on_the_wire() -> None:
    asked = AIMessage(content="", tool_calls=[{"name": "clock", "args": {"zone": "时区"}, "id": "c1"}])
    told = ToolMessage(content="ten", tool_call_id="c1")

    assert to_wire(asked) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "时区"}'}}
        ],
    }
    assert to_wire(told) == {"role": "tool", "tool_call_id": "c1", "content": "ten"}
    assert to_wire(AIMessage(content="")) == {"role": "assistant", "content": ""}
