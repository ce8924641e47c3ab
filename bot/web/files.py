"""Files that people send in the web chat: each is sent by itself, and then named by a message.

Only whom `may_send_files` lets: a stranger who finds the page must not be able to fill the store.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.web.chat import ID, LOOPBACK, chat_of, conversation_of
from bot.web.dependencies import dependencies
from bot.web.exchange import too_large
from bot.web.security import require_same_origin
from channels.errors import RateLimited, TooLarge
from channels.types import Conversation
from channels.web_files import WebFiles, upload_id_of

BODY = "application/octet-stream"
NAME_HEADER = "x-file-name"
"""The file's name, percent-encoded; no form and no simple request of another site can send it."""
NAME_MAX = 2000
RECEIVE_S = 600.0
NOT_ALLOWED = "Only administrators may send files here. 只有管理员可以在这里发送文件。"
TOO_MANY = "Too many files within the hour; send them later. 一小时内的文件太多了，请稍后再发。"
TOO_SLOW = "The file took too long to arrive. 文件上传超时。"
NO_NAME = f"The header {NAME_HEADER} must hold the file's name, percent-encoded. 缺少文件名。"


async def upload(request: Request) -> Response:
    """Take in one file of a conversation: the body is its bytes, the header its name."""
    files, conversation = _files(request)
    _require_own_page(request, media_type=BODY)
    await _require_right(request, conversation)
    name = _name(request)
    limit = dependencies(request).configuration().settings.limits.attachment_max_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    try:
        async with asyncio.timeout(RECEIVE_S):
            attachment = await files.receive(conversation, name, request.stream(), size_max_bytes=limit)
    except TooLarge as error:
        raise too_large(error.limit_bytes) from error
    except RateLimited as error:
        raise HTTPException(429, TOO_MANY, headers={"retry-after": str(int(error.retry_after_s))}) from error
    except TimeoutError as error:
        raise HTTPException(408, TOO_SLOW) from error
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    return JSONResponse(
        {
            "id": upload_id_of(attachment),
            "name": attachment.name,
            "size_bytes": attachment.size_bytes,
            "media_type": attachment.media_type,
        },
        status_code=201,
    )


async def discard(request: Request) -> Response:
    """Forget a file that is not sent after all."""
    files, conversation = _files(request)
    _require_own_page(request)
    upload_id: str = request.path_params["file"]
    if not re.fullmatch(ID, upload_id):
        raise HTTPException(404, "no such file")
    await files.discard(conversation, upload_id)
    return JSONResponse({"status": "removed"})


def _files(request: Request) -> tuple[WebFiles, Conversation]:
    _, channel = chat_of(request)
    if channel.files is None:
        raise HTTPException(404, "files are not taken here")
    return channel.files, conversation_of(request, channel)


async def _require_right(request: Request, conversation: Conversation) -> None:
    given, channel = chat_of(request)
    if not await given.may_send_files(channel.sender(conversation.chat)):
        raise HTTPException(403, NOT_ALLOWED)


def _require_own_page(request: Request, *, media_type: str = "application/json") -> None:
    http = dependencies(request).configuration().settings.http
    require_same_origin(request, public_url=http.public_url, loopback=http.host in LOOPBACK, media_type=media_type)


def _name(request: Request) -> str:
    name = unquote(request.headers.get(NAME_HEADER, "")[:NAME_MAX]).strip()
    if not name:
        raise HTTPException(400, NO_NAME)
    return name
