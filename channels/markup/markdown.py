"""Read Markdown into text with styles.

A model's Markdown is untrusted and often unfinished: whatever it is, the outcome is a plain text and styled ranges
of it, so that a renderer cannot produce unbalanced markup and a splitter may cut anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token

from channels.markup.styled import Style, StyledText, clean, is_link
from channels.markup.tables import lay_out
from channels.markup.writer import Writer

_NESTING_MAX = 40
_MARKDOWN = re.compile(r"[\\`*_\[\]<>#~|&!=+-]|^[ \t]|^\d{1,9}[.)]|[ \t]$", re.MULTILINE)
"""Whatever might mean something in Markdown; a text without it needs no parser."""
_BRACKETS_MAX = 2000
"""More of them in one text is no prose, and the parser's time grows with their square."""
_CELLS_MAX = 2000
_RULE = "———"


def parse_markdown(source: str) -> StyledText:
    """Return the text of Markdown (CommonMark with tables and strikethrough) and its styles.

    Line ends inside a paragraph are kept. Raw HTML is text. Links other than http, https and tg show their address.
    """
    source = clean(source)
    if _MARKDOWN.search(source) is None:
        return StyledText(re.sub(r"\n{3,}", "\n\n", source.strip()))
    if source.count("[") > _BRACKETS_MAX:
        return StyledText(source.strip())
    tokens = _parser(tables="|" in source and not _explodes(source)).parse(source)
    if any(token.level >= _NESTING_MAX - 1 for token in tokens):
        return StyledText(source.strip())  # the parser drops what is nested deeper
    reader = _Reader()
    reader.read(tokens)
    return reader.writer.styled()


@cache
def _parser(*, tables: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING_MAX, "html": False}).enable("strikethrough")
    parser.disable("reference")  # "[注意]: 内容" would vanish as an unused link definition
    return parser.enable("table") if tables else parser


def _explodes(source: str) -> bool:
    """Whether the parser would fill up the short rows of a wide table with thousands of empty cells."""
    for block in re.split(r"\n\s*\n", source):
        columns = [line.count("|") for line in block.split("\n")]
        cells = max(columns) * len(columns)
        if cells > _CELLS_MAX and cells > 4 * sum(columns):
            return True
    return False


