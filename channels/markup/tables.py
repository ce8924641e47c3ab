"""Lay out a table as text in a fixed-width font, where Chinese characters are two columns wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

_WIDTH_MAX = 200
"""A wider table is unreadable on any screen: its columns are not aligned."""


def lay_out(rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """Return the rows as aligned lines, the first one underlined; `right` says which columns are aligned right."""
    cells = [_without_empty_end(row) for row in rows]
    widths = [max(map(_width, column)) for column in zip_longest(*cells, fillvalue="")]
    if sum(widths) + 3 * len(widths) > _WIDTH_MAX:
        return "\n".join(" | ".join(row) for row in cells)
    sides = [*right, *([False] * (len(widths) - len(right)))]
    lines = [_line(row, widths, sides) for row in cells]
    return "\n".join([*lines[:1], "-+-".join("-" * width for width in widths), *lines[1:]])


def _without_empty_end(row: Sequence[str]) -> list[str]:
    last = max((number for number, cell in enumerate(row, start=1) if cell), default=0)
    return list(row[:last])


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (_pad(cell, width, side) for cell, width, side in zip_longest(row, widths, right, fillvalue=""))
    return " | ".join(padded).rstrip()


def _pad(cell: str, width: int | str, right: bool | str) -> str:
    space = " " * max(0, int(width) - _width(cell))
    return space + cell if right else cell + space


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
