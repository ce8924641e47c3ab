"""Models of other providers, through LangChain's `init_chat_model` and the provider's own package."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agents.errors import ModelRefused, ModelUnavailable
from agents.models.base import CallPiece, ModelChunk, ModelMessage
from agents.models.failures import ForeignFailures
from agents.types import Usage
from config.settings import ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk


class ForeignModel:
    """A LangChain chat model behind our protocol."""

    def __init__(self, alias: str, settings: ModelSettings, chat: BaseChatModel | None = None) -> None:
        self.alias = alias
        self.name = settings.model
        self.chat = chat or build(alias, settings)

    async def stream(
        self,
        messages: Sequence[ModelMessage],
        *,
        options: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> AsyncGenerator[ModelChunk, None]:
        """Yield the answer piece by piece; see `Model.stream`."""
        from langchain_core.messages import convert_to_messages

        said = shown = False
        extra = {**(options or {}), **({"tools": list(tools)} if tools else {})}
        try:
            with ForeignFailures(self.alias):
                async with aclosing(
                    self._chunks(convert_to_messages([dict(message) for message in messages]), extra)
                ) as chunks:
                    async for chunk in chunks:
                        said = said or bool(chunk.text.strip() or chunk.calls)
                        shown = shown or bool(chunk.text or chunk.calls)
                        yield chunk
        except ModelUnavailable as error:
            error.shown = shown
            raise
        if not said:
            raise ModelUnavailable(f"model `{self.alias}`: the answer was empty", alias=self.alias)

    async def _chunks(self, messages: Any, extra: dict[str, Any]) -> AsyncGenerator[ModelChunk, None]:
        async for message in self.chat.astream(messages, **extra):
            if chunk := _chunk_of(message):
                yield chunk


def build(alias: str, settings: ModelSettings) -> BaseChatModel:
    """Return the provider's chat model.

    Raises:
        ModelRefused: the provider is unknown, or its package is not installed; the message names the package.
    """
    from langchain.chat_models import init_chat_model

    try:
        chat: BaseChatModel = init_chat_model(settings.model, model_provider=settings.provider, **_parameters(settings))
    except ImportError as error:
        raise ModelRefused(
            f"model `{alias}`: provider `{settings.provider}` needs a package that is not installed: {error}",
            alias=alias,
        ) from error
    except ValueError as error:
        known = str(error).splitlines()[0]
        raise ModelRefused(f"model `{alias}`: {known}", alias=alias) from None
    return chat


def _parameters(settings: ModelSettings) -> dict[str, Any]:
    values: dict[str, Any] = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
        "timeout": settings.timeout_s,
        "max_retries": settings.retries,
        "base_url": settings.base_url,
        "api_key": settings.api_key.get_secret_value() if settings.api_key else None,
        **settings.options,
    }
    return {name: value for name, value in values.items() if value is not None}


def _chunk_of(message: AIMessageChunk) -> ModelChunk | None:
    usage = None
    if counted := message.usage_metadata:
        usage = Usage(prompt_tokens=counted["input_tokens"], completion_tokens=counted["output_tokens"])
    calls = tuple(
        CallPiece(
            index=call.get("index") or 0, id=call["id"] or "", name=call["name"] or "", arguments=call["args"] or ""
        )
        for call in message.tool_call_chunks
    )
    text = str(message.text)
    return ModelChunk(text, calls, usage) if text or calls or usage else None
