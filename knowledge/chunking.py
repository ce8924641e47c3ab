"""Cutting documents into chunks: by structure first, by size second; and chunks into facets for the vectors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from knowledge.types import Block, Chunk

_PARAGRAPH = re.compile(r"(?<=\n)[ \t]*\n+")
_SENTENCE = re.compile(r"(?<=[。！？；…!?])(?=[^。！？；…!?”’」』）)\]])|(?<=[.!?;]) +(?=\S)|(?<=\n)")
_CLAUSE = re.compile(r"(?<=[，、：,:])")

FACET_CHARACTERS = 90
"""How much text one facet's vector stands for, beside the one of the whole chunk; a CJK character counts double."""


def chunks(blocks: Iterable[Block], *, size: int) -> list[Chunk]:
    """Cut blocks into chunks of at most `size` characters.

    Blocks under different headings or on different pages never share a chunk. Nothing but white space is lost;
    only the first line of a table comes again in each of its chunks.
    """
    made: list[Chunk] = []
    for (headings, place), pieces in _sections(blocks, size):
        made.extend(Chunk(text=text, headings=headings, place=place) for text in _packed(pieces, size, "\n\n"))
    return made


def _sections(blocks: Iterable[Block], size: int) -> Iterator[tuple[tuple[tuple[str, ...], str], list[str]]]:
    place: tuple[tuple[str, ...], str] | None = None
    pieces: list[str] = []
    for block in blocks:
        if not block.text.strip():
            continue
        here = (block.headings, block.place)
        if here != place or block.kind == "pair":
            if pieces and place is not None:
                yield place, pieces
            place, pieces = here, []
        pieces.extend(_table_pieces(block.text, size) if block.kind == "table" else _pieces(block.text, size))
    if pieces and place is not None:
        yield place, pieces


def _packed(pieces: Iterable[str], size: int, joint: str) -> Iterator[str]:
    """Join neighbouring pieces while they fit."""
    held = ""
    for piece in pieces:
        if held and len(held) + len(joint) + len(piece) > size:
            yield held
            held = piece
        else:
            held = held + joint + piece if held else piece
    if held:
        yield held


def _pieces(text: str, size: int) -> Iterator[str]:
    """Cut a text where it hurts least: between paragraphs, sentences, clauses, words, and only then anywhere."""
    text = text.strip()
    if len(text) <= size:
        if text:
            yield text
        return
    for border in (_PARAGRAPH, _SENTENCE, _CLAUSE, re.compile(r"(?<=\s)")):
        parts = [part for part in border.split(text) if part.strip()]
        if len(parts) > 1:
            for joined in _packed(parts, size, ""):
                yield from _pieces(joined, size)
            return
    for start in range(0, len(text), size):
        yield from _pieces(text[start : start + size], size)


def _table_pieces(text: str, size: int) -> Iterator[str]:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    if len(text) <= size or len(lines) < 3:
        yield from _pieces(text, size)
        return
    head = "\n".join(lines[: 2 if set(lines[1]) <= set("|-: ") else 1])
    room = size - len(head) - 1
    if room < size // 2:  # a head that fills the chunk is not worth repeating
        yield from _pieces(text, size)
        return
    rows = (piece for line in lines[head.count("\n") + 1 :] for piece in _pieces(line, room))
    for body in _packed(rows, room, "\n"):
        yield f"{head}\n{body}"


def sentences(text: str) -> list[str]:
    """Cut a text into sentences, Chinese and English; a line break ends one as well."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def _weight(text: str) -> int:
    return sum(2 if char > "\u2fff" else 1 for char in text)


def facets(chunk: Chunk, title: str) -> list[str]:
    """Return the texts whose vectors stand for a chunk: the whole under its headings, and each few sentences.

    One vector for a long chunk blurs what its single sentences say; a question is about one of them.
    """
    path = " ".join((title, *chunk.headings))
    whole = f"{path}\n{chunk.text}"
    windows: list[str] = []
    held = ""
    for sentence in sentences(chunk.text):
        held = f"{held} {sentence}".strip()
        if _weight(held) >= FACET_CHARACTERS:
            windows.append(held)
            held = ""
    if held:
        windows.append(held)
    near = " ".join((title, *chunk.headings[-1:]))
    return [whole] if len(windows) < 2 else [whole, *(f"{near}: {window}" for window in windows)]
