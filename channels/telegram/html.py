"""Render styled text in Telegram's HTML.

Source: https://core.telegram.org/bots/api#html-style
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from channels.markup.styled import Span, StyledText

_ORDER = ("quote", "link", "bold", "italic", "strike", "code", "pre")
"""From the outside in: every style is always opened inside the ones before it, so that tags cannot cross."""
_TAGS = {"quote": "blockquote", "bold": "b", "italic": "i", "strike": "s", "code": "code"}
_TAG = re.compile(r"<[^>]*>")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}$")

Key = tuple[int, str, str]
"""A style that is in force: its place in the order, its name and value."""


def render(styled: StyledText) -> str:
    """Return HTML that Telegram parses back to the same text."""
    if not styled.spans:
        return _escape(styled.text)
    pieces: list[str] = []
    opened: list[Key] = []
    for start, end, spans in _stretches(styled):
        wanted = _in_force(spans)
        common = next((i for i, (a, b) in enumerate(zip(opened, wanted, strict=False)) if a != b), None)
        kept = min(len(opened), len(wanted)) if common is None else common
        pieces.extend(_close(key) for key in reversed(opened[kept:]))
        pieces.extend(_open(key) for key in wanted[kept:])
        pieces.append(_escape(styled.text[start:end]))
        opened = wanted
    pieces.extend(_close(key) for key in reversed(opened))
    return "".join(pieces)


def plain(markup: str) -> str:
    """Return the text of HTML that `render` made."""
    return html.unescape(_TAG.sub("", markup))


def _stretches(styled: StyledText) -> Iterator[tuple[int, int, list[Span]]]:
    """Yield the stretches of the text over which the same spans apply."""
    borders = sorted({0, len(styled.text), *(edge for span in styled.spans for edge in (span.start, span.end))})
    coming = sorted(styled.spans, key=lambda span: span.start, reverse=True)
    applying: list[Span] = []
    for start, end in pairwise(borders):
        applying = [span for span in applying if span.end > start]
        while coming and coming[-1].start <= start:
            applying.append(coming.pop())
        yield start, end, applying


def _in_force(spans: Iterable[Span]) -> list[Key]:
    """Keep one of each style, and what Telegram allows inside each other.

    `pre` stands alone; nothing but a quote may hold `code`; inside a link, `code` gives way.
    """
    styles = {span.style: span.value for span in spans}
    if "pre" in styles:
        styles = {"pre": styles["pre"]}
    elif "code" in styles:
        kept = ("quote", "link", "bold", "italic", "strike") if "link" in styles else ("quote", "code")
        styles = {style: value for style, value in styles.items() if style in kept}
    return sorted((_ORDER.index(style), style, value) for style, value in styles.items())


def _open(key: Key) -> str:
    _, style, value = key
    if style == "link":
        return f'<a href="{html.escape(value)}">'
    if style == "pre":
        return f'<pre><code class="language-{value}">' if _LANGUAGE.match(value) else "<pre>"
    return f"<{_TAGS[style]}>"


def _close(key: Key) -> str:
    _, style, value = key
    if style == "link":
        return "</a>"
    if style == "pre":
        return "</code></pre>" if _LANGUAGE.match(value) else "</pre>"
    return f"</{_TAGS[style]}>"


def _escape(text: str) -> str:
    return html.escape(text, quote=False)
