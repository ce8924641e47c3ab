"""Platforms that call us: hands their requests to the channel of the account."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.web.dependencies import dependencies
from bot.web.exchange import read_body
from channels.base import WebhookRequest
from channels.errors import BadRequest


async def webhook(request: Request) -> Response:
    """Let the channel verify, accept and answer the request in the platform's own form."""
    given = dependencies(request)
    channel = given.webhooks(request.path_params["platform"], request.path_params["account"])
    if channel is None:
        raise HTTPException(404, "no such webhook")
    body = await read_body(request, max_bytes=given.configuration().settings.http.body_max_bytes)
    try:
        answer = await channel.handle(
            WebhookRequest(
                method=request.method,
                query=dict(request.query_params),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
            )
        )
    except BadRequest as error:
        return PlainTextResponse(str(error), status_code=error.status)
    return Response(answer.body, status_code=answer.status, headers={"content-type": answer.media_type})
