"""Keep a process's long-running tasks alive: the task supervisor that the design names.

A task that fails is logged and started again with a growing pause; a task that returns is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 5.0

CANCEL_AGAIN_S = 0.2


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for them; cancel again what has not ended.

    Until Python 3.12 `asyncio.wait_for` swallows a cancellation that meets the end of what it waits for
    (https://github.com/python/cpython/issues/86296), and libraries wait with it while they connect. Being cancelled
    itself, it ends the tasks first: nothing may go on behind the back of whoever started it.
    """
    interrupted: asyncio.CancelledError | None = None
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
        pending = {task for task in pending if not task.done()}
    if interrupted:
        raise interrupted


async def together(*loops: Coroutine[Any, Any, None]) -> None:
    """Run loops side by side until all have returned; when one fails or the caller is cancelled, end the others."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        await end(tasks)


class Supervisor:
    """Owns tasks: `keep` for loops that must not end, `spawn` for work that ends by itself."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run `loop` until it returns or is cancelled, starting it again after a failure."""
        return self._own(asyncio.create_task(self._restart(name, loop), name=name))

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` once; a failure is logged."""
        return self._own(asyncio.create_task(self._once(name, work), name=name))

    async def stop(self, *, grace_s: float = 0) -> None:
        """Let spawned work finish for `grace_s` seconds, then cancel everything and wait for it."""
        if grace_s and self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        await end(list(self._tasks))

    def _own(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _restart(name: str, loop: Callable[[], Awaitable[None]]) -> None:
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                await loop()
            except Exception as error:
                log.warning("task.failed", task=name, error=repr(error), again_in_s=pause_s, exc_info=True)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
            else:
                return

    @staticmethod
    async def _once(name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            log.warning("task.failed", task=name, error=repr(error), exc_info=True)
