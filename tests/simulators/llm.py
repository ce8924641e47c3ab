"""A strict server of the OpenAI protocol: scripted or templated answers, and every way a model can fail.

In a test:

    async with LLMSimulator(api_key="sk-test") as llm:
        llm.script(call("clock", {}), say("It is ten."))
        ...                     # point a client at llm.base_url
        llm.assert_done()       # no call too many, no step left over

By hand: `python -m tests.simulators llm --port 9000 --delay 1`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from aiohttp import web

from tests.simulators.llm_request import ChatRequest, EmbeddingRequest, Invalid, check_conversation, checked
from tests.simulators.llm_script import (
    Call,
    Step,
    call,
    cut,
    empty,
    fail,
    last_user_text,
    malformed,
    say,
    silent,
)
from tests.simulators.llm_wire import CREATED, Completion, embedding, pieces_of

__all__ = ["Call", "LLMSimulator", "Step", "call", "cut", "empty", "fail", "main", "malformed", "say", "silent"]

Reply = str | Callable[[dict[str, Any]], str | Step]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it arrived; `at` is monotonic."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float


class LLMSimulator:
    """A model that says what it is told to. Attributes count what happened; `base_url` is known once started.

    `reply` is a template ({text}: the last user message, {n}: the request's number) or a function of the request
    body; it answers whatever no script was given for. After `script()`, every request needs a step.
    `models` empty: every model name exists. `api_key` None: every key is right.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        models: Sequence[str] = (),
        reply: Reply = "echo: {text}",
        prefix: str = "/v1",
        delay_s: float = 0,
        chunk_delay_s: float = 0,
        chunk_characters: int = 6,
        keep: int = 10_000,
        embedding_dimensions: int = 64,
    ) -> None:
        self.api_key = api_key
        self.models = tuple(models)
        self.reply = reply
        self.prefix = prefix.rstrip("/")
        self.delay_s = delay_s
        self.chunk_delay_s = chunk_delay_s
        self.chunk_characters = chunk_characters
        self.embedding_dimensions = embedding_dimensions
        self.embedding_delay_s = 0.0
        self.requests: deque[Recorded] = deque(maxlen=keep)
        self.count = 0
        self.active = 0
        self.disconnects = 0
        """Requests that the client gave up."""
        self.unexpected: list[str] = []
        self.base_url = ""
        self._steps: deque[Step] = deque()
        self._scripted = False
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> LLMSimulator:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        app = web.Application(client_max_size=64 * 2**20, middlewares=[self._guard])
        app.router.add_post(f"{self.prefix}/chat/completions", self._chat)
        app.router.add_post(f"{self.prefix}/embeddings", self._embeddings)
        app.router.add_get(f"{self.prefix}/models", self._models)
        app.router.add_get(f"{self.prefix}/models/{{model}}", self._model)
        app.router.add_get("/_simulator", self._counters)
        app.router.add_post("/_simulator", self._change)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1024)
        await site.start()
        port = self._runner.addresses[0][1]
        self.base_url = f"http://{host}:{port}{self.prefix}"

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def script(self, *steps: Step) -> None:
        """Queue the answers of the next requests; from now on a request without a step is a failure."""
        self._scripted = True
        self._steps.extend(steps)

    def assert_done(self) -> None:
        """Raise AssertionError unless every request had a step and every step was used."""
        assert not self.unexpected, f"unexpected requests: {self.unexpected}"
        assert not self._steps, f"steps left over: {list(self._steps)}"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the chat completion requests, in order."""
        return [request.body for request in self.requests if request.path.endswith("/chat/completions")]

    # -- endpoints -----------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Check the key, count, and put every refusal into OpenAI's error format."""
        if not request.path.startswith("/_simulator") and (refusal := self._unauthorised(request)):
            return refusal
        self.active += 1
        try:
            answer: web.StreamResponse = await handler(request)
            return answer
        except Invalid as error:
            return _error(400, str(error), "invalid_request_error", param=error.param)
        except web.HTTPException as error:
            message = f"Invalid URL ({request.method} {request.path})" if error.status == 404 else error.reason
            return _error(error.status, message, "invalid_request_error")
        except (asyncio.CancelledError, ConnectionResetError):
            self.disconnects += 1
            raise
        finally:
            self.active -= 1

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else request.headers.get("api-key", "")
        if self.api_key is None or key == self.api_key:
            return None
        if not key:
            return _error(401, "You didn't provide an API key.", "invalid_request_error")
        shown = f"{key[:3]}***{key[-2:]}"
        return _error(401, f"Incorrect API key provided: {shown}.", "invalid_request_error", code="invalid_api_key")

    async def _read(self, request: web.Request) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise Invalid("Content-Type must be application/json.")
        try:
            body: dict[str, Any] = json.loads(await request.read())
        except ValueError:
            raise Invalid("We could not parse the JSON body of your request.") from None
        self.count += 1
        self.requests.append(Recorded(request.path, dict(request.headers), body, monotonic()))
        return body

    def _known(self, model: str) -> web.Response | None:
        if not self.models or model in self.models:
            return None
        message = f"The model `{model}` does not exist or you do not have access to it."
        return _error(404, message, "invalid_request_error", code="model_not_found")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        parsed = checked(ChatRequest, body)
        check_conversation(parsed)
        if refusal := self._known(parsed.model):
            return refusal
        step = self._next(body, parsed)
        if step is None:
            self.unexpected.append(last_user_text(parsed)[:200])
            return _error(400, "the script has no step for this request", "simulator", code="unexpected_call")
        delay_s = self.delay_s if step.delay_s is None else step.delay_s
        if delay_s:
            await asyncio.sleep(delay_s)
        if step.hang_after == 0:
            await asyncio.Event().wait()
        if step.status != 200:
            return _failure(step)
        answer = Completion(parsed, step, self.count)
        return await (self._stream(request, answer) if parsed.stream else self._whole(request, answer))

    def _next(self, body: dict[str, Any], parsed: ChatRequest) -> Step | None:
        if self._scripted:
            step = next((step for step in self._steps if step.suits(body)), None)
            if step is not None:
                self._steps.remove(step)
            return step
        if callable(self.reply):
            made = self.reply(body)
            return made if isinstance(made, Step) else Step(text=made)
        return Step(text=self.reply.replace("{n}", str(self.count)).replace("{text}", last_user_text(parsed)))

    async def _whole(self, request: web.Request, answer: Completion) -> web.StreamResponse:
        step = answer.step
        if step.gate is not None:
            await step.gate.wait()
        if step.hang_after is not None:
            await asyncio.Event().wait()
        if step.malformed_after is not None:
            return web.Response(body=b'{"id": "chatcmpl-1", "choices": [', content_type="application/json")
        if step.cut_after is not None:
            response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "10000"})
            await response.prepare(request)
            await response.write(b'{"id": "chatcmpl-1", ')
            return _broken(request, response)
        return _json(answer.whole())

    async def _stream(self, request: web.Request, answer: Completion) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        step, pending = answer.step, bytearray()
        delay_s = self.chunk_delay_s if step.chunk_delay_s is None else step.chunk_delay_s
        pieces = step.chunks if step.chunks is not None else pieces_of(step.text, self.chunk_characters)
        for number, event in enumerate(answer.events(pieces)):
            waits = delay_s > 0 and number > 0
            if pending and (
                waits or number in (step.cut_after, step.hang_after, step.gate_after, step.malformed_after)
            ):
                await _write(response, pending, step.wire_bytes)
            if number == step.cut_after:
                return _broken(request, response)
            if number == step.hang_after:
                await asyncio.Event().wait()
            if number == step.malformed_after:
                pending += b'data: {"id": "chatcmpl-1", "choices": [{"delta": {"content":\n\n'
            if number == step.gate_after and step.gate is not None:
                await step.gate.wait()
            if waits:
                await asyncio.sleep(delay_s)
            pending += event
        await _write(response, pending, step.wire_bytes)
        await response.write_eof()
        return response

    async def _embeddings(self, request: web.Request) -> web.Response:
        parsed = checked(EmbeddingRequest, await self._read(request))
        if refusal := self._known(parsed.model):
            return refusal
        inputs = parsed.input
        texts: list[Any] = [inputs] if isinstance(inputs, str) or isinstance(inputs[0], int) else list(inputs)
        size = parsed.dimensions or self.embedding_dimensions
        await asyncio.sleep(self.embedding_delay_s)
        data = []
        for index, text in enumerate(texts):
            vector: Any = embedding(str(text), size)
            if parsed.encoding_format == "base64":
                vector = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        tokens = sum(max(1, len(str(text)) // 4) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _json({"object": "list", "data": data, "model": parsed.model, "usage": usage})

    async def _models(self, _: web.Request) -> web.Response:
        return _json({"object": "list", "data": [_model(name) for name in self.models or ("gpt-4o-mini",)]})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        return self._known(name) or _json(_model(name))

    async def _change(self, request: web.Request) -> web.Response:
        """For runs by hand: set `delay_s`, `chunk_delay_s` or `reply` of the requests to come."""
        for name, value in (await request.json()).items():
            if name not in ("delay_s", "chunk_delay_s", "reply"):
                raise Invalid(f"{name} cannot be changed", name)
            setattr(self, name, value)
        return _json({})

    async def _counters(self, _: web.Request) -> web.Response:
        """For runs by hand: what `count`, `active`, `disconnects` and `unexpected` are in a test."""
        names = ("count", "active", "disconnects", "unexpected")
        return _json({name: getattr(self, name) for name in names} | {"left": len(self._steps)})


def _json(body: dict[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(body, ensure_ascii=False).encode(), content_type="application/json")


def _error(status: int, message: str, kind: str, *, param: str | None = None, code: str | None = None) -> web.Response:
    response = _json({"error": {"message": message, "type": kind, "param": param, "code": code}})
    response.set_status(status)
    return response


def _failure(step: Step) -> web.Response:
    kinds = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error"}
    kind = "rate_limit_exceeded" if step.status == 429 else kinds.get(step.status, "server_error")
    response = _error(step.status, step.message, kind, code=step.code)
    if step.retry_after_s is not None:
        response.headers["Retry-After"] = f"{step.retry_after_s:g}"
    return response


def _broken(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection in the middle of the body."""
    if request.transport is not None:
        request.transport.close()
    return response


async def _write(response: web.StreamResponse, pending: bytearray, size: int | None) -> None:
    """Send what is pending, in one write or in pieces of `size` bytes that arrive apart."""
    data = bytes(pending)
    pending.clear()
    if size is None:
        await response.write(data)
        return
    for start in range(0, len(data), size):
        await response.write(data[start : start + size])
        await asyncio.sleep(0.001)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}


def main(argv: list[str]) -> None:
    """`python -m tests.simulators llm`: serve until interrupted; prints the base URL once it listens."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators llm", description="A simulated OpenAI server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--prefix", default="/v1")
    parser.add_argument("--api-key", help="the only key accepted; by default any")
    parser.add_argument("--model", action="append", default=[], help="the models that exist; by default any")
    parser.add_argument(
        "--reply", default="echo: {text}", help="{text}: the last user message, {n}: the request's number"
    )
    parser.add_argument("--delay", type=float, default=0, help="seconds before the first token")
    parser.add_argument("--chunk-delay", type=float, default=0, help="seconds before every further chunk")
    parser.add_argument("--chunk-characters", type=int, default=6)
    parser.add_argument("--script", type=Path, help='a JSON list of steps, e.g. [{"text": "hi"}, {"status": 429}]')
    options = parser.parse_args(argv)
    simulator = LLMSimulator(
        api_key=options.api_key,
        models=options.model,
        reply=options.reply,
        prefix=options.prefix,
        delay_s=options.delay,
        chunk_delay_s=options.chunk_delay,
        chunk_characters=options.chunk_characters,
        keep=100,
    )
    if options.script:
        simulator.script(*(_from_json(step) for step in json.loads(options.script.read_text("utf-8"))))
    asyncio.run(_serve(simulator, options.host, options.port))


def _from_json(step: dict[str, Any]) -> Step:
    calls = [Call(**one) for one in step.pop("calls", ())]
    return Step(calls=calls, **step)


async def _serve(simulator: LLMSimulator, host: str, port: int) -> None:
    await simulator.start(host=host, port=port)
    print(f"llm simulator: {simulator.base_url}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await simulator.stop()
