"""What stands around a hit: its neighbours in the same section, given along with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from knowledge.catalogue.file import Row
from knowledge.catalogue.reader import Reader
from knowledge.types import Chunk


class Parents:
    """The texts given for the hits of one search; no chunk is given twice."""

    def __init__(self, reader: Reader, *, around: int) -> None:
        self._reader = reader
        self._around = around
        self._given: set[tuple[str, int]] = set()

    def hold(self, row: Row) -> bool:
        """Tell whether a hit was already given, along with another."""
        return (row.version.id, row.ordinal) in self._given

    def text(self, row: Row) -> str:
        """Return a hit's text with that of its neighbours, which count as given from then on.

        Neighbours are of the same version of the document, so whoever may see the hit may see them.
        """
        if not self._around:
            return row.chunk.text
        near = {
            ordinal: chunk
            for ordinal, chunk in self._reader.around(row, self._around)
            if ordinal == row.ordinal or (row.version.id, ordinal) not in self._given
        }
        ordinals = _section(near, row.ordinal)
        self._given.update((row.version.id, ordinal) for ordinal in ordinals)
        return _joined([near[ordinal].text for ordinal in ordinals])


def _section(near: dict[int, Chunk], hit: int) -> list[int]:
    """Return the neighbours without a gap that stand under the hit's headings and on its page, and the hit."""

    def alongside(ordinal: int) -> bool:
        one = near.get(ordinal)
        return one is not None and (one.headings, one.place) == (near[hit].headings, near[hit].place)

    first = last = hit
    while alongside(first - 1):
        first -= 1
    while alongside(last + 1):
        last += 1
    return list(range(first, last + 1))


def _joined(texts: Sequence[str]) -> str:
    """Join the pieces of a section; the head that each piece of a table repeats stands once."""
    whole = texts[0]
    for before, text in pairwise(texts):
        head = _head(before, text)
        whole += text[len(head) :] if head else f"\n\n{text}"
    return whole


def _head(before: str, text: str) -> str:
    """Return the first line of both, and a rule below it, up to the line break; empty where they begin differently."""
    line, rule = text.split("\n", 2)[:2] if text.count("\n") > 1 else (text.partition("\n")[0], "")
    head = f"{line}\n{rule}" if rule and set(rule) <= set("|-: ") else line
    return head if "\n" in text and before.startswith(head + "\n") else ""
