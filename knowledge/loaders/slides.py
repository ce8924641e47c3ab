"""PPTX: each slide under its title, with its tables and the speaker's notes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders.archive import DAMAGED, opened
from knowledge.loaders.tabular import table
from knowledge.types import Block, Loaded


def load(data: bytes, *, name: str) -> Loaded:
    """Return a presentation's slides; the place is the slide's number."""
    import pptx
    from pptx.exc import PythonPptxError

    opened(data, name=name).close()
    try:
        presentation = pptx.Presentation(io.BytesIO(data))
        slides = enumerate(presentation.slides, 1)
        blocks = [block for number, slide in slides for block in _slide(slide, number) or _bare(slide, number)]
        title = (presentation.core_properties.title or "").strip()
    except (PythonPptxError, *DAMAGED) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    named = title if title and title != "PowerPoint Presentation" else PurePath(name).stem
    return Loaded(title=named, blocks=tuple(blocks))


def _title(slide: Any) -> str:
    return str(slide.shapes.title.text_frame.text).strip() if slide.shapes.title is not None else ""


def _bare(slide: Any, number: int) -> list[Block]:
    """Return the title of a slide that has nothing else."""
    return [Block(text=_title(slide), place=f"slide {number}")]


def _slide(slide: Any, number: int) -> list[Block]:
    heading = _title(slide)
    headings, place = ((heading,) if heading else ()), f"slide {number}"
    blocks: list[Block] = []
    for shape in _flat(slide.shapes, 0):
        if slide.shapes.title is not None and shape.shape_id == slide.shapes.title.shape_id:
            continue
        if getattr(shape, "has_table", False):
            rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
            blocks.append(Block(text=table(rows), headings=headings, place=place, kind="table"))
        elif shape.has_text_frame and shape.text_frame.text.strip():
            blocks.append(Block(text=shape.text_frame.text.strip(), headings=headings, place=place))
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            blocks.append(Block(text=notes, headings=headings, place=place))
    return blocks


def _flat(shapes: Any, depth: int) -> Iterator[Any]:
    """Yield shapes, those of groups as well."""
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < 10:
            yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape
