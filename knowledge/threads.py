"""The two threads that blocking work of knowledge runs in, so that a search never waits behind a sync."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from knowledge.errors import IndexUnavailable

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """One thread that searches and one that writes."""

    def __init__(self) -> None:
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="knowledge-read")
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="knowledge-write")

    async def read(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run `work` in the searching thread.

        Raises:
            IndexUnavailable: the catalogue cannot be read.
        """
        return await _run(self._reading, partial(work, *args, **kwargs))

    async def write(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run `work` in the writing thread.

        Raises:
            IndexUnavailable: the catalogue cannot be read or written.
        """
        return await _run(self._writing, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Let what runs finish, and stop."""
        self._reading.shutdown(wait=True, cancel_futures=True)
        self._writing.shutdown(wait=True, cancel_futures=True)


async def _run(pool: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
    except sqlite3.Error as error:
        raise IndexUnavailable(f"the catalogue: {error}") from error
