"""The numbers that a text names, however they are written: 10, １０, ten, 十.

Two questions that differ in a number ask something different, however near their vectors are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

_DIGITS = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10_000, "亿": 100_000_000}
_UNITS = "年月日天周个号点时分秒元块岁次级条章名人位倍成季代页步小岗级楼层"
_NUMERAL = "[零〇一二两三四五六七八九十百千万亿]"
_CHINESE = re.compile(
    rf"(?:(?<=第)|(?<=分之)){_NUMERAL}+|{_NUMERAL}+(?=[{_UNITS}])"
    rf"|[一二两三四五六七八九][十百千万亿]{_NUMERAL}*|十[一二三四五六七八九]"
)
_NOT_A_NUMBER = frozenset(
    ("一个", "一次", "一点", "一时", "一名", "一位", "一条", "一人", "一步", "一代", "十分", "万一")
)
"""With what follows: "a", "once", "a little", "very"."""
_WRITTEN = re.compile(r"\d+(?:[.,:/]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORD = re.compile(r"[a-z]+")
_ENGLISH = {
    word: value
    for value, words in enumerate(
        (
            "zero",
            "first",
            "two second twice",
            "three third",
            "four fourth",
            "five fifth",
            "six sixth",
            "seven seventh",
            "eight eighth",
            "nine ninth",
            "ten tenth",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        )
    )
    for word in words.split()
} | {
    word: (at + 3) * 10 for at, word in enumerate(["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
_MAGNITUDES = {"half": "1/2", "hundred": "100", "thousand": "1000", "million": "1000000"}
"""Counted by themselves: "two hundred" is not found equal to 200, and that is the careful side."""
_ENGLISH_ONE = re.compile(r"\bone(?=[ -](?:year|month|week|day|hour|minute|night|child|person|time)s?\b)")


def numbers(text: str) -> Counter[str]:
    """Return the numbers in a text, in digits, with how often each is named.

    "A", "one" and 一个 count as none, except before a measure of time.
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return Counter((*_digits(folded), *_chinese(folded), *_english(folded)))


def _digits(text: str) -> Iterator[str]:
    for found in _WRITTEN.findall(_THOUSANDS.sub("", text)):
        yield re.sub(r"(?<![\d.])0+(?=\d)", "", found)


def _chinese(text: str) -> Iterator[str]:
    text = text.replace("百分之", "分之")
    for found in _CHINESE.finditer(text):
        if (
            text[found.start() : found.end() + 1] not in _NOT_A_NUMBER
            or text[found.start() - 1 : found.start()] == "第"
        ):
            yield str(_value(found[0]))


def _english(text: str) -> Iterator[str]:
    yield from ("1" for _ in _ENGLISH_ONE.finditer(text))
    tens = 0
    for word in _WORD.findall(text):
        if word in _MAGNITUDES:
            yield _MAGNITUDES[word]
        value = _ENGLISH.get(word, -1)
        if tens and 0 < value < 10:
            yield str(tens + value)
            tens = 0
            continue
        if tens:
            yield str(tens)
        tens = value if value >= 20 else 0
        if 0 <= value < 20:
            yield str(value)
    if tens:
        yield str(tens)


def _value(written: str) -> int:
    """Return the value of a Chinese numeral: 二十五, 两千, 二〇二四."""
    if not any(char in _PLACES or char in _MYRIADS for char in written):
        return int("".join(str(_DIGITS[char]) for char in written))
    total = section = digit = 0
    for char in written:
        if char in _MYRIADS:
            total = (total + section + digit or 1) * _MYRIADS[char]
            section = digit = 0
        elif char in _PLACES:
            section += (digit or 1) * _PLACES[char]
            digit = 0
        else:
            digit = _DIGITS[char]
    return total + section + digit