class _Reader:
    """Walks the parser's tokens and writes what a person reads."""

    def __init__(self, *, in_cell: bool = False) -> None:
        self.writer = Writer()
        self._in_cell = in_cell
        self._lists = 0
        self._quotes = 0
        self._links: list[str] = []
        self._rows: list[list[str]] | None = None
        self._right: list[bool] = []

    def read(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            handler = self._HANDLERS.get(token.type)
            if handler is not None:
                handler(self, token)
            elif token.type in self._STYLES:
                self.writer.open(self._STYLES[token.type])
            elif token.type in self._ENDS:
                self.writer.close()
            elif token.content:
                self.writer.write(token.content)

    # Blocks

    def _paragraph(self, token: Token) -> None:
        self.writer.gap(1 if token.hidden else 2)

    def _heading(self, token: Token) -> None:
        self.writer.gap(2)
        self.writer.open("bold")

    def _rule(self, token: Token) -> None:
        self.writer.gap(2)
        self.writer.write(_RULE)

    def _code_block(self, token: Token) -> None:
        content = token.content.rstrip("\n")
        if not content.strip():
            return
        self.writer.gap(1 if self._lists else 2)
        language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
        self._block(content, language)

    def _block(self, content: str, language: str = "") -> None:
        self.writer.flush_prefix()
        self.writer.open("pre", language)
        self.writer.write(content, indented=False)
        self.writer.close()
        self.writer.gap(1 if self._lists else 2)

    def _list_open(self, token: Token) -> None:
        self.writer.gap(1 if self._lists else 2)
        self._lists += 1

    def _list_close(self, token: Token) -> None:
        self._lists -= 1
        self.writer.gap(1 if self._lists else 2)

    def _item_open(self, token: Token) -> None:
        self.writer.flush_prefix()
        self.writer.gap(1)
        bullet = "•" if self._lists == 1 else "◦"
        marker = f"{token.info}{token.markup}" if token.info else bullet
        self.writer.prefix("  " * (self._lists - 1) + marker + " ")
        self.writer.indent = "  " * self._lists

    def _item_close(self, token: Token) -> None:
        self.writer.flush_prefix()
        self.writer.indent = "  " * (self._lists - 1)

    def _quote_open(self, token: Token) -> None:
        self.writer.gap(1 if self._lists else 2)
        self._quotes += 1
        if self._quotes == 1:
            self.writer.open("quote")

    def _quote_close(self, token: Token) -> None:
        self.writer.flush_prefix()
        self._quotes -= 1
        if self._quotes == 0:
            self.writer.close()
        self.writer.gap(1 if self._lists else 2)

    def _table_open(self, token: Token) -> None:
        self._rows, self._right = [], []

    def _table_close(self, token: Token) -> None:
        rows, self._rows = self._rows or [], None
        if any(cell for row in rows for cell in row):
            self.writer.gap(1 if self._lists else 2)
            self._block(lay_out(rows, self._right))

    def _row_open(self, token: Token) -> None:
        if self._rows is not None:
            self._rows.append([])

    def _header_open(self, token: Token) -> None:
        self._right.append("right" in str(token.attrGet("style") or ""))

    def _inline(self, token: Token) -> None:
        if self._rows is None:
            self.read(token.children or ())
            return
        cell = _Reader(in_cell=True)
        cell.read(token.children or ())
        if self._rows:
            self._rows[-1].append(cell.writer.styled().text)

    # Inside a line

    def _break(self, token: Token) -> None:
        self.writer.write(" " if self._in_cell else "\n" + self.writer.indent)

    def _code(self, token: Token) -> None:
        self.writer.open("code")
        self.writer.write(token.content)
        self.writer.close()

    def _link_open(self, token: Token) -> None:
        self._open_link(str(token.attrGet("href") or ""))

    def _link_close(self, token: Token) -> None:
        self._close_link()

    def _image(self, token: Token) -> None:
        label = "".join(child.content for child in token.children or ())
        if self._links:
            self.writer.write(label)
            return
        self._open_link(str(token.attrGet("src") or ""))
        self.writer.write(label)
        self._close_link()

    def _open_link(self, address: str) -> None:
        self._links.append(address)
        self.writer.open("link", address)

    def _close_link(self) -> None:
        address = self._links.pop()
        shown = is_link(address) and not self._in_cell
        if self.writer.opened_text() == "":
            self.writer.write(address)
        label = self.writer.opened_text()
        self.writer.close(keep=shown)
        bare = address.removeprefix("mailto:")
        if not shown and bare and bare not in label:
            self.writer.write(f" ({bare})")

    _STYLES: ClassVar[dict[str, Style]] = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}
    _ENDS: ClassVar[frozenset[str]] = frozenset({"strong_close", "em_close", "s_close", "heading_close"})
    _HANDLERS: ClassVar[dict[str, Callable[[_Reader, Token], None]]] = {
        "paragraph_open": _paragraph,
        "heading_open": _heading,
        "hr": _rule,
        "fence": _code_block,
        "code_block": _code_block,
        "bullet_list_open": _list_open,
        "ordered_list_open": _list_open,
        "bullet_list_close": _list_close,
        "ordered_list_close": _list_close,
        "list_item_open": _item_open,
        "list_item_close": _item_close,
        "blockquote_open": _quote_open,
        "blockquote_close": _quote_close,
        "table_open": _table_open,
        "table_close": _table_close,
        "tr_open": _row_open,
        "th_open": _header_open,
        "inline": _inline,
        "softbreak": _break,
        "hardbreak": _break,
        "code_inline": _code,
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
    }
