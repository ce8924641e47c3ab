"""Which encoding a text is in: UTF-8 and UTF-16 by their form, GB18030 and Big5 by how much sense they make."""

from __future__ import annotations

import codecs
from collections import Counter

from knowledge.errors import DocumentRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The hundred or so characters that make up about half of running Chinese text, simplified and traditional.
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家"
    "電這個們來時會對發過說產種麼無與從後學經進還間問開關長東車員請應該國為於動點體實現當與將樣話頭書見業務業費報資訊總統"
    "日月天年元公司请假休申提前主管员工批部门时间内需须每最超须件单费用报销电话办公室时周新人事业务规定标准，。、：；（）？！“”《》"
)

_LEVELS = {
    "gb18030": ("gb2312", frozenset({0xA1, 0xA3, *range(0xB0, 0xD8)})),
    "big5hkscs": ("big5", frozenset(range(0xA1, 0xC7))),
}


def decode(data: bytes, *, name: str) -> str:
    """Return the text of `data`.

    Raises:
        DocumentRefused: it is in no encoding known here, or no text at all.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding, name)
    if b"\0" in data:
        raise DocumentRefused("this is no text: it holds zero bytes", document=name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass  # an older Chinese encoding, or Latin-1
    return _decoded(data, guess(data), name)


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentRefused(f"the text is damaged: {error.reason} at byte {error.start}", document=name) from error


def guess(data: bytes) -> str:
    """Return the likeliest encoding of a text that is not UTF-8: gb18030, big5hkscs or cp1252."""
    sample = data[:200_000]
    best, best_sense = "cp1252", 0.0
    for encoding in ("gb18030", "big5hkscs"):
        sense = _sense(sample, encoding)
        if sense > best_sense:
            best, best_sense = encoding, sense
    return best


def _sense(sample: bytes, encoding: str) -> float:
    """Return how Chinese a decoding reads: 1 where all its wide characters are common, below 0 where it breaks."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    wide = Counter(char for char in text if ord(char) > 0x7F)
    if not wide:
        return 0.0
    common = sum(count for char, count in wide.items() if char in _COMMON)
    usual = sum(count for char, count in wide.items() if _usual(char, encoding))
    broken = sum(count for char, count in wide.items() if char == "\ufffd" or 0xE000 <= ord(char) <= 0xF8FF)
    return ((common + usual) / 2 - 4 * broken) / wide.total()


def _usual(char: str, encoding: str) -> bool:
    """Tell whether a character is in the encoding's first level, which has those in everyday use, or punctuation.

    Sources: GB 2312-80, rows 1, 3 and 16–55; Big5, A140–A3BF and A440–C67E.
    """
    older, leads = _LEVELS[encoding]
    try:
        return char.encode(older)[0] in leads
    except UnicodeEncodeError:
        return False
