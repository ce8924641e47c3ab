"""Our models as LangChain chat models, for agents and middleware that expect one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from agents.models.base import CallPiece, Model, ModelChunk

BAD_JSON = "__not_json__"
"""The one argument of a tool call whose arguments were no JSON: whoever runs tools tells the model."""


class ChatModel(BaseChatModel):
    """A LangChain chat model over one of our `Model`s. Asynchronous only; errors are ours."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    backend: Any = Field(exclude=True)
    """The `Model`; excluded so that no dump of this object ever shows a key."""

    @property
    def alias(self) -> str:
        """The model's name in the configuration."""
        return str(self._backend.alias)

    @property
    def model_name(self) -> str:
        """The provider's name of the model."""
        return str(self._backend.name)

    @property
    def _backend(self) -> Model:
        backend: Model = self.backend
        return backend

    @property
    def _llm_type(self) -> str:
        return "parley"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return this model with tools that it may call."""
        if tool_choice is not None:
            kwargs["tool_choice"] = "required" if tool_choice == "any" else tool_choice
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        tools = kwargs.pop("tools", None) or ()
        options = {**kwargs, "stop": stop} if stop else kwargs
        calls = _CallsInFlight()
        stream = self._backend.stream([to_wire(message) for message in messages], options=options, tools=tools)
        async with aclosing(stream):
            async for chunk in stream:
                calls.add(chunk.calls)
                if chunk.text or chunk.usage:
                    yield ChatGenerationChunk(message=_message_of(chunk))
        yield ChatGenerationChunk(message=calls.message(self.model_name))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("this model is asynchronous: use ainvoke or astream")


class _CallsInFlight:
    """Tool calls put together from their pieces; they are given on whole, so that bad ones can be told apart."""

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}

    def add(self, pieces: Sequence[CallPiece]) -> None:
        for piece in pieces:
            call = self._calls.setdefault(piece.index, ["", "", ""])
            call[0] = call[0] or piece.id
            call[1] += piece.name
            call[2] += piece.arguments

    def message(self, model: str) -> AIMessageChunk:
        """The last chunk of an answer: its calls, if any, and who gave it."""
        return AIMessageChunk(
            content="",
            response_metadata={"model_name": model},
            chunk_position="last",
            tool_call_chunks=[
                tool_call_chunk(name=name, args=_checked(arguments), id=id or f"call_{index}", index=index)
                for index, (id, name, arguments) in sorted(self._calls.items())
            ],
        )


def _checked(arguments: str) -> str:
    """Arguments that are no JSON object would vanish in the agent loop: keep them as one marked argument."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        value = None
    return (arguments or "{}") if isinstance(value, dict) else json.dumps({BAD_JSON: arguments[:1000]})


def _message_of(chunk: ModelChunk) -> AIMessageChunk:
    usage = None
    if chunk.usage:
        prompt, completion = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        usage = UsageMetadata(input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion)
    return AIMessageChunk(content=chunk.text, usage_metadata=usage)


def to_wire(message: BaseMessage) -> dict[str, Any]:
    """Return a LangChain message in the OpenAI protocol's form."""
    content: Any = message.content
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
    if isinstance(message, AIMessage):
        wire: dict[str, Any] = {"role": "assistant", "content": content or None}
        if message.tool_calls:
            wire["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": json.dumps(call["args"], ensure_ascii=False)},
                }
                for call in message.tool_calls
            ]
        elif not content:
            wire["content"] = ""
        return wire
    return {"role": "system" if isinstance(message, SystemMessage) else "user", "content": content}
