"""Embeddings from any endpoint that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from math import sqrt
from typing import Any

import aiohttp

from config.settings import EmbeddingSettings
from knowledge.errors import EmbeddingUnavailable

_WAIT_MAX_S = 20.0
_TEXT_MAX = 8000  # characters; endpoints refuse texts above 8192 tokens


class EndpointEmbedder:
    """Asks in batches, and again after failures that pass. What was embedded is kept by the catalogue, not here."""

    def __init__(
        self,
        settings: EmbeddingSettings,
        session: aiohttp.ClientSession,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = f"openai/{settings.model}/{settings.dimensions or 'full'}"
        self.dimensions = settings.dimensions or 0
        self.batch = settings.batch
        self._settings = settings
        self._session = session
        self._sleep = sleep
        self._url = f"{(settings.base_url or 'https://api.openai.com/v1').rstrip('/')}/embeddings"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length per text, in order.

        Raises:
            EmbeddingUnavailable: the endpoint did not answer, or refused.
        """
        vectors: list[list[float]] = []
        for at in range(0, len(texts), self.batch):
            vectors += await self._batch([text[:_TEXT_MAX] or " " for text in texts[at : at + self.batch]])
        return vectors

    async def _batch(self, texts: list[str]) -> list[list[float]]:
        wait = 0.5
        for left in range(self._settings.retries, -1, -1):
            try:
                return await self._ask(texts)
            except _Passing as error:
                if not left:
                    raise EmbeddingUnavailable(str(error)) from error
                await self._sleep(min(_WAIT_MAX_S, error.retry_after_s or wait * random.uniform(0.8, 1.2)))  # noqa: S311
                wait *= 2
        raise AssertionError("unreachable")

    async def _ask(self, texts: list[str]) -> list[list[float]]:
        body: dict[str, Any] = {"model": self._settings.model, "input": texts, "encoding_format": "float"}
        if self._settings.dimensions:
            body["dimensions"] = self._settings.dimensions
        key = self._settings.api_key
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        try:
            async with self._session.post(self._url, json=body, headers=headers, timeout=timeout) as response:
                if response.status == 429 or response.status >= 500:
                    raise _Passing(f"status {response.status}", _seconds(response.headers.get("Retry-After", "")))
                if response.status != 200:
                    raise EmbeddingUnavailable(f"the embedding endpoint refuses: status {response.status}")
                return self._vectors(await response.json(content_type=None), len(texts))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Passing(f"the embedding endpoint was not reached: {type(error).__name__}") from error

    def _vectors(self, answer: Any, count: int) -> list[list[float]]:
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = [_unit([float(value) for value in row["embedding"]]) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise EmbeddingUnavailable("the embedding endpoint's answer is malformed") from error
        if len(vectors) != count or len({len(vector) for vector in vectors}) != 1:
            raise EmbeddingUnavailable("the embedding endpoint's answer has not one vector per text")
        self.dimensions = len(vectors[0])
        return vectors


class _Passing(Exception):
    """A failure that another try may get over."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def _seconds(text: str) -> float | None:
    return float(text) if text.replace(".", "", 1).isdigit() else None


def _unit(vector: list[float]) -> list[float]:
    length = sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]
