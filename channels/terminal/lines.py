"""Lines from a person or a pipe, read in a thread that never keeps the process from ending."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import TextIO

Read = Callable[[str], str]
"""Shows the prompt and returns a line.

Raises:
    EOFError: there are no more.
"""
_Request = tuple[str, "asyncio.Future[str | None]"]


class Lines:
    """Reads one line whenever one is wanted, so that no prompt appears in the middle of an answer."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def next(self, prompt: str = "") -> str | None:
        """Return the next line without its end, or None when there are no more."""
        if self._thread is None:
            # A daemon: a thread that waits for a key press cannot be interrupted.
            self._thread = threading.Thread(target=self._serve, name="terminal-lines", daemon=True)
            self._thread.start()
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._requests.put((prompt, future))
        return await future

    def _serve(self) -> None:
        while True:
            prompt, future = self._requests.get()
            try:
                line: str | None = self._read(prompt)
            except (EOFError, ValueError):
                # ValueError: the stream was closed while the process ends.
                line = None
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                future.get_loop().call_soon_threadsafe(_answer, future, line)


def _answer(future: asyncio.Future[str | None], line: str | None) -> None:
    if not future.done():
        future.set_result(line)


def piped(stream: TextIO) -> Read:
    """Return a reader of a file or pipe; it shows no prompt."""

    def read(prompt: str) -> str:
        line = stream.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    return read


def typed() -> Read:
    """Return a reader of the keyboard, with editing and history where Python has them."""
    with suppress(ImportError):
        import readline  # noqa: F401 - importing it is what gives `input` its editing

    return input


@contextmanager
def tidy_terminal() -> Iterator[None]:
    """Leave the terminal as it was found: a reader that is left behind keeps it in its editing mode."""
    try:
        import termios

        before = termios.tcgetattr(sys.stdin)
    except (ImportError, termios.error, ValueError, OSError):
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
