"""Answers of the simulated model in the protocol's own form."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Sequence
from typing import Any

from tests.simulators.llm_request import ChatRequest
from tests.simulators.llm_script import Step, content_text

CREATED = 1_700_000_000


class Completion:
    """One step in OpenAI's two forms: one object, or a stream of events."""

    def __init__(self, request: ChatRequest, step: Step, number: int) -> None:
        self.step = step
        self.request = request
        self.id = f"chatcmpl-{number}"
        self.finish = step.finish or ("tool_calls" if step.calls else "stop")
        self.calls = [(one.id or f"call_{number}_{index}", one) for index, one in enumerate(step.calls)]

    def usage(self) -> dict[str, int]:
        prompt, completion = self.step.usage or (
            sum(3 + _tokens(content_text(message.content)) for message in self.request.messages),
            _tokens(self.step.text) + sum(_tokens(one.text) for _, one in self.calls),
        )
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.step.text or None, "refusal": None}
        if not self.calls:
            message["content"] = self.step.text
        else:
            message["tool_calls"] = [
                {"id": id, "type": "function", "function": {"name": one.name, "arguments": one.text}}
                for id, one in self.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        return self._head("chat.completion") | {"choices": [choice], "usage": self.usage()}

    def events(self, pieces: Sequence[str]) -> list[bytes]:
        """The stream's events: event N begins what comes after N pieces of text, arguments included."""
        wants_usage = self.request.stream_options is not None and self.request.stream_options.include_usage
        head = self._head("chat.completion.chunk") | ({"usage": None} if wants_usage else {})
        deltas: list[dict[str, Any]] = [{"content": piece} for piece in pieces]
        for index, (id, one) in enumerate(self.calls):
            opened = {"index": index, "id": id, "type": "function", "function": {"name": one.name, "arguments": ""}}
            deltas.append({"tool_calls": [opened]})
            deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in one.pieces]
        prefix = json.dumps(head, separators=(",", ":"))[:-1] + ',"choices":[{"index":0,"delta":'
        first = {"role": "assistant", "content": None if self.calls and not pieces else "", "refusal": None}
        events = [_event(prefix, delta) for delta in deltas] + [_event(prefix, {}, self.finish)]
        events[0] = _event(prefix, first) + events[0]
        if wants_usage:
            events[-1] += _data(self._head("chat.completion.chunk") | {"choices": [], "usage": self.usage()})
        events[-1] += b"data: [DONE]\n\n"
        return events

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": CREATED,
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulator",
        }


def _event(prefix: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    body = json.dumps(delta, ensure_ascii=False, separators=(",", ":"))
    return f'data: {prefix}{body},"logprobs":null,"finish_reason":{json.dumps(finish)}}}]}}\n\n'.encode()


def _data(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def pieces_of(text: str, size: int) -> list[str]:
    """The text in pieces of `size` characters."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def _tokens(text: str) -> int:
    """About what a tokenizer counts: one per CJK character, one per four others."""
    wide = sum("\u2e80" <= character <= "\uffef" for character in text)
    return wide + math.ceil((len(text) - wide) / 4)


def embedding(text: str, size: int) -> list[float]:
    """A unit vector of the text's words and character pairs: the same text, the same vector; like texts, near ones."""
    vector = [0.0] * size
    folded = text.casefold()
    for feature in re.findall(r"\w+", folded) + [folded[at : at + 2] for at in range(max(1, len(folded) - 1))]:
        digest = zlib.crc32(feature.encode())
        vector[digest % size] += 1.0 if digest & 0x10000 else -1.0
    norm = math.sqrt(sum(value * value for value in vector))
    return [value / norm for value in vector] if norm else [1.0, *vector[1:]]
