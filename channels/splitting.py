"""Split text into parts that a platform accepts, where a person would split it.

A part ends, in order of preference, before a code block that fits into the next part, between paragraphs, between
lines, after a sentence, after a clause or word, and only then anywhere; never inside a character as a person sees it
(an emoji of several code points).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from channels.limits import fitting_end, measure
from channels.types import TextUnit

Range = tuple[int, int]
"""Start and end of a piece of a text, in characters."""

_SENTENCE_END = re.compile(r"""[。！？；…]+[”’"'」』）)\]]*|[.!?;]+[”’"')\]]*(?=\s)""")
_CLAUSE_END = re.compile(r"[，、：,:](?=\s|[^\x00-\x7f])|\s")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_CLUSTER_MAX = 64
"""A longer run of combining characters is split after all."""


def split_text(
    text: str, *, limit: int, unit: TextUnit, code: Sequence[Range] = (), atoms: Sequence[Range] = ()
) -> list[Range]:
    """Return the ranges of `text` that make up its parts, in order, each at most `limit` units long.

    Only white space between parts is left out. `code` are blocks that are kept whole where they fit into one part and
    are split at line ends otherwise; `atoms` are pieces of a line (a link, inline code) that are not split where there
    is a choice.
    """
    parts: list[Range] = []
    atoms = _merged(atoms)
    start = _skip_blank(text, 0, code)
    while start < len(text):
        end = max(start + 1, fitting_end(text, start, limit, unit))
        if end < len(text):
            cut = _Cut(text=text, start=start, end=end, limit=limit, unit=unit, code=code, atoms=atoms)
            end = cut.position()
        stop = end if _within(end - 1, code) else start + len(text[start:end].rstrip())
        if not text[start:stop].isspace():
            parts.append((start, stop))
        start = _skip_blank(text, end, code)
    return parts


def split_markdown(markdown: str, *, limit: int, unit: TextUnit) -> list[str]:
    """Return Markdown in parts of at most `limit` units; a code block that is split is closed and opened again.

    For platforms that are sent Markdown itself. `limit` must be well above the length of a fence line.
    """
    fences = list(_fences(markdown))
    code = [(start, end) for start, end, _ in fences]
    reserve = max((measure(opening, unit) + 6 for _, _, opening in fences), default=0)
    if reserve >= limit // 2:
        fences, reserve = [], 0
    ranges = split_text(markdown, limit=limit - reserve, unit=unit, code=code)
    parts = (_refenced(markdown, start, end, fences) for start, end in ranges)
    return [part for part in parts if part]


def grapheme_start(text: str, index: int, floor: int) -> int:
    """Return the nearest index at or before `index`, above `floor`, between two characters as a person sees them."""
    lowest = max(floor + 1, index - _CLUSTER_MAX)
    position = index
    while position > lowest and not _is_boundary(text, position):
        position -= 1
    return position if _is_boundary(text, position) else index


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """The search for the best place to end one part of `text[start:end]`."""

    text: str
    start: int
    end: int
    limit: int
    unit: TextUnit
    code: Sequence[Range]
    atoms: Sequence[Range]

    @property
    def floor(self) -> int:
        """A part is not cut shorter than this for a better place."""
        return self.start + (self.end - self.start) // 4

    def position(self) -> int:
        block = next((block for block in self.code if block[0] < self.end < block[1]), None)
        if block is not None and block[0] > self.start:
            whole = measure(self.text[block[0] : block[1]], self.unit) <= self.limit
            if whole or block[0] > self.floor:
                return block[0]
        if block is not None:
            return self._line_in_code(max(block[0], self.start)) or self._anywhere()
        searches: tuple[Callable[[], int | None], ...] = (self._paragraph, self._line, self._sentence, self._clause)
        return next((found for search in searches if (found := search())), None) or self._anywhere()

    def _line_in_code(self, lowest: int) -> int | None:
        found = self.text.rfind("\n", max(lowest + 1, self.floor), self.end)
        return found if found > self.start else None

    def _paragraph(self) -> int | None:
        borders = [end for _, end in self.code if self.floor < end <= self.end]
        found = self._last("\n\n")
        return max([*borders, *([found] if found else [])], default=None)

    def _line(self) -> int | None:
        return self._last("\n")

    def _sentence(self) -> int | None:
        return self._last_match(_SENTENCE_END)

    def _clause(self) -> int | None:
        return self._last_match(_CLAUSE_END)

    def _anywhere(self) -> int:
        return grapheme_start(self.text, self.end, self.start)

    def _last(self, separator: str) -> int | None:
        found = self.text.rfind(separator, self.floor, self.end + len(separator))
        while found > self.floor:
            if found <= self.end and self._free(found) and not _within(found, self.code):
                return found
            found = self.text.rfind(separator, self.floor, found + len(separator) - 1)
        return None

    def _last_match(self, pattern: re.Pattern[str]) -> int | None:
        ends = (match.end() for match in pattern.finditer(self.text, self.floor, self.end))
        return max((end for end in ends if self._free(end)), default=None)

    def _free(self, position: int) -> bool:
        index = bisect_left(self.atoms, (position,)) - 1
        return index < 0 or self.atoms[index][1] <= position


def _merged(ranges: Sequence[Range]) -> list[Range]:
    """Return the ranges in order, with those that overlap made one."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _within(position: int, ranges: Sequence[Range]) -> bool:
    return any(start <= position < end for start, end in ranges)


def _skip_blank(text: str, position: int, code: Sequence[Range]) -> int:
    """Skip white space before the next part; inside a code block only the one line end at which it was split."""
    while position < len(text) and text[position].isspace():
        if _within(position, code):
            return position + 1 if text[position] == "\n" and position > 0 and _within(position - 1, code) else position
        position += 1
    return position


def _is_boundary(text: str, index: int) -> bool:
    """Whether a part may end between `text[index - 1]` and `text[index]`: a close cut of Unicode annex 29."""
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    if "\u200d" in (before, after) or "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return False
    if unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return False
    if _is_flag(before) and _is_flag(after):
        return _flags_before(text, index) % 2 == 0
    return not (_is_jamo(before) and "\u1160" <= after <= "\u11ff")


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, index: int) -> int:
    count = 0
    while count < min(index, _CLUSTER_MAX) and _is_flag(text[index - 1 - count]):
        count += 1
    return count


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff" or "\uac00" <= character <= "\ud7a3"


def _fences(markdown: str) -> Iterable[tuple[int, int, str]]:
    """Yield start, end and opening line of each fenced code block; one that is never closed ends with the text."""
    opened: tuple[int, str] | None = None
    for match in _FENCE.finditer(markdown):
        marker, info = match[1], match[2]
        if opened is None:
            if "`" not in info or marker[0] == "~":
                opened = (match.start(), match[0].strip())
        elif opened[1].startswith(marker[0] * 3) and _closes(opened[1], marker) and not info.strip():
            yield opened[0], match.end(), opened[1]
            opened = None
    if opened is not None:
        yield opened[0], len(markdown), opened[1]


def _marker(opening: str) -> str:
    return opening[: len(opening) - len(opening.lstrip(opening[0]))]


def _closes(opening: str, marker: str) -> bool:
    return marker[0] == opening[0] and len(marker) >= len(_marker(opening))


def _refenced(markdown: str, start: int, end: int, fences: Sequence[tuple[int, int, str]]) -> str:
    piece = markdown[start:end]
    for first, last, opening in fences:
        if first < start < last and piece.strip() == _marker(opening):
            return ""
        if first < start < last:
            piece = f"{opening}\n{piece}"
        if first < end < last:
            piece = f"{piece}\n{_marker(opening)}"
    return piece
