"""The live message of a long action: what it is doing, how far it is, and since when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING

from bot.commands.base import Call
from bot.commands.kb.choosing import own
from bot.commands.kb.wording import short

if TYPE_CHECKING:
    from knowledge.ingest.progress import Progress

FIRST_S = 0.3
EVERY_S = 1.0

_PHASES = {
    "waiting": ("⏳ 等待另一个同步结束", "⏳ Waiting for another sync to end"),
    "fetching": ("🌐 正在抓取", "🌐 Fetching"),
    "reading": ("📖 正在读取", "📖 Reading"),
}


class Shown:
    """What is being shown; `tell` takes the core's progress, `say` any words."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._started = time.monotonic()
        self._line = ""
        self._before = ""
        self._shown_at = float("-inf")
        self.prefix = ""
        """Which of several things this is, for example `2/3`."""

    def tell(self, progress: Progress) -> None:
        """Take in how far the action is; nothing is sent here."""
        zh, en = _PHASES[progress.phase]
        count = f"{progress.done}/{progress.total}" if progress.total else str(progress.done or "")
        # In a group, others read along who may not know the documents by name.
        name = (
            short(progress.document.rpartition("/")[2] or progress.document, 48) if self._call.message.private else ""
        )
        line = f"{self._call.text(zh, en)} {count}".rstrip()
        self._line = f"{line} · {name}" if name else line

    def say(self, zh: str, en: str) -> None:
        """Say something in words of its own, at once unless something was shown within the last second."""
        self._line = self._call.text(zh, en)
        if time.monotonic() >= self._shown_at + EVERY_S:
            self._show()

    def line(self) -> str:
        """Return what is to be shown now; empty while nothing was told."""
        if not self._line:
            return ""
        seconds = int(time.monotonic() - self._started)
        elapsed = self._call.text(f" · {seconds} 秒", f" · {seconds} s") if seconds else ""
        return f"{self.prefix}{self._line}{elapsed}"

    async def keep(self) -> None:
        """Show the newest line once a second, as long as it changes, until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            await asyncio.sleep(max(0.0, self._shown_at + EVERY_S - time.monotonic()))
            self._show()

    def _show(self) -> None:
        line, self._shown_at = self.line(), time.monotonic()
        if line and line != self._before:
            self._call.show(line)
            self._before = line


@asynccontextmanager
async def opening(call: Call) -> AsyncIterator[None]:
    """Say that bases are being opened, as long as an action waits for them."""

    async def tell() -> None:
        for seconds in count(1):
            await asyncio.sleep(EVERY_S)
            states = await call.services.library().status()
            mine = own(call)
            names = [one.name for one in states if one.state == "indexing" and one.name in mine]
            if not names:
                return
            which = ", ".join(names)
            call.show(call.text(f"⏳ 正在打开知识库 {which} · {seconds} 秒", f"⏳ Opening {which} · {seconds} s"))

    task = asyncio.create_task(tell(), name="command-opening")
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def shown(call: Call) -> AsyncIterator[Shown]:
    """Show what is told to the `Shown`, until the block is left."""
    made = Shown(call)
    task = asyncio.create_task(made.keep(), name="command-progress")
    try:
        yield made
    finally:
        task.cancel()
