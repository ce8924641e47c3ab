"""Where the vectors of all bases live: a folder of this process, a server, or neither."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from knowledge.changes.lock import FileLock
from knowledge.errors import IndexUnavailable
from knowledge.index import close_chroma, connect_chroma, open_chroma
from knowledge.threads import Threads

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

    from config.settings import ChromaSettings

log = structlog.get_logger(__name__)


class VectorHome:
    """Opens Chroma once, for all bases; a failed attempt is made again with the next base."""

    def __init__(self, data_dir: Path, server: ChromaSettings | None, threads: Threads, *, embedded: bool) -> None:
        """`embedded=False`: without a server there is no Chroma at all; its folder is left to another process."""
        self._embedded = embedded
        self._folder = data_dir / "chroma"
        self._server = server if server is not None and server.url else None
        self._threads = threads
        self._lock = FileLock(data_dir / "chroma.lock")
        self._opening = asyncio.Lock()
        self._opened = False
        self._client: ClientAPI | None = None

    @property
    def shared(self) -> bool:
        """True where several processes use the same collections."""
        return self._server is not None

    async def client(self) -> ClientAPI | None:
        """Return the open Chroma; None where its folder belongs to another process.

        Raises:
            IndexUnavailable: it cannot be opened or reached.
        """
        async with self._opening:
            if not self._opened:
                self._client = await self._connect()
                self._opened = True
            return self._client

    def close(self) -> None:
        """Give the folder or the connections back."""
        if self._client is not None:
            close_chroma(self._client)
            self._client = None
        self._opened = False
        self._lock.release()

    async def _connect(self) -> ClientAPI | None:
        if self._server is not None:
            token = self._server.token.get_secret_value() if self._server.token else None
            return await self._threads.write(
                connect_chroma, str(self._server.url), token=token, timeout_s=self._server.timeout_s
            )
        if not self._embedded:
            return None
        if not self._lock.acquire():
            log.info("knowledge.second_process", folder=str(self._folder))
            return None
        try:
            return await self._threads.write(open_chroma, self._folder)
        except IndexUnavailable:
            self._lock.release()
            raise
