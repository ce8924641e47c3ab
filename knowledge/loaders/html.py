"""Web pages: the article without navigation, adverts and footers."""

from __future__ import annotations

import copy
import re
from pathlib import PurePath
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders.encoding import decode
from knowledge.loaders.markdown import read
from knowledge.loaders.markup import parsed, title_of, walked
from knowledge.types import Block, Loaded

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_MAIN = ".//main|.//article|.//*[@role='main']"
_ENOUGH = 0.3  # of the whole page's text; a smaller main part is a teaser, not the article
_ASIDE = ("footer", "aside", "header")


def load(data: bytes, *, name: str) -> Loaded:
    """Return a page's main text; where no article can be made out, all of it but navigation and scripts."""
    root = parsed(_decoded(data, name))
    blocks = [] if root is None else article(root)
    if not blocks:
        raise DocumentRefused("no text in it", document=name)
    return Loaded(title=title_of(root) or PurePath(name).stem, blocks=tuple(blocks))


def article(root: Any) -> list[Block]:
    """Return the page's own main part where it names one, else what trafilatura takes for it, else everything."""
    everything = walked(root)
    enough = _ENOUGH * _size(everything)
    mains = sorted((walked(node) for node in root.xpath(_MAIN)), key=_size, reverse=True)
    if mains and _size(mains[0]) >= enough:
        return mains[0]
    found = _recognised(root)
    if _size(found) >= enough:
        return found
    for node in list(root.iter(*_ASIDE)):
        node.drop_tree()
    return walked(root) or everything


def _size(blocks: list[Block]) -> int:
    return sum(len(block.text) for block in blocks)


def _recognised(root: Any) -> list[Block]:
    import trafilatura

    text = trafilatura.extract(copy.deepcopy(root), output_format="markdown", include_comments=False, favor_recall=True)
    if not text or "\n" not in text:  # its last resort runs everything together
        return []
    return read(text)[1]


def _decoded(data: bytes, name: str) -> str:
    declared = _CHARSET.search(data[:4096])
    if declared:
        encoding = declared[1].decode("ascii").lower()
        encoding = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(encoding, encoding)
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            pass  # the page is wrong about itself
    return decode(data, name=name)
