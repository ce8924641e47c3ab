"""Plain text, in whatever encoding Chinese and English files come."""

from __future__ import annotations

import re
from pathlib import PurePath

from knowledge.errors import DocumentRefused
from knowledge.loaders.encoding import decode
from knowledge.types import Block, Loaded

_BLANK = re.compile(r"\n[ \t]*\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def load(data: bytes, *, name: str) -> Loaded:
    """Return a text file's paragraphs; the file's name is the title."""
    text = decode(data, name=name).replace("\r\n", "\n").replace("\r", "\n")
    if len(_CONTROL.findall(text[:4000])) > 4:
        raise DocumentRefused("this is a binary file, not text", document=name)
    paragraphs = (part.strip("\n") for part in _BLANK.split(_CONTROL.sub("", text)))
    return Loaded(title=PurePath(name).stem, blocks=tuple(Block(text=part) for part in paragraphs if part.strip()))
