"""An answer in OpenAI's form: whole, or chunk by chunk.

Source: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from bot.web.exchange import KEEP_ALIVE
from bot.web.openai_request import ApiProblem
from channels.types import OutboundMessage, Progress

Event = Progress | OutboundMessage | None
"""A sign of life, the answer itself, or a moment of silence."""

DONE = b"data: [DONE]\n\n"


def problem_of(answer: OutboundMessage) -> ApiProblem | None:
    """Return the error that a failed turn is answered with."""
    if answer.kind != "failure" and answer.outcome != "failed":
        return None
    # The turn was tried again inside already: a client that repeats it would only ask the same anew.
    headers = {"x-should-retry": "false"}
    return ApiProblem(502, answer.content, type_="server_error", code="turn_failed", headers=headers)


def completion(answer: OutboundMessage, *, id_: str, model: str) -> dict[str, Any]:
    """Return the whole answer as a `chat.completion`; `citations` is Parley's own field."""
    message = {"role": "assistant", "content": answer.content, "refusal": None, "citations": _citations(answer)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
    head = {"id": id_, "object": "chat.completion", "created": int(time.time()), "model": model}
    return {**head, "choices": [choice], "usage": _usage(answer)}


@dataclass(slots=True, kw_only=True)
class Chunks:
    """Writes one answer as `chat.completion.chunk` events."""

    id_: str
    model: str
    include_usage: bool
    created: int
    _received: str = ""
    _sent: str = ""

    async def write(self, events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
        """Yield the events of the stream; a failure becomes an error event, after which it ends."""
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})
        try:
            async with aclosing(events):
                async for event in events:
                    if chunk := self._written(event):
                        yield chunk
        except ApiProblem as problem:
            yield _data(problem.body)

    def _written(self, event: Event) -> bytes:
        if event is None:
            return KEEP_ALIVE
        if isinstance(event, OutboundMessage):
            return self._last(event)
        text = self._grown(event)
        return self._chunk({"content": text}) if text else b""

    def _grown(self, progress: Progress) -> str:
        """Return what the text grew by; nothing while it repeats, after a crash, what was sent already."""
        if progress.kind == "started":
            self._received = ""
        elif progress.kind == "text" and progress.offset <= len(self._received):
            self._received = self._received[: progress.offset] + progress.text
        if not self._received.startswith(self._sent):
            return ""
        text = self._received[len(self._sent) :]
        self._sent = self._received
        return text

    def _last(self, answer: OutboundMessage) -> bytes:
        problem = problem_of(answer)
        if problem:
            return _data(problem.body)
        rest = rest_of(answer.content, sent=self._sent, replaces=answer.outcome == "blocked")
        parts = [self._chunk({"content": rest})] if rest else []
        parts.append(self._chunk({"citations": _citations(answer)}, finish_reason=_finish_reason(answer)))
        if self.include_usage:
            parts.append(_data({**self._head(), "choices": [], "usage": _usage(answer)}))
        return b"".join([*parts, DONE])

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.include_usage else {}
        return _data({**self._head(), "choices": [choice], **usage})

    def _head(self) -> dict[str, Any]:
        return {"id": self.id_, "object": "chat.completion.chunk", "created": self.created, "model": self.model}


def rest_of(content: str, *, sent: str, replaces: bool) -> str:
    """Return what a client that was sent `sent` still lacks of `content`.

    White space at the ends may differ between the stream and the final text. What was sent cannot be taken back:
    an answer that `replaces` it (it was blocked) is added as a new paragraph, one that merely differs is not.
    """
    shown = sent.strip()
    if content.lstrip().startswith(shown):
        rest = content.lstrip()[len(shown) :] if shown else content
        trailing = sent[len(sent.rstrip()) :]
        return rest.removeprefix(trailing) if shown and rest.startswith(trailing) else rest
    return f"\n\n{content}" if replaces else ""


def _finish_reason(answer: OutboundMessage) -> str:
    return "content_filter" if answer.outcome == "blocked" else "stop"


def _usage(answer: OutboundMessage) -> dict[str, int]:
    prompt, completed = answer.usage.get("prompt_tokens", 0), answer.usage.get("completion_tokens", 0)
    return {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed}


def _citations(answer: OutboundMessage) -> list[dict[str, Any]]:
    return [asdict(citation) for citation in answer.citations]


def _data(value: object) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
