"""References like [1] in an answer: kept and renumbered where they exist, taken out where they do not.

Models write [3], [1][2], [1, 2], 【1】 and ［1］. All become [n], numbered in the order in which the answer first
refers to them, so that the first reference a person reads is [1]. Code is left alone: `items[0]` is no reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.types import Cited
from knowledge.types import Passage

_OPEN = "[【［"
_SIGNS = "`[【［"
_REFERENCE = re.compile(
    r"[\[【［](?=[^\]】］]{1,60}[\]】］])\s*(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*(?:†[^\[【［\]】］\n]*)?[\]】］]"
)
_UNDECIDED = re.compile(r"[\[【［](?=.{0,60}\Z)[\d\s,，、;；]*(?:†[^\[【［\]】］\n]*)?\Z", re.DOTALL)
"""What may still become a reference; as long at most as one may be."""
_NUMBER = re.compile(r"\d+")
_CODE_OR_REFERENCE = re.compile(r"(`+|\n[ \t]{0,8}\n)|(?P<space>[ \t]{0,8})" + _REFERENCE.pattern)


class References:
    """The passages that an answer may refer to, and those that it did."""

    def __init__(self, passages: tuple[Passage, ...] = ()) -> None:
        self._passages = dict(enumerate(passages, start=1))
        self._shown: dict[int, int] = {}

    def add(self, cited: Cited) -> None:
        """Allow one more passage, under the number that the model was told."""
        self._passages[cited.number] = cited.passage

    def shown(self, number: int) -> int | None:
        """Return the number that a person reads for the model's number; None when there is no such passage."""
        if number not in self._passages:
            return None
        return self._shown.setdefault(number, len(self._shown) + 1)

    def cited(self) -> tuple[Cited, ...]:
        """Return the passages that were referred to, in the order of their numbers."""
        return tuple(Cited(number=shown, passage=self._passages[number]) for number, shown in self._shown.items())

    def uncited(self) -> tuple[Passage, ...]:
        """Return the passages that the answer did not refer to."""
        return tuple(passage for number, passage in self._passages.items() if number not in self._shown)


class CitationFilter:
    """Rewrites references while the text streams; holds back what may yet become one."""

    def __init__(self, shown: Callable[[int], int | None]) -> None:
        self._shown = shown
        self._held = ""
        self._fence = ""

    def push(self, text: str) -> str:
        """Take more of the answer and return what can be given on."""
        text = self._held + text
        border = _border(text)
        self._held = text[border:]
        return self._rewrite(text[:border]) if border else ""

    def finish(self) -> str:
        """Return what was held back."""
        text, self._held = self._held, ""
        return self._rewrite(text)

    def _rewrite(self, text: str) -> str:
        if not self._fence and not any(sign in text for sign in _SIGNS):
            return text
        return _CODE_OR_REFERENCE.sub(self._replace, text)

    def _replace(self, found: re.Match[str]) -> str:
        if border := found[1]:
            self._fence = self._after(border)
            return found[0]
        if self._fence:
            return found[0]
        numbers = [self._shown(int(number)) for number in _NUMBER.findall(found[3])]
        known = "".join(f"[{number}]" for number in numbers if number)
        return f"{found['space']}{known}" if known else ""

    def _after(self, border: str) -> str:
        """Return the run of backticks that is open after a border.

        Only an equal run closes code, and a blank line ends what was no fence (CommonMark, sections 4.5 and 6.1).
        """
        if border.startswith("\n"):
            return self._fence if len(self._fence) >= 3 else ""
        if not self._fence:
            return border
        return "" if border == self._fence else self._fence


def _border(text: str) -> int:
    """Return where the part begins that cannot be decided yet: an open reference, a run of backticks, spaces."""
    end = len(text)
    opened = max(text.rfind(sign) for sign in _OPEN)
    if opened >= 0 and _UNDECIDED.match(text, opened):
        end = opened
    elif text.endswith("`"):
        return len(text.rstrip("`"))
    # A blank before a reference that is taken out goes with it; a line break may begin a blank line.
    return len(text[:end].rstrip(" \t\n"))


def strip(text: str) -> str:
    """Return a text without its references: in a later turn they would point to other passages."""
    rewriting = CitationFilter(lambda _: None)
    return rewriting.push(text) + rewriting.finish()
