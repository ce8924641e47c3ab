"""The OpenAI-compatible API: each request is a conversation of its own, answered over the durable path.

`model` names an assistant. The request carries the whole history, so Parley's memory does not apply and
chat commands are plain text. With an `Idempotency-Key` a repeated request gets the first one's answer for
as long as the journal of the channel keeps it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.keys import ApiKey
from bot.web.dependencies import WebDependencies, dependencies
from bot.web.exchange import KEEP_ALIVE_S, EventStream, read_body, while_connected
from bot.web.openai_answer import Chunks, Event, completion, problem_of
from bot.web.openai_request import ApiProblem, ChatRequest, parse_chat_request
from channels.errors import Unreachable
from channels.types import Conversation, OutboundMessage, Progress
from channels.web import JournalEntry, Subscription
from config.assistant import Assistant

QUEUE_S = 30.0
"""How much longer than its turn a request may take: waiting for a worker, and delivery."""
ID_CHARACTERS = 32
CLOSED_REQUEST = 499
"""nginx' status for a client that left before the answer; nobody reads it."""


async def models(request: Request) -> Response:
    """List the assistants as models."""
    await _authenticated(request)
    assistants = dependencies(request).configuration().assistants
    return JSONResponse({"object": "list", "data": [_model(request, name) for name in assistants]})


async def model(request: Request) -> Response:
    """Describe one assistant as a model."""
    await _authenticated(request)
    assistant = _assistant(dependencies(request), request.path_params["model"])
    return JSONResponse(_model(request, assistant.name))


async def chat_completions(request: Request) -> Response:
    """Answer a chat completion, streaming or whole."""
    key = await _authenticated(request)
    given = dependencies(request)
    asked = parse_chat_request(await read_body(request, max_bytes=given.configuration().settings.http.body_max_bytes))
    assistant = _assistant(given, asked.model)
    if len(asked.question) > assistant.limits.input_characters:
        message = f"The last message is longer than {assistant.limits.input_characters} characters."
        raise ApiProblem(400, message, param="messages", code="context_length_exceeded")
    return await _Completion(request, given, key, asked, assistant).respond()


class _Completion:
    """One request on its way."""

    def __init__(
        self, request: Request, given: WebDependencies, key: ApiKey, asked: ChatRequest, assistant: Assistant
    ) -> None:
        self._request = request
        self._given = given
        self._key = key
        self._asked = asked
        self._assistant = assistant
        once = request.headers.get("idempotency-key")
        self._repeatable = once is not None
        self._id = hashlib.sha256(once.encode()).hexdigest()[:ID_CHARACTERS] if once else uuid4().hex
        self._conversation: Conversation = given.api.conversation(key.name, self._id)
        self._headers = {"x-request-id": self._id}

    async def respond(self) -> Response:
        """Answer whole, or begin to stream once there is something to show or to refuse."""
        events = self._events()
        try:
            if self._asked.stream:
                return self._stream(await while_connected(self._request, _opening(events)), events)
            answer = await while_connected(self._request, _final(events))
        except ClientDisconnect:
            await self._left()
            return Response(status_code=CLOSED_REQUEST)
        problem = problem_of(answer)
        if problem:
            raise problem
        body = completion(answer, id_=f"chatcmpl-{self._id}", model=self._assistant.name)
        return JSONResponse(body, headers=self._headers)

    def _stream(self, first: Event, events: AsyncGenerator[Event]) -> Response:
        options = self._asked.stream_options
        chunks = Chunks(
            id_=f"chatcmpl-{self._id}",
            model=self._assistant.name,
            include_usage=options is not None and options.include_usage,
            created=int(time.time()),
        )
        return EventStream(chunks.write(_chain(first, events)), headers=self._headers, on_leave=self._left)

    async def _events(self) -> AsyncGenerator[Event]:
        """Submit the request and yield what becomes of it; the last event is the answer."""
        api = self._given.api
        async with api.subscribe(self._conversation) as reader:
            acceptance = await api.submit(
                self._conversation,
                self._asked.question,
                message_id=self._id,
                name=self._key.name,
                assistant=self._assistant.name,
                history=self._asked.history,
                options=self._asked.options,
                journaled=False,
            )
            if acceptance == "busy":
                headers = {"retry-after": "1"}
                message = "Too many requests are waiting; try again shortly."
                raise ApiProblem(429, message, type_="rate_limit_error", code="rate_limit_exceeded", headers=headers)
            async with aclosing(self._followed(reader)) as events:
                async for event in events:
                    yield event

    async def _followed(self, reader: Subscription) -> AsyncGenerator[Event]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._assistant.limits.turn_s + QUEUE_S
        begun = False
        while not reader.closed and clock() < deadline:
            try:
                items = await reader.next(timeout_s=min(KEEP_ALIVE_S, deadline - clock()))
            except Unreachable as error:
                raise unavailable("The store does not answer; try again.") from error
            for item in items:
                event = item.message(self._conversation) if isinstance(item, JournalEntry) else item
                if isinstance(event, OutboundMessage) and event.kind == "suggestions":
                    continue
                yield event
                if isinstance(event, OutboundMessage):
                    return
            if begun and not items:
                yield None
            begun = True
        if reader.closed:
            raise unavailable("The server is restarting; try again.")
        raise ApiProblem(504, "The answer took too long.", type_="server_error", code="timeout")

    async def _left(self) -> None:
        """Stop a turn that nobody waits for; one that can be asked for again goes on."""
        if not self._repeatable:
            await self._given.cancel(self._conversation)


def unavailable(message: str) -> ApiProblem:
    """Return the problem of a store or server that is away for the moment."""
    return ApiProblem(503, message, type_="server_error", code="unavailable", headers={"retry-after": "1"})


async def _opening(events: AsyncGenerator[Event]) -> Event:
    """Return the first event that decides: text, silence, or an answer; a failed turn gets its own status."""
    try:
        async for event in events:
            problem = problem_of(event) if isinstance(event, OutboundMessage) else None
            if problem:
                raise problem
            if not isinstance(event, Progress) or event.kind == "text":
                return event
    except ApiProblem:
        await events.aclose()
        raise
    raise unavailable("The turn ended without an answer; try again.")


async def _final(events: AsyncGenerator[Event]) -> OutboundMessage:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, OutboundMessage):
                return event
    raise unavailable("The turn ended without an answer; try again.")


async def _chain(first: Event, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event


async def _authenticated(request: Request) -> ApiKey:
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    key = await dependencies(request).keys.check(presented.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        message = "Incorrect API key provided. Keys are made with `parley keys create NAME`."
        challenge = {"www-authenticate": "Bearer"}
        raise ApiProblem(401, message, code="invalid_api_key", headers=challenge)
    return key


def _assistant(given: WebDependencies, name: str) -> Assistant:
    assistant = given.configuration().assistants.get(name)
    if assistant is None:
        message = f"The model '{name[:64]}' does not exist; GET /v1/models lists the assistants."
        raise ApiProblem(404, message, param="model", code="model_not_found")
    return assistant


def _model(request: Request, name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": request.app.state.started_at, "owned_by": "parley"}
