"""The vectors that stand for a chunk: one for each few sentences, coloured by the whole chunk and its headings.

A long chunk's single vector blurs what its sentences say, a sentence's alone has lost what it is about. The sum of
both (and half of the headings' vector) finds more than either; measured in `benchmarks/knowledge`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.ingest.chunking import sentences
from knowledge.types import Chunk

RECIPE = "facets-1"
"""Changes whenever the vectors of a chunk would change, though those of its texts do not."""
FACETS_MAX = 6
_WEIGHT_MIN = 30  # a CJK character counts double
_HEADING = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """The texts whose vectors are needed for one chunk."""

    whole: str
    heading: str
    windows: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them."""
        return (self.whole, self.heading, *self.windows)


def combined(facets: Sequence[Facets], places: Mapping[str, int], vectors: Any) -> list[Any]:
    """Return the vectors that stand for each chunk, of unit length, as rows of an array.

    `vectors` are those of the texts, also as rows; `places` says which row is whose.
    """
    import numpy

    counts = [len(one.windows) for one in facets]
    owners = numpy.repeat(numpy.arange(len(facets)), counts)
    wholes = vectors[[places[one.whole] for one in facets]]
    common = wholes + _HEADING * vectors[[places[one.heading] for one in facets]]
    sums = vectors[[places[window] for one in facets for window in one.windows]] + common[owners]
    sums /= numpy.maximum(numpy.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return numpy.split(sums, numpy.cumsum(counts)[:-1])


def facets_of(chunk: Chunk, title: str) -> Facets:
    """Return what has to be embedded for a chunk of the document `title`."""
    path = " ".join((title, *chunk.headings))
    near = " ".join((title, *chunk.headings[-1:]))
    windows = tuple(f"{near}: {window}" for window in _windows(chunk.text))
    return Facets(whole=f"{path}\n{chunk.text}", heading=path or chunk.text, windows=windows or (chunk.text,))


def _weight(text: str) -> int:
    return sum(2 if char > "\u2fff" else 1 for char in text)


def _windows(text: str) -> list[str]:
    """Cut a chunk into sentences, short ones joined, at most `FACETS_MAX`; a table's rule is none."""
    parts = [part for part in sentences(text) if not set(part) <= set("|-: ")]
    enough = max(_WEIGHT_MIN, _weight(text) // FACETS_MAX + 1)
    windows: list[str] = []
    held = ""
    for part in parts:
        held = f"{held} {part}".strip()
        if _weight(held) >= enough:
            windows.append(held)
            held = ""
    if held and windows and _weight(held) < _WEIGHT_MIN // 2:
        windows[-1] = f"{windows[-1]} {held}"
    elif held:
        windows.append(held)
    return windows
