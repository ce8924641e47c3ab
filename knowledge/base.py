"""The protocols of knowledge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from knowledge.types import Findings, Scope


class Retriever(Protocol):
    """Finds passages in knowledge bases."""

    async def search(self, query: str, *, bases: Sequence[str], limit: int, scope: Scope) -> Findings:
        """Return at most `limit` passages above the bases' thresholds, best first.

        Waits while a base is being opened for the first time.

        Raises:
            IndexUnavailable: the index cannot be reached; a retry is safe.
            UnknownBase: a base of that name is not configured.
        """


class Embedder(Protocol):
    """Turns texts into vectors."""

    name: str
    """Changes whenever the vectors would change."""
    dimensions: int

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length per text, in order.

        Raises:
            EmbeddingUnavailable: the model or endpoint cannot be reached; a retry is safe.
        """
