"""A Redis client that sends together what many conversations ask in the same turn of the event loop.

Most of a command's cost is the round trip's: taking a connection, one write, one read. Fifty conversations side by
side issue dozens of commands in one turn of the loop; as one pipeline they cost a fraction. Each caller still gets
its own answer or its own error, and commands of one caller keep their order, because it awaits each.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

BATCH_MAX = 200


class CoalescingRedis(Redis):
    """`redis.asyncio.Redis` with batched commands; blocking commands keep a connection of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._direct = False
        """True while a command goes its way alone."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the command's answer.

        Raises:
            RedisError: the server refused this command, or could not be reached.
        """
        if args[0] == "BLPOP" or (args[0] == "XREAD" and b"BLOCK" in args):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if not self._direct and not self._sending:
            # Nobody else is asking: the shortest way is the best.
            self._direct = True
            try:
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            finally:
                self._direct = False
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((args, options, answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        elif len(self._waiting) >= BATCH_MAX:
            self._flush()
        return await answer

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        if batch:
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, batch: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]]) -> None:
        try:
            answers = await self._answers(batch)
        except (RedisError, OSError) as error:
            answers = [error] * len(batch)
        except asyncio.CancelledError:
            for _, _, future in batch:
                future.cancel()
            raise
        for (_, _, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _answers(self, batch: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]]) -> list[Any]:
        if len(batch) == 1:
            args, options, _ = batch[0]
            return [await super().execute_command(*args, **options)]  # type: ignore[no-untyped-call]
        async with self.pipeline(transaction=False) as pipeline:
            for args, options, _ in batch:
                pipeline.execute_command(*args, **options)
            return await pipeline.execute(raise_on_error=False)
