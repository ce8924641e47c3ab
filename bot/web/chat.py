"""The chat page's API: who can be asked, sending, following, and opinions.

A conversation belongs to the visitor whose cookie began it: its id alone opens nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from typing import Annotated, Literal, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.web.dependencies import WebDependencies, dependencies
from bot.web.exchange import KEEP_ALIVE, KEEP_ALIVE_S, EventStream, read_body
from bot.web.security import require_same_origin, visitor_of, welcome
from channels.errors import Refused, Unreachable
from channels.types import Attachment, Conversation, Progress
from channels.web import JournalEntry, WebChannel

log = structlog.get_logger()

LOOPBACK = ("127.0.0.1", "::1", "localhost")
RECONNECT = b"retry: 1000\n\n"
ID = r"^[A-Za-z0-9_-]{8,64}$"
TEXT_MAX_CHARACTERS = 200_000
FILES_MAX = 10
FILES_GONE = "A file is not there any more; send it again. 文件已失效，请重新发送。"

Id = Annotated[str, Field(pattern=ID)]


class Said(BaseModel):
    """What the page sends when a person writes, presses a button, or the page itself gives a command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    text: str = Field("", max_length=TEXT_MAX_CHARACTERS)
    files: tuple[Id, ...] = Field((), max_length=FILES_MAX)
    """The ids of files that were sent before."""
    kind: Literal["message", "button", "command"] = "message"
    """`command` is one that the page gives for the person (the stop button): it is not shown as their message."""
    language: Literal["zh", "en"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Said:
        if not self.text and not self.files:
            raise ValueError("a message needs a text or a file")
        return self


class Opinion(BaseModel):
    """What a person thinks of a message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: str = Field(min_length=1, max_length=200)
    value: Literal["up", "down", "none"]


Body = TypeVar("Body", Said, Opinion)


async def bootstrap(request: Request) -> Response:
    """Answer what the page needs to begin, and give a new visitor their cookie."""
    given, _ = chat_of(request)
    configuration = given.configuration()
    chosen = configuration.assistant(configuration.settings.channels.web.assistant)
    assistants = [
        {
            "name": assistant.name,
            "description": assistant.description,
            "opening": assistant.opening,
            "questions": assistant.questions,
            "language": assistant.language,
        }
        for assistant in configuration.assistants.values()
    ]
    known = {"assistant": chosen.name, "assistants": assistants, "files": await _file_limits(request)}
    response = JSONResponse(known, headers={"cache-control": "no-store"})
    welcome(request, response, public_url=configuration.settings.http.public_url)
    return response


async def send(request: Request) -> Response:
    """Take in what a person sent; the same id again is a duplicate and no second message."""
    _, channel = chat_of(request)
    conversation = conversation_of(request, channel)
    said = await _read(request, Said)
    attachments = await _named_files(channel, conversation, said.files)
    acceptance = await channel.submit(
        conversation,
        said.text,
        message_id=said.id,
        kind="button" if said.kind == "button" else "message",
        attachments=attachments,
        language=said.language,
        journaled=said.kind != "command",
    )
    return JSONResponse({"status": acceptance}, status_code=429 if acceptance == "busy" else 200)


async def events(request: Request) -> Response:
    """Stream the conversation: what was said since the last event that the page has, then live."""
    _, channel = chat_of(request)
    conversation = conversation_of(request, channel)
    after = request.headers.get("last-event-id") or request.query_params.get("after", "")
    return EventStream(_follow(channel, conversation, after))


async def rate(request: Request) -> Response:
    """Record a person's opinion of one of the bot's messages in their own conversation."""
    given, channel = chat_of(request)
    conversation = conversation_of(request, channel)
    opinion = await _read(request, Opinion)
    if not await channel.rate(conversation, opinion.message, opinion.value):
        raise HTTPException(404, "this conversation has no such message")
    await given.feedback.record(
        conversation=conversation.key, message=opinion.message, user=conversation.chat, value=opinion.value
    )
    return JSONResponse({"status": "recorded"})


async def _file_limits(request: Request) -> dict[str, int] | None:
    """Return what the page must know to send files, or None where this visitor may not."""
    given, channel = chat_of(request)
    visitor = visitor_of(request)
    if visitor is None or channel.files is None or not await given.may_send_files(channel.sender(visitor)):
        return None
    return {"max_bytes": given.configuration().settings.limits.attachment_max_bytes, "max_count": FILES_MAX}


async def _named_files(
    channel: WebChannel, conversation: Conversation, upload_ids: tuple[str, ...]
) -> tuple[Attachment, ...]:
    if not upload_ids:
        return ()
    if channel.files is None:
        raise HTTPException(400, "files are not taken here")
    try:
        return await channel.files.attachments(conversation, upload_ids)
    except Refused as error:
        raise HTTPException(410, FILES_GONE) from error


async def _follow(channel: WebChannel, conversation: Conversation, after: str) -> AsyncGenerator[bytes]:
    async with channel.subscribe(conversation, after=after) as reader:
        greeted = False
        yield RECONNECT
        while not reader.closed:
            try:
                items = await reader.next(timeout_s=KEEP_ALIVE_S)
            except Unreachable as error:
                # The page reconnects and reads on behind its last entry.
                log.warning("web.events_interrupted", error=str(error))
                return
            events = [_event(item) for item in items]
            if not greeted:
                greeted = True
                events.append(b"event: ready\ndata: {}\n\n")
            yield b"".join(events) or KEEP_ALIVE


def _event(item: JournalEntry | Progress) -> bytes:
    if isinstance(item, JournalEntry):
        # The entry's JSON holds no line break, so it is one data line.
        return f"id: {item.id}\nevent: entry\ndata: {item.data}\n\n".encode()
    fields = {"turn": item.turn, "kind": item.kind, "text": item.text, "offset": item.offset}
    data = json.dumps({**fields, "in_reply_to": item.in_reply_to}, ensure_ascii=False)
    return f"event: progress\ndata: {data}\n\n".encode()


def chat_of(request: Request) -> tuple[WebDependencies, WebChannel]:
    """Return what the routes of the chat page work with.

    Raises:
        HTTPException: 404 where the page is switched off.
    """
    given = dependencies(request)
    if given.chat is None:
        raise HTTPException(404, "the chat page is switched off")
    return given, given.chat


def conversation_of(request: Request, channel: WebChannel) -> Conversation:
    """Return the conversation that a request names, which is its visitor's own.

    Raises:
        HTTPException: 401 without the cookie of the page, 404 for what cannot be an id.
    """
    visitor = visitor_of(request)
    if visitor is None:
        raise HTTPException(401, "this needs the cookie of the chat page")
    conversation_id: str = request.path_params["conversation"]
    if not re.fullmatch(ID, conversation_id):
        raise HTTPException(404, "no such conversation")
    return channel.conversation(visitor, conversation_id)


async def _read(request: Request, form: type[Body]) -> Body:
    http = dependencies(request).configuration().settings.http
    require_same_origin(request, public_url=http.public_url, loopback=http.host in LOOPBACK)
    body = await read_body(request, max_bytes=http.body_max_bytes)
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HTTPException(400, f"{place}: {first['msg']}".removeprefix(": ")) from error
