"""Where everything durable lives: one Redis client, and the names of all keys.

Every key of a conversation carries the hash tag of its partition, so that a script over several of them
stays in one slot of a cluster (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from bot.coalescing import CoalescingRedis
from bot.embedded import EmbeddedValkey
from bot.errors import StoreUnavailable
from config.settings import RedisSettings

CONNECTIONS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The names of keys: `<prefix>:{p<partition>}:…` for conversations, `<prefix>:…` for everything else."""

    prefix: str = "parley"
    partitions: int = 1

    def partition_of(self, conversation: str) -> int:
        """Return the partition that a conversation's keys live in."""
        return zlib.crc32(conversation.encode()) % self.partitions

    def base(self, partition: int) -> str:
        """Return what all keys of a partition begin with."""
        return f"{self.prefix}:{{p{partition}}}"

    def of(self, conversation: str, suffix: str) -> str:
        """Return a key of one conversation."""
        return f"{self.base(self.partition_of(conversation))}:c:{conversation}:{suffix}"

    def shared(self, name: str) -> str:
        """Return a key that belongs to no conversation."""
        return f"{self.prefix}:{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An open connection pool and its key names."""

    redis: Redis
    keys: Keys


@asynccontextmanager
async def open_store(settings: RedisSettings, data_dir: Path) -> AsyncIterator[Store]:
    """Open the configured server, or the embedded one of `data_dir`, and close what was opened.

    Raises:
        StoreUnavailable: it cannot be reached.
    """
    embedded = None if settings.url else EmbeddedValkey(data_dir / "valkey", fsync=settings.fsync)
    if embedded:
        await embedded.open()
    try:
        client = connect(settings.url or (embedded.url if embedded else ""), timeout_s=settings.timeout_s)
        try:
            await _check(client, settings.url or "the embedded Valkey")
            yield Store(redis=client, keys=Keys(prefix=settings.prefix, partitions=settings.partitions))
        finally:
            await client.aclose()
    finally:
        if embedded:
            await embedded.close()


def connect(url: str, *, timeout_s: float = 5) -> Redis:
    """Return a client for redis://, rediss://, unix:// or `redis+sentinel://host:port,…/service/db`."""
    retry = Retry(ExponentialBackoff(base=0.02, cap=0.5), retries=3)
    if not url.startswith("redis+sentinel://"):
        # Blocking: a burst waits for a connection instead of failing, or opening one for each command.
        pool = BlockingConnectionPool.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout_s,
            retry=retry,
            max_connections=CONNECTIONS_MAX,
            timeout=timeout_s,
        )
        return CoalescingRedis.from_pool(pool)
    hosts, _, path = url.removeprefix("redis+sentinel://").partition("/")
    service, _, db = path.partition("/")
    addresses = [(host, int(port or 26379)) for host, _, port in (item.partition(":") for item in hosts.split(","))]
    sentinel = Sentinel(addresses, socket_timeout=timeout_s)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(
        service or "mymaster",
        redis_class=CoalescingRedis,
        db=int(db or 0),
        decode_responses=True,
        socket_timeout=timeout_s,
        retry=retry,
        max_connections=CONNECTIONS_MAX * 10,
    )
    return client


async def _check(client: Redis, address: str) -> None:
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        # The address may carry a password: name the host only.
        raise StoreUnavailable(f"Redis at {address.rpartition('@')[2]} does not answer: {error}") from error
