"""Find phrases in text that arrives piece by piece, and know what can no longer become one.

What counts as a match:

- The phrase's letters in order, in any dress (`normalise`), with any separators, symbols and invisible characters
  between them. Where a phrase's edge is a digit, or a letter of a script that puts spaces between words, the match
  must begin or end at the border of a number or word of the original text: "ass" is not in "class", but it is in
  "a.s.s", "a s s" and "你ass!". Invisible characters make no border ("cl\\u200bass").
- Matches may overlap; everything that any of them covers counts. Invisible characters after a match belong to it.

Between two letters of what may become a phrase, `GAP` characters are kept and further ones are dropped from the text:
no amount of blanks hides a phrase, and never more than `GAP` characters a letter are held back.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from agents.moderation.normalise import INVISIBLE, KINDS, SEPARATOR, TABLE, Kind, extends, joined
from agents.moderation.phrases import Phrases, Ranked, Rule

GAP = 500
_LAST = "\U0010ffff"
_BORDERLESS = (Kind.IDEOGRAPH, Kind.SYMBOL)
_JOINING = (Kind.WORD, Kind.DIGIT, Kind.MORE)


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase was met: where it begins and ends in the kept text."""

    start: int
    end: int
    rule: Rule


Begun = tuple[int, str, int, int, Ranked]
"""A phrase that may be coming: where it began, what was read of it, and the range of the phrases that begin so."""


class Scanner:
    """Reads one text. `matches` are what was found, in the order of being certain; `blocked` ends the reading."""

    __slots__ = (
        "_after_match",
        "_before",
        "_begun",
        "_dull",
        "_gap",
        "_has_literal",
        "_literal",
        "_plain",
        "_unconfirmed",
        "at",
        "blocked",
        "matches",
    )

    def __init__(self, phrases: Phrases) -> None:
        self._plain = phrases.plain
        self._literal = phrases.literal
        self._has_literal = bool(phrases.literal.keys)
        self._dull = phrases.dull
        self._begun: list[Begun] = []
        self._unconfirmed: list[Match] = []
        self._before = SEPARATOR
        self._gap = 0
        self._after_match = False
        self.at = 0
        """How many characters were kept."""
        self.matches: list[Match] = []
        self.blocked: Match | None = None

    @property
    def settled(self) -> int:
        """Text before this position can no longer become part of a further match."""
        if not self._begun and not self._unconfirmed:
            return self.at
        starts = [begun[0] for begun in self._begun] + [match.start for match in self._unconfirmed]
        return min(starts, default=self.at)

    def read(self, text: str) -> str:
        """Read on, and return what was kept of `text`."""
        dull = self._dull
        pieces: list[str] = []
        taken = 0
        for index, character in enumerate(text):
            if not self._begun and not self._unconfirmed and (unit := dull[character]) is not None:
                self._before = unit
                self._after_match = False
                self.at += 1
            elif self._keeps(TABLE[character]):
                self.at += 1
            else:
                pieces.append(text[taken:index])
                taken = index + 1
            if self.blocked is not None:
                break
        pieces.append(text[taken:])
        return "".join(pieces)

    def finish(self) -> None:
        """The text has ended: what is complete is a match, what is not is none."""
        self._settle(SEPARATOR)
        self._begun = []

    def _keeps(self, found: str) -> bool:
        """Read one character, given as its units; False where it is to be dropped."""
        if found == INVISIBLE:
            return self._invisible()
        kept = True
        for unit in found:
            kind = KINDS[unit]
            if kind is Kind.MORE and not extends(self._before, unit):
                kept = self._invisible()
                continue
            if self._unconfirmed:
                self._settle(unit)
            self._after_match = False
            if kind is Kind.SEPARATOR:
                self._gap += 1
            elif kind is Kind.SYMBOL:
                self._symbol(unit)
            else:
                self._letter(unit, kind)
            self._before = unit
            kept = self._gap <= GAP or not self._begun
        return kept

    def _invisible(self) -> bool:
        if self._after_match:
            return False
        self._gap += 1
        return self._gap <= GAP or not (self._begun or self._unconfirmed)

    def _letter(self, unit: str, kind: Kind) -> None:
        self._gap = 0
        if self._begun:
            begun, self._begun = self._begun, []
            for one in begun:
                self._advance(unit, one)
        if kind not in _JOINING or not joined(self._before, unit):
            self._begin(unit, self._plain)
            if self._has_literal:
                self._begin(unit, self._literal)

    def _symbol(self, unit: str) -> None:
        """Only phrases that are written with symbols can go on or begin; the others look past it."""
        self._gap += 1
        if not self._has_literal:
            return
        begun, self._begun = self._begun, []
        for one in begun:
            if one[4] is self._literal:
                self._gap = 0
                self._advance(unit, one)
            else:
                self._begun.append(one)
        if self._begin(unit, self._literal):
            self._gap = 0

    def _begin(self, unit: str, phrases: Ranked) -> bool:
        span = phrases.firsts.get(unit)
        if span is None:
            return False
        self._take((self.at, unit, *span, phrases))
        return True

    def _advance(self, unit: str, begun: Begun) -> None:
        start, read, low, high, phrases = begun
        read += unit
        low = bisect_left(phrases.keys, read, low, high)
        if low < high and phrases.keys[low].startswith(read):
            if high - low > 1:
                high = bisect_left(phrases.keys, read + _LAST, low, high)
            self._take((start, read, low, high, phrases))

    def _take(self, begun: Begun) -> None:
        """The first of the phrases that begin so may be complete; the others are still to come."""
        start, read, low, high, phrases = begun
        if len(phrases.keys[low]) > len(read):
            self._begun.append(begun)
            return
        match = Match(start, self.at + 1, phrases.rules[low])
        if KINDS[read[-1]] in _BORDERLESS:
            self._found(match)
        else:
            self._unconfirmed.append(match)
        if low + 1 < high:
            self._begun.append((start, read, low + 1, high, phrases))

    def _settle(self, unit: str) -> None:
        """A visible character, or the end, shows whether the word went on."""
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        if not joined(self._before, unit):
            for match in unconfirmed:
                self._found(Match(match.start, self.at, match.rule))

    def _found(self, match: Match) -> None:
        self._after_match = True
        self.matches.append(match)
        if match.rule.action == "block" and self.blocked is None:
            self.blocked = match
