"""PDF: text page by page, without the lines that stand on every page."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import PurePath

from knowledge.errors import DocumentRefused
from knowledge.loaders.markdown import unwrapped
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
        pages = [page.extract_text()[:_PAGE_CHARACTERS_MAX].splitlines() for page in reader.pages]
        title = str(reader.metadata.title or "").strip() if reader.metadata else ""
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    repeated = _repeated(pages)
    blocks = [
        Block(text=text, place=f"p. {number}")
        for number, lines in enumerate(pages, 1)
        for text in _paragraphs([line for line in lines if _shape(line) not in repeated])
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


def _paragraphs(lines: list[str]) -> list[str]:
    """Join the lines that were only broken by the page's width."""
    full = max((len(line) for line in lines), default=0) * 0.75
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
