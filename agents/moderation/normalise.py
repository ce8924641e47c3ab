"""One form for every way of writing the same phrase, character by character.

Each character is decomposed (NFKD: full-width, styled and composed letters lose their dress), case-folded and
turned from traditional into simplified Chinese. What is left of it is one of:

    ""     invisible: combining marks, zero-width and control characters, variation selectors
    " "    a separator: space or punctuation
    text   letters, digits, ideographs, or a symbol (emoji, `$`, `*`, …), which stands between letters like a
           separator unless a phrase itself is written with symbols

The mapping looks at one character only, so a stream may be cut anywhere. NFKC would compose across characters;
NFKD without the marks gives the same classes. Chinese conversion by words depends on the context: phrases are
therefore compiled in all their regional forms (`regional_forms`), and single characters are mapped here.

Scripts whose marks are vowels (Indic, Thai, kana's voicing, Hangul's letters) keep them where they follow a letter
of such a script, and lose them anywhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Literal

import zhconv_rs

SEPARATOR = " "
INVISIBLE = ""
SUBSTITUTES = frozenset("@!*#%&")
"""Punctuation that replaces letters ("@ss", "sh!t"): symbols, where a phrase is written with it."""

_ALWAYS_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u034f\u2065")
_WHITE_CONTROLS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
_CHINESE: Sequence[Literal["zh-hans", "zh-hant", "zh-cn", "zh-tw", "zh-hk"]] = (
    "zh-hans",
    "zh-hant",
    "zh-cn",
    "zh-tw",
    "zh-hk",
)


class Kind(IntEnum):
    """What a normalised character is to its neighbours."""

    SEPARATOR = 0
    SYMBOL = 1
    WORD = 2
    """A letter of a script that puts spaces between words."""
    DIGIT = 3
    IDEOGRAPH = 4
    OTHER = 5
    """A letter of any other script."""
    MORE = 6
    """Continues the letter before it: a vowel sign, a voicing mark, a Hangul vowel or final."""


class _Table(dict[str, str]):
    """The memory of `_unit`: every character is looked up once."""

    def __missing__(self, character: str) -> str:
        unit = self[character] = _unit(character)
        return unit


class _Kinds(dict[str, Kind]):
    """The memory of `_kind`."""

    def __missing__(self, unit: str) -> Kind:
        kind = self[unit] = _kind(unit)
        return kind


class _Letters(dict[str, str]):
    """The memory of what `letters` keeps of a character."""

    def __missing__(self, character: str) -> str:
        kept = "".join(unit for unit in TABLE[character] if KINDS[unit] > Kind.SYMBOL)
        self[character] = kept
        return kept


def _unit(character: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    units = "".join(_plain(one) for one in plain)
    return SEPARATOR if units and not units.strip() else units


def _plain(character: str) -> str:
    if character in _WHITE_CONTROLS:
        return SEPARATOR
    if character in _ALWAYS_INVISIBLE:
        return INVISIBLE
    category = unicodedata.category(character)
    if category[0] == "M":
        return character if _is_vowel_sign(character) else INVISIBLE
    if category[0] == "C":
        return INVISIBLE
    if category[0] == "Z" or (category[0] == "P" and character not in SUBSTITUTES):
        return SEPARATOR
    return zhconv_rs.zhconv(character, "zh-hans") if _is_ideograph(character) else character


def _kind(unit: str) -> Kind:
    category = unicodedata.category(unit)
    if unit == SEPARATOR:
        return Kind.SEPARATOR
    if category[0] in "SP":
        return Kind.SYMBOL
    if category[0] == "M" or "\u1160" <= unit <= "\u11ff":
        return Kind.MORE
    if _is_ideograph(unit):
        return Kind.IDEOGRAPH
    if category[0] == "N":
        return Kind.DIGIT
    return Kind.WORD if _SPACED.match(unit) else Kind.OTHER


def _is_ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff" or character in "〇々"


def _is_vowel_sign(mark: str) -> bool:
    return mark in "\u3099\u309a" or (_COMPLEX.match(mark) is not None and _POINTS.match(mark) is None)


_SPACED = re.compile(
    "[a-z\u00aa-\u058f\u10a0-\u10ff\u1c80-\u1cbf\u1d00-\u1dbf\u1e00-\u1fff\u2071-\u209c\u2c00-\u2dff"
    "\ua640-\ua69f\ua720-\ua7ff\uab30-\uab6f]"
)
"""Latin, Greek, Cyrillic, Armenian, Georgian, Coptic."""
_COMPLEX = re.compile("[\u0590-\u109f\u1100-\u1c7f\ua800-\uaaff\ud7b0-\ud7ff\u3099\u309a\U00010a00-\U00011fff]")
"""Scripts in which marks may be letters; Hangul's because its letters join."""
_POINTS = re.compile("[\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]")
"""Hebrew and Arabic reading aids: left out like accents."""

TABLE = _Table()
"""Character → unit(s)."""
KINDS = _Kinds()
"""Unit → kind."""
_LETTERS = _Letters()


def joined(before: str, after: str) -> bool:
    """Whether two visible characters that stand side by side belong to one word, number or syllable."""
    kind = KINDS[after]
    return kind is Kind.MORE or (kind in (Kind.WORD, Kind.DIGIT) and KINDS[before] is kind)


def extends(before: str, mark: str) -> bool:
    """Whether a mark (`Kind.MORE`) is part of the letter before it; otherwise it counts as invisible."""
    return KINDS[before] in (Kind.OTHER, Kind.MORE)


def letters(text: str) -> str:
    """Return the text's letters, digits and ideographs, normalised."""
    return _without_stray_marks("".join(map(_LETTERS.__getitem__, text)))


def visible(text: str) -> str:
    """Return the text normalised with its symbols, without separators."""
    return _without_stray_marks("".join(map(TABLE.__getitem__, text)).replace(SEPARATOR, ""))


def may_hold_stray_marks(found: str) -> bool:
    """Whether normalised text has marks whose meaning depends on the letter before them."""
    return _COMPLEX.search(found) is not None


def _without_stray_marks(found: str) -> str:
    if not may_hold_stray_marks(found):
        return found
    kept: list[str] = []
    before = SEPARATOR
    for unit in found:
        if KINDS[unit] is Kind.MORE and not extends(before, unit):
            continue
        kept.append(unit)
        before = unit
    return "".join(kept)


def regional_forms(phrases: Iterable[str]) -> list[tuple[str, ...]]:
    """Return for each phrase the forms that it has in simplified, traditional, Taiwan's and Hong Kong's Chinese."""
    originals = list(phrases)
    chinese = [phrase for phrase in originals if not phrase.isascii()]
    text = "\n".join(chinese)
    columns = [chinese, *(zhconv_rs.zhconv(text, variant).split("\n") for variant in _CHINESE)]
    forms = {forms[0]: tuple(dict.fromkeys(forms)) for forms in zip(*columns, strict=True)} if chinese else {}
    return [forms.get(phrase, (phrase,)) for phrase in originals]
