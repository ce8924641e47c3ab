"""DOCX: paragraphs under their headings, tables as tables, in the order of the document."""

from __future__ import annotations

import io
import re
from pathlib import PurePath
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders.archive import DAMAGED, opened
from knowledge.loaders.tabular import table
from knowledge.types import Block, Loaded

_HEADING = re.compile(r"(?:heading|标题)\s*([1-9])", re.IGNORECASE)


def load(data: bytes, *, name: str) -> Loaded:
    """Return a Word document's blocks; its title is the one in its properties, its title paragraph, or its name."""
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    opened(data, name=name).close()
    try:
        document = docx.Document(io.BytesIO(data))
        parts = list(document.iter_inner_content())
        title = (document.core_properties.title or "").strip()
        blocks: list[Block] = []
        path: list[tuple[int, str]] = []
        for part in parts:
            if isinstance(part, Table):
                blocks.append(Block(text=_table(part), headings=tuple(text for _, text in path), kind="table"))
                continue
            text, level = part.text.strip(), _level(part)
            if level == 0 and text:
                title = title or text
            elif level and text:
                path = [entry for entry in path if entry[0] < level] + [(level, text)]
            elif text:
                blocks.append(Block(text=text, headings=tuple(heading for _, heading in path)))
    except (PackageNotFoundError, *DAMAGED) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    return Loaded(title=title or PurePath(name).stem, blocks=tuple(blocks))


def _level(paragraph: Any) -> int | None:
    """Return 0 for a title, 1–9 for a heading, None for text."""
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    if style in {"Title", "标题"}:
        return 0
    match = _HEADING.fullmatch(style.strip())
    return int(match[1]) if match else None


def _table(found: Any) -> str:
    rows = []
    for row in found.rows:
        cells, seen = [], None
        for cell in row.cells:  # a merged cell comes once for each column
            cells.append("" if cell._tc is seen else cell.text)
            seen = cell._tc
        rows.append(cells)
    return table(rows)
