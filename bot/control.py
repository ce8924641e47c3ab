"""What must reach a running turn without queueing behind it: stop, and "another message arrived".

One capped stream per partition; every worker follows it and picks out the conversations it is running.
A stream and not pub/sub: a worker that reconnects reads on where it was, so no stop is lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from bot.store import Store

STREAM_MAX = 1000
BLOCK_MS = 2000
Kind = Literal["stop", "arrived"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal to whoever runs a turn of this conversation; `by` is the platform identity behind it."""

    kind: Kind
    conversation: str
    by: str


class Control:
    """Sends and follows signals."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._keys = store.keys

    @property
    def partitions(self) -> range:
        """The partitions to follow."""
        return range(self._keys.partitions)

    async def send(self, signal: Signal) -> None:
        """Make the signal durable for the workers."""
        stream = self._stream(self._keys.partition_of(signal.conversation))
        fields: Any = {"kind": signal.kind, "conversation": signal.conversation, "by": signal.by}
        await self._redis.xadd(stream, fields, maxlen=STREAM_MAX, approximate=True)

    async def position(self, partition: int) -> str:
        """Return where the stream ends now: what a follower starts from."""
        newest: Any = await self._redis.xrevrange(self._stream(partition), count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def follow(self, partition: int, start: str) -> AsyncIterator[Signal]:
        """Yield the signals after `start`, in order."""
        stream, position = self._stream(partition), start
        while True:
            answer: Any = await self._redis.xread({stream: position}, count=100, block=BLOCK_MS)
            for _, entries in answer or ():
                for identifier, fields in entries:
                    position = identifier
                    yield Signal(kind=fields["kind"], conversation=fields["conversation"], by=fields["by"])

    def _stream(self, partition: int) -> str:
        return f"{self._keys.base(partition)}:control"
