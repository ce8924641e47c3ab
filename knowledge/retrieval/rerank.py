"""Asking a reranking endpoint for the order of what was found (the `/rerank` of Cohere, Jina, TEI, vLLM and others)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp

from config.settings import RerankSettings
from knowledge.errors import RerankUnavailable
from knowledge.types import Passage

_TEXT_MAX = 4000  # characters of a passage


class EndpointReranker:
    """Reorders passages; their scores stay what they were, so that thresholds keep their meaning."""

    def __init__(self, settings: RerankSettings, session: aiohttp.ClientSession) -> None:
        self.candidates = settings.candidates
        self._settings = settings
        self._session = session

    async def rerank(self, query: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return all of `passages`, the most relevant first.

        Raises:
            RerankUnavailable: the endpoint did not answer, or not in its protocol.
        """
        texts = [f"{one.title} {one.position}\n{one.text}"[:_TEXT_MAX] for one in passages]
        body = {"model": self._settings.model, "query": query, "documents": texts, "top_n": len(texts)}
        key = self._settings.api_key
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        try:
            async with self._session.post(
                str(self._settings.url), json=body, headers=headers, timeout=timeout
            ) as response:
                if response.status != 200:
                    raise RerankUnavailable(f"the reranker answers with status {response.status}")
                return _ordered(passages, await response.json(content_type=None))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise RerankUnavailable(f"the reranker was not reached: {type(error).__name__}") from error


def _ordered(passages: Sequence[Passage], answer: Any) -> list[Passage]:
    try:
        rows = sorted(answer["results"], key=lambda row: -float(row["relevance_score"]))
        order = list(dict.fromkeys(int(row["index"]) for row in rows))
    except (KeyError, TypeError, ValueError) as error:
        raise RerankUnavailable("the reranker's answer is malformed") from error
    if any(not 0 <= at < len(passages) for at in order):
        raise RerankUnavailable("the reranker names a passage that it was not given")
    return [passages[at] for at in order] + [one for at, one in enumerate(passages) if at not in set(order)]
