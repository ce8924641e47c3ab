"""The OpenAI protocol over our own HTTP session.

The `openai` package costs 0.4 ms of CPU per message of history and 0.7 ms per streamed chunk; this costs about
0.5 ms a call, however long the history. It speaks to every compatible endpoint (OpenAI, Azure, DeepSeek, Qwen,
Moonshot, GLM, Ollama, vLLM).

Source: https://platform.openai.com/docs/api-reference/chat/create and `/chat/streaming`.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, InvalidURL
from yarl import URL

from agents.errors import ModelRefused, ModelUnavailable
from agents.models.base import ModelChunk, ModelMessage
from agents.models.decoding import Decoder
from agents.models.failures import failure, reason_of
from agents.models.sse import EventStream, EventTooLong
from config.settings import ModelSettings

DEFAULT_BASE_URL = "https://api.openai.com/v1"
CONNECT_S = 10.0
BACK_OFF_S = 0.5
BACK_OFF_MAX_S = 15.0
LONGEST_WAIT_S = 30.0
"""An endpoint that asks for a longer pause is left to the fallbacks."""
ERROR_BODY_MAX = 20_000
BODY_MAX_BYTES = 16 * 2**20
DRAIN_S = 0.1

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class OpenAIModel:
    """One model of an OpenAI-compatible endpoint."""

    def __init__(
        self,
        alias: str,
        settings: ModelSettings,
        session: ClientSession,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.alias = alias
        self.name = settings.model
        self._settings = settings
        self._session = session
        self._sleep = sleep
        self._secret = settings.api_key.get_secret_value() if settings.api_key else ""
        self._url = _endpoint(settings)
        self._headers = _headers(settings, self._secret)
        self._timeout = ClientTimeout(
            total=None, sock_connect=min(CONNECT_S, settings.timeout_s), sock_read=settings.timeout_s
        )
        self._fields = _fields(settings)
        self._renamed: dict[str, str | None] = {}
        """Fields that the endpoint does not know, and what they are called there."""

    async def stream(
        self,
        messages: Sequence[ModelMessage],
        *,
        options: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> AsyncGenerator[ModelChunk, None]:
        """Yield the answer piece by piece; see `Model.stream`."""
        failures = 0
        while True:
            shown = False
            try:
                async with aclosing(self._once(messages, options or {}, tools)) as chunks:
                    async for chunk in chunks:
                        shown = shown or bool(chunk.text or chunk.calls)
                        yield chunk
            except ModelUnavailable as error:
                error.shown = shown
                failures += 1
                if shown or failures > self._settings.retries or (error.retry_after_s or 0) > LONGEST_WAIT_S:
                    raise
                await self._sleep(_pause_s(failures, error.retry_after_s))
            except _FieldUnknown:
                continue  # the field was renamed or dropped: the same request, as this endpoint likes it
            else:
                return

    async def _once(
        self, messages: Sequence[ModelMessage], options: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[ModelChunk, None]:
        body = _encode(self._body(messages, options, tools)).encode()
        # aiohttp warns of large bodies in one piece: it would write them without a pause.
        data = io.BytesIO(body) if len(body) > 2**20 else body
        decoder = Decoder(self.alias)
        try:
            async with self._session.post(
                self._url, data=data, headers=self._headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise await self._refusal(response)
                async with aclosing(_chunks(response, decoder)) as chunks:
                    async for chunk in chunks:
                        yield chunk
        except (ClientError, TimeoutError, OSError, EventTooLong) as error:
            if isinstance(error, InvalidURL):
                raise ModelRefused(f"model `{self.alias}`: the base_url is wrong", alias=self.alias) from error
            if not decoder.finished:
                raise ModelUnavailable(
                    f"model `{self.alias}`: the connection failed ({type(error).__name__})", alias=self.alias
                ) from error
        decoder.check()

    def _body(
        self, messages: Sequence[ModelMessage], options: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        fields = {**self._fields, **options}
        if tools:
            fields["tools"] = tools
        for name, known_as in self._renamed.items():
            value = fields.pop(name, None)
            if known_as and value is not None:
                fields[known_as] = value
        body = {name: value for name, value in fields.items() if value is not None}
        body["messages"] = messages
        return body

    async def _refusal(self, response: ClientResponse) -> Exception:
        raw = await response.content.read(ERROR_BODY_MAX)
        try:
            reason = reason_of(json.loads(raw))
        except ValueError:
            reason = ""
        if response.status in (400, 422) and self._adapts(reason):
            return _FieldUnknown()
        if 300 <= response.status < 400:
            reason = "a redirect; check base_url"
        return failure(self.alias, response.status, reason=reason, headers=response.headers, secret=self._secret)

    def _adapts(self, reason: str) -> bool:
        """Learn from a refusal which fields this endpoint calls otherwise; False when there is nothing new."""
        for name, known_as, sign in _VARIANTS:
            if sign in reason and name not in self._renamed:
                self._renamed[name] = known_as
                return True
        return False


async def _chunks(response: ClientResponse, decoder: Decoder) -> AsyncGenerator[ModelChunk, None]:
    if response.content_type == "application/json":  # an endpoint that does not stream
        for chunk in decoder.whole(await _body_of(response)):
            yield chunk
        return
    events = EventStream()
    async for received in response.content.iter_any():
        if (added := decoder.events(events.feed(received))) is not None:
            yield added
        if decoder.done:
            await _drain(response)
            return
    if (added := decoder.events(events.finish())) is not None:
        yield added


async def _body_of(response: ClientResponse) -> bytes:
    body = bytearray()
    async for received in response.content.iter_any():
        body += received
        if len(body) > BODY_MAX_BYTES:
            raise EventTooLong
    return bytes(body)


async def _drain(response: ClientResponse) -> None:
    """Read the end of the body, which usually is there already: only then can the connection be used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while not response.content.at_eof():
                await response.content.readany()


class _FieldUnknown(Exception):
    """The endpoint does not know a field that was since adapted."""


_VARIANTS = (
    # Reasoning models of OpenAI accept only the newer name.
    ("max_tokens", "max_completion_tokens", "max_completion_tokens"),
    # Older compatible servers refuse to count tokens while streaming.
    ("stream_options", None, "stream_options"),
)


def _endpoint(settings: ModelSettings) -> URL:
    base = (settings.base_url or DEFAULT_BASE_URL).rstrip("/")
    url = URL(base if base.endswith("/chat/completions") else f"{base}/chat/completions")
    return url.update_query(settings.query) if settings.query else url


def _headers(settings: ModelSettings, secret: str) -> dict[str, str]:
    # Compressed events would arrive late.
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream", "Accept-Encoding": "identity"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    headers.update({name: value.get_secret_value() for name, value in settings.headers.items()})
    return headers


def _fields(settings: ModelSettings) -> dict[str, Any]:
    return {
        "model": settings.model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
        **settings.options,
    }


def _pause_s(failures: int, wanted_s: float | None) -> float:
    if wanted_s is not None:
        return wanted_s
    longest = min(BACK_OFF_MAX_S, BACK_OFF_S * 2.0 ** (failures - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 — jitter is no secret
