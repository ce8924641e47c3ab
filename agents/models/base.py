"""What every language model offers: a stream of chunks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.types import Usage

ModelMessage = Mapping[str, Any]
"""One message in the OpenAI protocol's own form: `role`, `content`, and what tools need."""


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of a tool call, as it is streamed: `id` and `name` come once, `arguments` bit by bit."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """What a model added to its answer."""

    text: str = ""
    calls: tuple[CallPiece, ...] = ()
    usage: Usage | None = None


class Model(Protocol):
    """One configured language model."""

    alias: str
    """Its name in the configuration."""
    name: str
    """The provider's name of it."""

    def stream(
        self,
        messages: Sequence[ModelMessage],
        *,
        options: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> AsyncGenerator[ModelChunk, None]:
        """Yield the answer piece by piece; close the generator to break off.

        `options` override the configured sampling of this one call. An answer is complete or an error:
        one that breaks off or stays empty raises.

        Raises:
            ModelUnavailable: not reached, overloaded, silent for too long, or broken off. `shown` on the error
                says that chunks were given out before.
            ModelRefused: the request is wrong for this model.
            ModelUnauthorized: the key is missing or wrong.
        """
