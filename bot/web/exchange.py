"""Reading requests and writing event streams, with bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

KEEP_ALIVE_S = 15.0
"""Proxies close a silent connection after 30 to 60 seconds."""
KEEP_ALIVE = b": keep-alive\n\n"

Result = TypeVar("Result")


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """Return the request's body.

    Raises:
        HTTPException: 413 when it is longer than `max_bytes`, which is noticed before all of it was read.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {max_bytes} bytes")


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what `work` returns, or cancel it when the client goes away; the body must have been read.

    Raises:
        ClientDisconnect: the client is gone.
    """
    return await _first(asyncio.create_task(work), request.receive)


async def _first(working: asyncio.Task[Result], receive: Receive) -> Result:
    leaving = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


class EventStream:
    """A response of server-sent events that ends when the client leaves; the source is always closed.

    `on_leave` is called when the client went before the source was exhausted.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    def __init__(
        self, source: AsyncIterator[bytes], *, headers: dict[str, str], on_leave: Callable[[], Awaitable[None]]
    ) -> None:
        self._source = source
        self._on_leave = on_leave
        self._headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache, no-transform",
            # nginx would hold the events back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
            "x-accel-buffering": "no",
            **headers,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the source ends or the client leaves."""
        try:
            await _first(asyncio.create_task(self._send(send)), receive)
        except (ClientDisconnect, OSError):
            await self._on_leave()

    async def _send(self, send: Send) -> None:
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()]
        async with aclosing(self._source) as source:  # type: ignore[type-var]  # sources are async generators
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            async for event in source:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
