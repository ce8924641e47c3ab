"""EPUB: the chapters in their reading order."""

from __future__ import annotations

import posixpath
from pathlib import PurePath
from urllib.parse import unquote
from zipfile import ZipFile

from knowledge.errors import DocumentRefused
from knowledge.loaders.archive import DAMAGED, opened
from knowledge.loaders.encoding import decode
from knowledge.loaders.markup import blocks_of
from knowledge.types import Block, Loaded

_CHAPTERS_MAX = 2000


def load(data: bytes, *, name: str) -> Loaded:
    """Return a book's chapters; a chapter without a heading is placed by its number."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    with opened(data, name=name) as book:
        try:
            container = fromstring(book.read("META-INF/container.xml"))
            package = next(node.get("full-path", "") for node in container.iter() if node.tag.endswith("}rootfile"))
            root = fromstring(book.read(package))
            title = next((node.text or "" for node in root.iter() if node.tag.endswith("}title")), "")
            items = {node.get("id"): node.get("href", "") for node in root.iter() if node.tag.endswith("}item")}
            spine = [items[node.get("idref")] for node in root.iter() if node.tag.endswith("}itemref")]
            folder = posixpath.dirname(package)
            blocks = [
                block
                for number, href in enumerate(spine[:_CHAPTERS_MAX], 1)
                for block in _chapter(book, posixpath.normpath(posixpath.join(folder, unquote(href))), number, name)
            ]
        except (StopIteration, DefusedXmlException, *DAMAGED) as error:
            raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    return Loaded(title=title.strip() or PurePath(name).stem, blocks=tuple(blocks))


def _chapter(book: ZipFile, path: str, number: int, name: str) -> list[Block]:
    if path not in book.namelist():
        return []
    _, blocks = blocks_of(decode(book.read(path), name=name))
    place = f"chapter {number}"
    return [block if block.headings else Block(text=block.text, place=place, kind=block.kind) for block in blocks]
