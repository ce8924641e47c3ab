"""Changing a base while somebody else may be at it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from knowledge.errors import Busy
from knowledge.ingest.progress import Progress
from knowledge.opened import OpenBase

FOLLOWING_S = 5.0
"""Longer than it takes to follow what another machine published."""
_RETRY_S = 0.25

T = TypeVar("T")


async def patiently(
    opened: Callable[[], Awaitable[OpenBase]],
    work: Callable[[OpenBase], Awaitable[T]],
    wait_s: float,
    progress: Callable[[Progress], None] | None,
) -> T:
    """Return what a change returns, trying for up to `wait_s` seconds while another one is under way.

    Raises:
        Busy: it still is.
    """
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            return await work(await opened())
        except Busy:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            if progress is not None:
                progress(Progress(phase="waiting"))
            await asyncio.sleep(_RETRY_S)
