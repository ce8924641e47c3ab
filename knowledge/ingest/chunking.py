"""Cutting documents into chunks: by structure first, by size second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from knowledge.types import Block, Chunk

_PARAGRAPH = re.compile(r"(?<=\n)[ \t]*\n+")
_SENTENCE = re.compile(r"(?<=[。！？；…!?])(?=[^。！？；…!?”’」』）)\]])|(?<=[.!?;]) +(?=\S)|(?<=\n)")
_CLAUSE = re.compile(r"(?<=[，、：,:])")

_PREAMBLE = 150  # characters


def chunks(blocks: Iterable[Block], *, size: int) -> list[Chunk]:
    """Cut blocks into chunks of at most `size` characters.

    Blocks under different headings or on different pages never share a chunk; only a short preamble joins what
    stands under the first heading. Nothing but white space is lost;
    only the first line of a table comes again in each of its chunks.
    """
    made: list[Chunk] = []
    for (headings, place), pieces in _sections(_with_preamble(blocks, size), size):
        made.extend(Chunk(text=text, headings=headings, place=place) for text in _packed(pieces, size, "\n\n"))
    return made


def _with_preamble(blocks: Iterable[Block], size: int) -> list[Block]:
    """Put a short preamble ("applies to all offices") under the first heading: alone it answers nothing."""
    held = [block for block in blocks if block.text.strip()]
    count = next((at for at, block in enumerate(held) if block.headings), 0)
    preamble, rest = held[:count], held[count:]
    if not preamble or sum(len(block.text) for block in preamble) > min(_PREAMBLE, size // 2):
        return held
    if any(block.place != rest[0].place or block.kind == "pair" for block in preamble):
        return held
    return [*(replace(block, headings=rest[0].headings) for block in preamble), *rest]


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
