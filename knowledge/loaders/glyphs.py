"""What a PDF says for a glyph, as the characters that people write.

Fonts draw a radical and the character of the same look with one glyph ("⽤" U+2F64 and "用" U+7528), ligatures with one
("ﬁ"). Many programs write the lesser code into the PDF, and then nothing that is typed finds the text.
"""

from __future__ import annotations

import unicodedata

_KANGXI = range(0x2F00, 0x2FD6)
_LIGATURES = range(0xFB00, 0xFB07)
# "CJK Radicals Supplement" has no compatibility mappings, and "⼾" has one that is only right for traditional Chinese.
# Read back from what Chromium prints of all characters in Noto Sans and Serif CJK, for China, Taiwan and Japan.
_RADICALS = (
    "⺂乛⺃乚⺅亻⺉刂⺎兀⺏尣⺐尢⺒巳⺓幺⺔彑⺕彐⺖忄⺘扌⺙攵⺛旡⺞歺⺟母⺠民⺡氵⺣灬⺤爫⺦丬⺨犭⺫罒⺭礻⺯糹⺰纟⺱罓⺹耂⺺肀⺾艹⺿艹⻁虎⻂衤⻃覀⻄西"
    "⻅见⻆角⻈讠⻉贝⻋车⻌辶⻍辶⻎辶⻐钅⻑長⻒镸⻓长⻔门⻖阝⻘青⻙韦⻚页⻛风⻜飞⻝食⻟飠⻠饣⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
    "⼾户"
)
_WRITTEN = {code: unicodedata.normalize("NFKC", chr(code)) for code in (*_KANGXI, *_LIGATURES)} | {
    ord(radical): char for radical, char in zip(_RADICALS[::2], _RADICALS[1::2], strict=True)
}


def written(text: str) -> str:
    """Return a text with radicals and ligatures as ordinary characters and letters."""
    return text.translate(_WRITTEN)
