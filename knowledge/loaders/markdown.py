"""Markdown: headings become the path of what stands under them; front matter gives tags and access."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders import plain_yaml
from knowledge.loaders.encoding import decode
from knowledge.types import Access, Block, Loaded

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def load(data: bytes, *, name: str) -> Loaded:
    """Return a Markdown file's blocks; its title is the front matter's, the first top heading, or the file's name."""
    text = decode(data, name=name).replace("\r\n", "\n").replace("\r", "\n")
    front, text = _front_matter(text, name)
    title, blocks = read(_COMMENT.sub("", text))
    return Loaded(
        title=str(front.get("title") or title or PurePath(name).stem),
        blocks=tuple(blocks),
        tags=frozenset(_words(front.get("tags"))),
        access=Access(
            roles=frozenset(_words(front.get("roles"))),
            conversations=frozenset(_words(front.get("conversations"))),
        ),
    )


def _front_matter(text: str, name: str) -> tuple[dict[str, Any], str]:
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    try:
        front = plain_yaml.parsed(match[1])
    except ValueError as error:  # its limits on who may see the document would be lost
        raise DocumentRefused("the front matter is not valid YAML", document=name) from error
    return (front, text[match.end() :]) if isinstance(front, dict) else ({}, text)


def _words(value: object) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def unwrapped(paragraph: str) -> str:
    """Return a paragraph in one line: Chinese lines join without a space, others with one."""
    first, *others = paragraph.split("\n")
    if not others:
        return paragraph
    joined = [first.rstrip(" \t")]
    for line in (line.strip(" \t") for line in others):
        joined += ["" if _wide(joined[-1][-1:]) and _wide(line[:1]) else " ", line]
    return "".join(joined)


def _wide(char: str) -> bool:
    return "\u2e80" <= char <= "\uffef"


def read(text: str) -> tuple[str, list[Block]]:
    """Return the title (the first heading if it comes first and alone on its level, else empty) and the blocks."""
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    title, path, blocks = "", list[tuple[int, str]](), list[Block]()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for index, token in enumerate(tokens):
        if token.level != 0 or token.map is None or token.nesting < 0:
            continue
        if token.type == "heading_open":
            level, heading = int(token.tag[1]), tokens[index + 1].content.strip()
            if not title and not blocks and not path and level == 1:
                title = heading
                continue
            path = [entry for entry in path if entry[0] < level] + [(level, heading)]
            continue
        body = "\n".join(lines[token.map[0] : token.map[1]]).strip("\n")
        if token.type == "paragraph_open":
            body = unwrapped(body)
        headings = tuple(entry[1] for entry in path)
        blocks.append(Block(text=body, headings=headings, kind="table" if token.type == "table_open" else "text"))
    return title, blocks
