"""Signs of life of running turns, from the worker to the processes that own the connections.

They travel over one capped Redis stream per channel account. Losing one is harmless: the final message
goes through the outbox. Publishing never blocks a turn: a bounded buffer drops the oldest when full.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from typing import Any

from bot.store import Store
from bot.wire import decode_progress, encode_progress
from channels.types import Progress

STREAM_MAX = 2000
BUFFER_MAX = 5000
BLOCK_MS = 2000
INTERVAL_S = 0.005
KEPT_S = 3600


class Live:
    """Publishes progress, and follows what others publish."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._keys = store.keys
        self._buffer: deque[Progress] = deque(maxlen=BUFFER_MAX)
        self._filled = asyncio.Event()

    def publish(self, progress: Progress) -> None:
        """Queue a sign of life; it is sent by `run` together with others."""
        self._buffer.append(progress)
        self._filled.set()

    async def run(self) -> None:
        """Send what is published, one round trip for all that has gathered meanwhile."""
        sent_at = 0.0
        while True:
            await self._filled.wait()
            # Alone, a sign of life goes out at once; under load, those of many turns share a round trip.
            await asyncio.sleep(max(0.0, sent_at + INTERVAL_S - time.monotonic()))
            self._filled.clear()
            sent_at = time.monotonic()
            batches: dict[str, list[Progress]] = defaultdict(list)
            while self._buffer:
                progress = self._buffer.popleft()
                batches[self._stream(progress.conversation.channel, progress.conversation.account)].append(progress)
            async with self._redis.pipeline(transaction=False) as pipeline:
                for stream, items in batches.items():
                    pipeline.xadd(stream, {"p": encode_progress(items)}, maxlen=STREAM_MAX, approximate=True)
                    pipeline.expire(stream, KEPT_S)
                await pipeline.execute()

    async def follow(self, channel: str, account: str) -> AsyncIterator[Progress]:
        """Yield what is published for a channel account from now on, in order."""
        stream = self._stream(channel, account)
        newest: Any = await self._redis.xrevrange(stream, count=1)
        position: str = newest[0][0] if newest else "0-0"
        while True:
            answer: Any = await self._redis.xread({stream: position}, count=200, block=BLOCK_MS)
            for _, entries in answer or ():
                for identifier, fields in entries:
                    position = identifier
                    for progress in decode_progress(fields["p"]):
                        yield progress

    def _stream(self, channel: str, account: str) -> str:
        return self._keys.shared(f"live:{channel}.{account}")
