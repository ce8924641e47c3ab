"""Which parts of a text match a question: what lexical search sees, shown to a person."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from knowledge.retrieval.folding import simplified
from knowledge.retrieval.words import TOKEN, root, terms

Span = tuple[int, int]
"""Begin and end of a part of a text, in characters."""


def spans(text: str, query: str) -> list[Span]:
    """Return the parts of `text` that share a word with `query`: in order, apart from each other, none empty.

    English words count by their beginning ("reimburse" marks "reimbursement"), Chinese by pairs of characters; the
    commonest words of both languages mark nothing. Full-width forms and capitals make no difference.
    """
    wanted = frozenset(terms(query))
    if not wanted:
        return []
    folded, origins = _folded(text)
    found = ((origins[begin][0], origins[end - 1][1]) for begin, end in _matching(folded, wanted))
    return _merged(found)


def excerpt(text: str, found: Sequence[Span], *, length: int) -> Span:
    """Return the part of `text`, at most `length` characters long, that holds the most of what was found."""
    if len(text) <= length:
        return (0, len(text))
    begins = [max(0, begin - length // 6) for begin, _ in found] or [0]
    best = max(begins, key=lambda begin: _held(found, begin, begin + length))
    begin = max(0, min(best, len(text) - length))
    return (begin, begin + length)


def _held(found: Sequence[Span], begin: int, end: int) -> int:
    return sum(right - left for left, right in found if begin <= left and right <= end)


def _folded(text: str) -> tuple[str, list[Span]]:
    """Return the text as words are read from it, and for each of its characters where it stands in `text`."""
    parts: list[str] = []
    origins: list[Span] = []
    for begin, end in _clusters(text):
        part = unicodedata.normalize("NFKC", text[begin:end]).lower()
        parts.append(part)
        origins += [(begin, end)] * len(part)
    return simplified("".join(parts)), origins


def _clusters(text: str) -> Iterator[Span]:
    """Yield each character with the marks that combine with it."""
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not unicodedata.combining(unicodedata.normalize("NFKC", text[at])[0]):
            yield begin, at
            begin = at


def _matching(folded: str, wanted: frozenset[str]) -> Iterator[Span]:
    for token in TOKEN.finditer(folded):
        word, begin = token.group(), token.start()
        if word[0] <= "\u2fff":
            if word in wanted or root(word) in wanted:
                yield begin, token.end()
        elif word in wanted:
            yield begin, token.end()
        else:
            yield from ((begin + at, begin + at + 2) for at in range(len(word) - 1) if word[at : at + 2] in wanted)


def _merged(found: Iterator[Span]) -> list[Span]:
    merged: list[Span] = []
    for begin, end in sorted(found):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
