"""Reading a chat completion of the OpenAI protocol, streamed or whole, from untrusted endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from agents.errors import ModelRefused, ModelUnavailable
from agents.models.base import CallPiece, ModelChunk
from agents.models.failures import clean, failure, reason_of
from agents.types import Usage

_DONE = b"[DONE]"
_FILTERED = "content_filter"


class Decoder:
    """Turns the events of one answer into chunks, and knows at the end whether it was an answer."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._said = False
        self._finish = ""
        self.finished = False
        """The model said that this is all: what happens to the connection then is without meaning."""
        self.done = False
        """The endpoint said that nothing more comes."""

    def events(self, received: Sequence[bytes]) -> ModelChunk | None:
        """Return what events that arrived together add, if anything, in one chunk: each has its price further on.

        Raises:
            ModelUnavailable: an event is no answer; what came before it in the same moment is given up with it.
            ModelRefused: the endpoint refuses in the middle of the stream.
        """
        chunks = [chunk for chunk in map(self._event, received) if chunk is not None]
        if len(chunks) < 2:
            return chunks[0] if chunks else None
        return ModelChunk(
            "".join(chunk.text for chunk in chunks),
            tuple(call for chunk in chunks for call in chunk.calls),
            next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None),
        )

    def _event(self, data: bytes) -> ModelChunk | None:
        if data == _DONE:
            self.finished = self.done = True
            return None
        body = self._json(data)
        choices = body.get("choices")
        usage = _usage(body.get("usage"))
        if not isinstance(choices, list) or not choices:
            return ModelChunk(usage=usage) if usage else None
        return self._choice(choices[0], "delta", usage)

    def whole(self, data: bytes) -> Iterator[ModelChunk]:
        """Yield an answer that came in one piece."""
        body = self._json(data)
        choices = body.get("choices")
        self.finished = True
        if isinstance(choices, list) and choices:
            chunk = self._choice(choices[0], "message", _usage(body.get("usage")))
            if chunk:
                yield chunk

    def check(self) -> None:
        """Raise unless what came is a whole answer."""
        if not self.finished:
            raise ModelUnavailable(f"model `{self._alias}`: the answer broke off", alias=self._alias)
        if self._said:
            return
        if self._finish == _FILTERED:
            raise ModelRefused(f"model `{self._alias}`: the provider's filter held the answer back", alias=self._alias)
        raise ModelUnavailable(f"model `{self._alias}`: the answer was empty", alias=self._alias)

    def _choice(self, choice: Any, part: str, usage: Usage | None) -> ModelChunk | None:
        if not isinstance(choice, dict):
            return None
        if choice.get("finish_reason"):
            self._finish = str(choice["finish_reason"])
            self.finished = True
        delta = choice.get(part)
        if not isinstance(delta, dict):
            return ModelChunk(usage=usage) if usage else None
        text = delta.get("content") or delta.get("refusal") or ""
        text = text if isinstance(text, str) else ""
        calls = _pieces(delta.get("tool_calls"))
        if not (text or calls or usage):
            return None
        self._said = self._said or bool(calls) or bool(text.strip())
        return ModelChunk(text, calls, usage)

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            body = json.loads(data)
        except ValueError:
            raise ModelUnavailable(f"model `{self._alias}`: the answer is not JSON", alias=self._alias) from None
        if not isinstance(body, dict):
            raise ModelUnavailable(f"model `{self._alias}`: the answer is no object", alias=self._alias)
        if body.get("error"):
            raise self._error(body["error"])
        return body

    def _error(self, error: Any) -> Exception:
        """An error that arrives inside a stream that began well."""
        reason = reason_of({"error": error})
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and 400 <= code < 600:
            return failure(self._alias, code, reason=reason)
        return ModelUnavailable(f"model `{self._alias}` broke off: {clean(reason)}", alias=self._alias)


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    return Usage(prompt_tokens=_count(value, "prompt_tokens"), completion_tokens=_count(value, "completion_tokens"))


def _count(value: dict[str, Any], name: str) -> int:
    number = value.get(name)
    return number if isinstance(number, int) and number >= 0 else 0


def _pieces(value: Any) -> tuple[CallPiece, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(_piece(place, item) for place, item in enumerate(value) if isinstance(item, dict))


def _piece(place: int, item: dict[str, Any]) -> CallPiece:
    function = item.get("function")
    function = function if isinstance(function, dict) else {}
    index = item.get("index")
    return CallPiece(
        index=index if isinstance(index, int) else place,
        id=str(item.get("id") or ""),
        name=str(function.get("name") or ""),
        arguments=str(function.get("arguments") or ""),
    )
