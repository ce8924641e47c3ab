"""Which of the recent messages go into the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from agents.types import RecalledMessage
from config.assistant import MemorySettings


def tokens(text: str) -> int:
    """Return about how many tokens a text has: one for a CJK character, a quarter for any other.

    Counted by length alone: a CJK character has three bytes in UTF-8, a Latin one has one.
    """
    characters = len(text)
    wide = 0 if text.isascii() else min((len(text.encode("utf-8", "replace")) - characters) // 2, characters)
    return wide + (characters - wide + 3) // 4


def begin(messages: Sequence[RecalledMessage], settings: MemorySettings) -> int:
    """Return the index of the first message of the window: the newest within the count and the token budget."""
    first = len(messages)
    left = settings.tokens
    while first > max(0, len(messages) - settings.messages):
        left -= tokens(messages[first - 1].text)
        if left < 0:
            break
        first -= 1
    return first
