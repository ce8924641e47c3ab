"""HTML as blocks: headings, paragraphs, lists and tables in their order."""

from __future__ import annotations

import re
from typing import Any

from knowledge.loaders.tabular import table
from knowledge.types import Block

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "nav", "iframe", "form", "button"})
_PARAGRAPH = frozenset(
    {"p", "li", "div", "section", "article", "blockquote", "dd", "dt", "figcaption", "pre", "td", "th", "main", "body"}
)
_HEADING = re.compile(r"h([1-6])")
_GAP = re.compile(r"[ \t\r\n\f]+")


def parsed(text: str) -> Any:
    """Return the tree of an HTML text without scripts, navigation and what no reader sees; None for an empty one.

    Nothing is fetched, no entity leaves the text.
    """
    import lxml.etree
    import lxml.html

    if not text.strip():
        return None
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        root = lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except lxml.etree.ParserError:  # comments and nothing else
        return None
    for node in [node for node in root.iter() if node is not root and _unseen(node)]:
        if node.getparent() is not None:
            node.drop_tree()
    return root


def blocks_of(text: str) -> tuple[str, list[Block]]:
    """Return the title of an HTML text (empty where it has none) and its blocks."""
    root = parsed(text)
    return ("", []) if root is None else (title_of(root), walked(root))


def title_of(root: Any) -> str:
    """Return a page's title, or its first heading."""
    found = root.findtext(".//title") or next((node.text_content() for node in root.iter("h1", "h2")), "")
    return _GAP.sub(" ", found).strip()


def walked(root: Any) -> list[Block]:
    """Return the blocks of a tree, in order."""
    walk = _Walk()
    walk.visit(root, 0)
    walk.flush()
    return walk.blocks


class _Walk:
    """Collects blocks while it goes through the tree."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._path: list[tuple[int, str]] = []
        self._held: list[str] = []

    def visit(self, node: Any, depth: int) -> None:
        tag = node.tag if isinstance(node.tag, str) else ""
        heading = _HEADING.fullmatch(tag)
        if tag in {"", "title"} or depth > 200:
            pass  # comments, and what is nested beyond sense
        elif heading:
            self.flush()
            self._enter(int(heading[1]), _GAP.sub(" ", node.text_content()).strip())
        elif tag == "table":
            self.flush()
            self._add(table([_cells(row) for row in node.iter("tr")]), "table")
        else:
            self._inside(node, tag, depth)
        self._held.append(node.tail or "")

    def flush(self) -> None:
        """End the paragraph that is being collected."""
        text = _GAP.sub(" ", "".join(self._held)).strip()
        self._held = []
        if text:
            self._add(text, "text")

    def _inside(self, node: Any, tag: str, depth: int) -> None:
        if tag in _PARAGRAPH:
            self.flush()
        self._held.append(node.text or "")
        for child in node:
            self.visit(child, depth + 1)
        if tag in _PARAGRAPH:
            self.flush()
        elif tag == "br":
            self._held.append(" ")

    def _enter(self, level: int, heading: str) -> None:
        if heading:
            self._path = [entry for entry in self._path if entry[0] < level] + [(level, heading)]

    def _add(self, text: str, kind: str) -> None:
        headings = tuple(heading for _, heading in self._path)
        if text:
            self.blocks.append(Block(text=text, headings=headings, kind="table" if kind == "table" else "text"))


def _cells(row: Any) -> list[str]:
    return [_GAP.sub(" ", cell.text_content()) for cell in row if cell.tag in {"td", "th"}]


def _unseen(node: Any) -> bool:
    if not isinstance(node.tag, str) or node.tag in _SILENT or node.get("hidden") is not None:
        return True
    style = (node.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style
