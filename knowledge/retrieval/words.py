"""The words of a text for lexical search: CJK bigrams, English words and their beginnings."""

from __future__ import annotations

import re
import unicodedata

from knowledge.retrieval.folding import simplified

TOKEN = re.compile(r"[a-z0-9]+(?:['’._-][a-z0-9]+)*|[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]+")
"""A word in latin letters, or a run of Chinese, Japanese or Korean characters, in folded lower case."""
_STEM = 5  # letters that "reimburse" and "reimbursement" share
_ENGLISH = """
a about after all also am an and any are as at be been before but by can could did do does for from get got had has have
he her his how i if in into is it its like long many may me much must my need no not of on or our out she should so some
than that the their them then there these they this to up us was we were what when where which while who whom whose why
will with would you your
"""
_CHINESE = """
什么 怎么 多少 可以 哪些 如何 是否 我们 你们 他们 公司 需要 应该 能不 不能 可不 请问 有没 没有 一个 这个 那个 哪里 哪个
几个 怎样 为什 时候 多久 多长 如果 的话 以后 之后 以及 或者 还是 就是 我的 你的 他的
"""
_COMMON = frozenset((_ENGLISH + _CHINESE).split())


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def root(word: str) -> str:
    """Return the term that stands for a word's beginning; empty where the word is short or no plain word."""
    return word[:_STEM] + "~" if len(word) > _STEM and word.isalpha() else ""


def words(text: str) -> list[str]:
    """Return the different terms of `text` that mean something by themselves: no beginnings, no single letters."""
    return [
        term for term in dict.fromkeys(terms(text)) if not term.endswith("~") and (len(term) > 1 or term > "\u2fff")
    ]


def terms(text: str) -> list[str]:
    """Return the terms of `text` in order: lower case, full-width and traditional forms folded, no commonest words."""
    found: list[str] = []
    for token in TOKEN.findall(simplified(unicodedata.normalize("NFKC", text).lower())):
        if token[0] > "\u2fff":
            found.extend(pair for pair in _pairs(token) if pair not in _COMMON)
        elif token not in _COMMON:
            found.append(token)
            found.extend(filter(None, [root(token)]))
    return found
