"""How names, texts, times and sizes stand in a terminal. Names and texts come from strangers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.console import out
from knowledge.types import Access

PIPED_WIDTH = 100_000
_TOKEN = re.compile(r"\n|[^\S\n]+|[\u2e80-\uffef]|[^\s\u2e80-\uffef]+")
_BLANK = dict.fromkeys(map(ord, "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), " ")
# Control characters, halves of characters, and marks that turn the direction of what follows.
_HARMFUL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return a text without what could steer a terminal; line ends stay. Characters keep their places."""
    return _HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text.translate(_BLANK))


def line(text: str) -> Text:
    """Return a stranger's text on one line; nothing in it is markup."""
    return Text(" ".join(clean(text).split()))


def wrapped(text: Text, width: int) -> list[Text]:
    """Return a text in lines of at most `width` cells; Chinese breaks between any two characters, English at blanks."""
    ends: list[int] = []
    filled = 0
    for token in _TOKEN.finditer(text.plain):
        wide = cell_len(token.group())
        if token.group() == "\n":
            ends.append(token.end())
            filled = 0
        elif filled and filled + wide > width and not token.group().isspace():
            ends.append(token.start())
            filled = wide
        else:
            filled += wide
    lines = list(text.divide(ends)) if ends else [text]
    for one in lines:
        one.rstrip()
    return lines


def show_indented(console: Console, text: Text, *, by: int = 4) -> None:
    """Print a text in lines that begin with `by` blanks."""
    for one in wrapped(text, max(20, console.width - by)):
        console.print(Text(" " * by).append_text(one), soft_wrap=True)


def stdout() -> Console:
    """Return the console for results: where it is no terminal, lines stay whole, for `grep` and the like."""
    return out if out.is_terminal else Console(width=PIPED_WIDTH)


def grid(*columns: str, title: str | None = None) -> Table:
    """Return a table that leaves the width of a terminal to its contents."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def number_columns(table: Table, *names: str) -> None:
    """Add columns for numbers."""
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def when(at: float) -> str:
    """Return a Unix time for a person, in local time; "never" for 0."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}" if at else "never"


def moment(at: float) -> str | None:
    """Return a Unix time for a program (ISO 8601, UTC); None for 0."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else None


def size(count: int) -> str:
    """Return a number of bytes for a person."""
    value, units = float(count), ["B", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] in {"B", "kB"} else f"{value:.1f} {units[0]}"


def counted(count: int, one: str, many: str = "") -> str:
    """Return "1 document", "2 documents"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def limits(access: Iterable[Access]) -> str:
    """Return who may see something, every limit after the other; empty for everybody."""
    parts = [
        " and ".join(
            part
            for part in (
                f"roles {', '.join(sorted(one.roles))}" if one.roles else "",
                f"conversations {', '.join(sorted(one.conversations))}" if one.conversations else "",
            )
            if part
        )
        for one in access
    ]
    return "; and ".join(dict.fromkeys(part for part in parts if part))


def limits_data(access: Iterable[Access]) -> list[dict[str, list[str]]]:
    """Return the same for a program: all of them must permit."""
    return [
        {"roles": sorted(one.roles), "conversations": sorted(one.conversations)}
        for one in access
        if one.roles or one.conversations
    ]


def write_json(data: object) -> None:
    """Print data as JSON that people can read too."""
    import json

    text = json.dumps(data, ensure_ascii=False, indent=2)
    # Halves of characters (file names that are not UTF-8) cannot be written as they are.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
