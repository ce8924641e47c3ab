"""Reading requests and writing event streams, with bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

KEEP_ALIVE_S = 15.0
"""Proxies close a silent connection after 30 to 60 seconds."""
CANCEL_AGAIN_S = 0.5
KEEP_ALIVE = b": keep-alive\n\n"

Result = TypeVar("Result")


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """Return the request's body.

    Raises:
        HTTPException: 413 when it is longer than `max_bytes`, which is noticed before all of it was read.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise too_large(max_bytes)
    return bytes(body)


def too_large(max_bytes: int) -> HTTPException:
    """Return what is answered to a body of more than `max_bytes`."""
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
        await _end(working, leaving)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    # Again and again: `asyncio.wait_for` of Python 3.11, which redis-py uses for every command, loses a
    # cancellation that comes just as what it waits for is done (https://github.com/python/cpython/issues/86296).
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: what a client that is gone would have been told matters to nobody


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


class EventStream(StreamingResponse):
    """A response of server-sent events that ends when the client leaves; the source is always closed.

    `on_leave` is called when the client went before the source was exhausted.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    def __init__(
        self,
        source: AsyncGenerator[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        on_leave: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        # nginx would hold events back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
        fixed = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
        super().__init__(source, headers={**fixed, **(headers or {})}, media_type="text/event-stream")
        self._source = source
        self._on_leave = on_leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the source ends or the client leaves."""
        try:
            async with aclosing(self._source):
                await _first(asyncio.create_task(self.stream_response(send)), receive)
        except (ClientDisconnect, OSError):
            if self._on_leave:
                await self._on_leave()
