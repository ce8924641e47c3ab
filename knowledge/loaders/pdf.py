"""PDF: text page by page, without the lines that stand on every page; simple tables as tables."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from knowledge.errors import DocumentRefused
from knowledge.loaders.glyphs import written
from knowledge.loaders.markdown import unwrapped
from knowledge.loaders.tabular import table
from knowledge.types import Block, Loaded

PAGES_MAX = 3000
_PAGE_CHARACTERS_MAX = 200_000
_END = ("。", "！", "？", "；", "：", ".", "!", "?", ";", ":", "”", "）")
_PAGE_NUMBER = re.compile(r"(?:第|页|頁|共|page|of|[\s\d/\-–—·.])+", re.IGNORECASE)


def load(data: bytes, *, name: str) -> Loaded:
    """Return a PDF's pages as paragraphs; their place is the page's number."""
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentRefused("it needs a password", document=name)
        if len(reader.pages) > PAGES_MAX:
            raise DocumentRefused(f"more than {PAGES_MAX} pages", document=name)
        pages = [written(page.extract_text()[:_PAGE_CHARACTERS_MAX]).splitlines() for page in reader.pages]
        title = written(str(reader.metadata.title or "")).strip() if reader.metadata else ""
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    repeated = _repeated(pages)
    blocks = [
        block
        for number, lines in enumerate(pages, 1)
        for block in _blocks([line for line in lines if _shape(line) not in repeated], f"p. {number}")
    ]
    if not blocks:
        raise DocumentRefused("no text in it (a scan?)", document=name)
    return Loaded(title=title or PurePath(name).stem, blocks=tuple(blocks))


def _shape(line: str) -> str:
    """Return a line, all page numbers alike."""
    line = line.strip()
    return "#" if line and _PAGE_NUMBER.fullmatch(line) else line


def _repeated(pages: list[list[str]]) -> set[str]:
    """Return the first and last lines that most pages share: headers and footers."""
    if len(pages) < 4:
        return set()
    edges = Counter(shape for lines in pages for shape in {_shape(line) for line in (lines[:2] + lines[-2:])} if shape)
    return {shape for shape, count in edges.items() if count > 0.6 * len(pages)}


def _blocks(lines: list[str], place: str) -> list[Block]:
    """Return the paragraphs and tables of a page."""
    full = max((len(line) for line in lines), default=0) * 0.75
    blocks: list[Block] = []
    at, prose = 0, list[str]()
    while at < len(lines):
        rows = _alike(lines, at)
        if _is_table(rows):
            blocks += [Block(text=text, place=place) for text in _paragraphs(prose, full)]
            blocks.append(Block(text=table(rows), place=place, kind="table"))
            prose = []
        else:
            prose += lines[at : at + len(rows)]
        at += len(rows)
    return [*blocks, *(Block(text=text, place=place) for text in _paragraphs(prose, full))]


def _alike(lines: list[str], at: int) -> list[list[str]]:
    """Return the words of a line and of those after it that have as many."""
    rows = [lines[at].split()]
    while at + len(rows) < len(lines) and len(cells := lines[at + len(rows)].split()) == len(rows[0]):
        rows.append(cells)
    return rows


def _is_table(rows: list[list[str]]) -> bool:
    """Tell whether lines of as many words each are a table, of which a PDF knows nothing.

    They are where one place has a number in every line but the first.
    """
    columns = list(zip(*rows, strict=True))
    numbered = (_numbers(column[1:]) and not _numbers(column[:1]) for column in columns)
    return len(rows) > 2 and len(columns) > 1 and any(numbered)


def _numbers(cells: Sequence[str]) -> bool:
    return all(any(char.isdigit() for char in cell) for cell in cells)


def _paragraphs(lines: list[str], full: float) -> list[str]:
    """Join the lines that were only broken by the page's width; `full` is how long a line is that was."""
    paragraphs: list[str] = []
    held = ""
    for raw in lines:
        line = raw.strip()
        held = f"{held}\n{line}" if held and line else held or line
        if held and (not line or len(line) < full or line.endswith(_END)):
            paragraphs.append(unwrapped(held))
            held = ""
    if held:
        paragraphs.append(unwrapped(held))
    return paragraphs
