"""A text with styled ranges: what Markdown says, free of any markup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from channels.splitting import split_text
from channels.types import TextUnit

Style = Literal["quote", "link", "bold", "italic", "strike", "code", "pre"]

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, overrides of the writing direction, and halves of surrogate pairs."""
_LINK = re.compile(r"(https?|tg)://[^\s/]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A styled range of a text; `value` is a link's address or a code block's language."""

    start: int
    end: int
    style: Style
    value: str = ""


@dataclass(frozen=True, slots=True)
class StyledText:
    """A plain text and its styled ranges; ranges may nest and overlap."""

    text: str = ""
    spans: tuple[Span, ...] = ()

    def cut(self, start: int, end: int) -> StyledText:
        """Return the piece from `start` to `end`, with the styles that reach into it."""
        kept = (
            Span(max(span.start, start) - start, min(span.end, end) - start, span.style, span.value)
            for span in self.spans
            if span.start < end and span.end > start
        )
        return StyledText(self.text[start:end], tuple(kept))

    def joined(self, other: StyledText, separator: str = "\n\n") -> StyledText:
        """Return both texts, one after the other; the separator stands only between two that are not empty."""
        if not self.text or not other.text:
            return self if self.text else other
        shift = len(self.text) + len(separator)
        moved = (Span(span.start + shift, span.end + shift, span.style, span.value) for span in other.spans)
        return StyledText(f"{self.text}{separator}{other.text}", (*self.spans, *moved))

    def split(self, limit: int, unit: TextUnit) -> list[StyledText]:
        """Return parts whose text is at most `limit` units long; a split code block is a code block in both."""
        code = [(span.start, span.end) for span in self.spans if span.style == "pre"]
        atoms = [(span.start, span.end) for span in self.spans if span.style in ("link", "code")]
        ranges = split_text(self.text, limit=limit, unit=unit, code=code, atoms=atoms)
        return [self.cut(start, end) for start, end in ranges]


def clean(text: str) -> str:
    """Return `text` with `\\n` as its line ends, without what platforms refuse or what misleads readers."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def is_link(address: str) -> bool:
    """Whether an address may be shown as a link: http, https and tg."""
    return _LINK.match(address) is not None
