"""The HTTP server of one process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from bot.errors import CannotStart

BACKLOG = 2048
GRACE_S = 3


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the app, which drains in its own order."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the port before anything else starts, so that a taken one is told at once.

    Raises:
        CannotStart: the port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        hint = "set PARLEY_HTTP_PORT, or http.port in parley.yaml, to a free one"
        raise CannotStart(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from error
    listener.setblocking(False)
    return listener


class WebServer:
    """Serves an ASGI app on a bound socket until stopped."""

    def __init__(self, app: ASGIApp, listener: socket.socket, *, close_streams: Callable[[], None]) -> None:
        self._listener = listener
        self._close_streams = close_streams
        host, self.port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="httptools",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=75,
        )
        self._server = _Server(config)
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Serve until `stop`."""
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Close the listener and let running responses end."""
        self._close_streams()
        self._server.should_exit = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S + 1):
                await self._ended.wait()
