from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

import pytest

from bot.commands.base import Call
from bot.commands.kb import shown as module
from bot.commands.kb.shown import shown
from channels.types import Conversation, InboundMessage, Sender
from knowledge.ingest.progress import Progress


@dataclass
class Screen:
    """What a person was shown, and when."""

    lines: list[tuple[float, str]] = field(default_factory=list)

    def show(self, text: str) -> None:
        self.lines.append((time.monotonic(), text))

    def call(self, *, private: bool = True) -> Call:
        conversation = Conversation(channel="web", account="default", chat="7")
        sender = Sender(channel="web", account="default", user="7")
        message = InboundMessage(
            id="1",
            conversation=conversation,
            sender=sender,
            text="/kb sync",
            private=private,
            sent_at=datetime.now(UTC),
        )
        nothing = cast(Any, None)
        return Call(
            arguments="",
            message=message,
            principal=nothing,
            language="en",
            assistant=nothing,
            services=nothing,
            show=self.show,
        )


async def test_the_newest_line_is_shown_at_a_steady_pace_however_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_S", 0.02)
    monkeypatch.setattr(module, "EVERY_S", 0.1)
    screen = Screen()
    async with shown(screen.call()) as show:
        for number in range(1, 101):
            show.tell(Progress(done=number, total=100, document=f"docs/{number}.md"))
            await asyncio.sleep(0.005)
    assert 3 <= len(screen.lines) <= 10
    assert all(re.fullmatch(r"📖 Reading (\d+)/100 · \1\.md( · 1 s)?", line) for _, line in screen.lines)
    times = [at for at, _ in screen.lines]
    assert min(after - before for before, after in pairwise(times)) > 0.09
    count = len(screen.lines)
    await asyncio.sleep(0.15)
    assert len(screen.lines) == count


async def test_words_of_its_own_are_shown_at_once_and_a_group_sees_no_names() -> None:
    screen = Screen()
    async with shown(screen.call(private=False)) as show:
        show.say("正在接收 a.pdf", "Receiving a.pdf")
        assert [line for _, line in screen.lines] == ["Receiving a.pdf"]
        show.tell(Progress(done=1, total=2, document="hr/salaries.md"))
        assert show.line() == "📖 Reading 1/2"
        show.tell(Progress(done=3, document="https://example.com/hr/", phase="fetching"))
        assert show.line() == "🌐 Fetching 3"
        show.tell(Progress(phase="waiting"))
        assert show.line() == "⏳ Waiting for another sync to end"
