"""Ways of writing that change nothing about what is meant, and yet move a text far away from its like."""

from __future__ import annotations

import re

import zhconv_rs

_IDEOGRAPH = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile(r"[^\W\d_]{2,}")


def simplified(text: str) -> str:
    """Return a text with traditional Chinese characters as simplified ones; every character keeps its place."""
    if not _IDEOGRAPH.search(text):
        return text
    converted: str = zhconv_rs.zhconv(text, "zh-hans")
    return converted if len(converted) == len(text) else text


def calm(text: str) -> str:
    """Return a text that is written in capitals throughout in small letters; an acronym or two is left alone."""
    if text.isupper() and not _IDEOGRAPH.search(text) and len(_LATIN_WORD.findall(text)) > 2:
        return text.lower()
    return text
