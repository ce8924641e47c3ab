"""Texts as Telegram treats them: HTML parsing, entities in UTF-16 units, and what is refused.

Rules and wording follow https://core.telegram.org/bots/api#html-style and the behaviour of the official Bot API server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Entity = dict[str, Any]

TEXT_MAX_UTF16 = 4096
CAPTION_MAX_UTF16 = 1024

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-zA-Z]+));?")
_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"\s*([^\s=>]*)\s*")
_TOKEN = re.compile(r"[a-zA-Z0-9.-]*")
_LINK = re.compile(r"(https?|tg|ton|tonsite)://\S+$|[\w-]+(\.[\w-]+)+(/\S*)?$", re.IGNORECASE)


class ParseError(ValueError):
    """Telegram's reason for refusing a text."""


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def utf16_slice(text: str, offset: int, length: int) -> str:
    return text.encode("utf-16-le")[offset * 2 : (offset + length) * 2].decode("utf-16-le")


@dataclass(slots=True)
class _Open:
    tag: str
    value: str
    offset: int
    at: int


@dataclass(slots=True)
class _Html:
    source: str
    position: int = 0
    output: list[str] = field(default_factory=list)
    offset: int = 0
    stack: list[_Open] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)

    def byte(self, position: int) -> int:
        return len(self.source[:position].encode())

    def put(self, text: str) -> None:
        self.output.append(text)
        self.offset += utf16_length(text)

    def parse(self) -> tuple[str, list[Entity]]:
        while self.position < len(self.source):
            next_special = re.compile("[<&]").search(self.source, self.position)
            end = next_special.start() if next_special else len(self.source)
            if end > self.position:
                self.put(self.source[self.position : end])
                self.position = end
            elif self.source[end] == "&":
                self._reference()
            elif self.source.startswith("</", end):
                self._end_tag()
            else:
                self._start_tag()
        if self.stack:
            raise ParseError(f'Can\'t find end tag corresponding to start tag "{self.stack[-1].tag}"')
        self.entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self.output), self.entities

    def _reference(self) -> None:
        text, self.position = _decode(self.source, self.position)
        self.put(text)

    def _start_tag(self) -> None:
        begin = self.position
        name_match = _NAME.match(self.source, begin + 1)
        assert name_match is not None
        tag, self.position = name_match[0].lower(), name_match.end()
        if self.position >= len(self.source):
            raise ParseError(f"Unclosed start tag at byte offset {self.byte(begin)}")
        if tag not in _TAGS:
            raise ParseError(f'Unsupported start tag "{tag}" at byte offset {self.byte(begin)}')
        attributes = self._attributes(tag, begin)
        value = {"a": attributes.get("href", ""), "tg-emoji": attributes.get("emoji-id", "")}.get(tag, "")
        if tag == "code":
            value = attributes.get("class", "").removeprefix("language-")
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise ParseError(f'Tag "span" must have class "tg-spoiler" at byte offset {self.byte(begin)}')
        self.stack.append(_Open(tag, value, self.offset, begin))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        unclosed = ParseError(f"Unclosed start tag at byte offset {self.byte(begin)}")
        while True:
            match = _ATTRIBUTE.match(self.source, self.position)
            assert match is not None
            name, self.position = match[1], match.end()
            if self.position >= len(self.source):
                raise unclosed
            if not name and self.source[self.position] == ">":
                self.position += 1
                return attributes
            if not name:
                raise ParseError(f'Empty attribute name in the tag "{tag}" at byte offset {self.byte(begin)}')
            if self.source[self.position] != "=":
                if tag == "blockquote" and name == "expandable":
                    continue
                raise ParseError(
                    f'Expected equal sign in declaration of an attribute of the tag "{tag}"'
                    f" at byte offset {self.byte(begin)}"
                )
            self.position += 1
            attributes[name] = self._value(unclosed)

    def _value(self, unclosed: ParseError) -> str:
        quote = self.source[self.position : self.position + 1]
        if quote not in ("'", '"') or not quote:
            match = _TOKEN.match(self.source, self.position)
            assert match is not None
            begin, self.position = self.position, match.end()
            if self.source[self.position : self.position + 1] not in (" ", "\n", "\t", ">"):
                raise ParseError(f"Unexpected end of name token at byte offset {self.byte(begin)}")
            return match[0].lower()
        end = self.source.find(quote, self.position + 1)
        if end < 0:
            raise unclosed
        raw, self.position = self.source[self.position + 1 : end], end + 1
        return unescape(raw)

    def _end_tag(self) -> None:
        begin = self.position
        if not self.stack:
            raise ParseError(f"Unexpected end tag at byte offset {self.byte(begin)}")
        match = re.compile(r"</([^\s>]*)\s*").match(self.source, begin)
        assert match is not None
        if self.source[match.end() : match.end() + 1] != ">":
            raise ParseError(f"Unclosed end tag at byte offset {self.byte(begin)}")
        self.position = match.end() + 1
        opened, name = self.stack.pop(), match[1].lower()
        if name and name != opened.tag:
            raise ParseError(
                f'Unmatched end tag at byte offset {self.byte(begin)}, expected "</{opened.tag}>", found "</{name}>"'
            )
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        length = self.offset - opened.offset
        if not length:
            return
        entity: Entity = {"type": _TAGS[opened.tag], "offset": opened.offset, "length": length}
        if opened.tag == "a":
            entity["url"] = opened.value or utf16_slice("".join(self.output), opened.offset, length)
            if not _LINK.match(entity["url"]):
                return  # Telegram keeps the text and drops the link
        if opened.tag == "code" and opened.value:
            entity["language"] = opened.value
        if opened.tag == "pre" and self.entities:
            inner = self.entities[-1]
            if inner["type"] == "code" and (inner["offset"], inner["length"]) == (opened.offset, length):
                inner["type"] = "pre"
                return
        self.entities.append(entity)


def _decode(source: str, position: int) -> tuple[str, int]:
    match = _REFERENCE.match(source, position)
    if match is None:
        return "&", position + 1
    hexadecimal, decimal, name = match.groups()
    if name is not None:
        return (_NAMED[name], match.end()) if name in _NAMED else ("&", position + 1)
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    if code == 0 or code >= 0x10FFFF:
        return "&", position + 1
    if 0xD800 <= code <= 0xDFFF:
        raise ParseError("Text contains invalid Unicode characters after decoding HTML entities")
    return chr(code), match.end()


def unescape(text: str) -> str:
    pieces, position = [], 0
    while position < len(text):
        if text[position] == "&":
            piece, position = _decode(text, position)
        else:
            end = text.find("&", position)
            end = len(text) if end < 0 else end
            piece, position = text[position:end], end
        pieces.append(piece)
    return "".join(pieces)


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Return the plain text and its entities.

    Raises:
        ParseError: with Telegram's words.
    """
    return _Html(source).parse()


def forbidden_nesting(entities: list[Entity]) -> list[tuple[str, str]]:
    """Return pairs of entity types that may not overlap but do: Telegram silently drops one of them."""
    loose = {"bold", "italic", "underline", "strikethrough", "spoiler"}
    found = []
    for index, outer in enumerate(entities):
        for inner in entities[index + 1 :]:
            if inner["offset"] >= outer["offset"] + outer["length"]:
                continue
            pair = {outer["type"], inner["type"]}
            partly = inner["offset"] + inner["length"] > outer["offset"] + outer["length"]
            fixed = bool(pair & {"pre", "code"}) and pair != {"code", "blockquote"}
            same = len(pair) == 1
            if partly or fixed or same or (not pair & loose and "blockquote" not in pair):
                found.append((outer["type"], inner["type"]))
    return found


_COMMAND = re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])")
_MENTION = re.compile(r"(?<!\w)@[A-Za-z0-9_]{2,32}(?!\w)")
_URL = re.compile(r"https?://[^\s<>]+")


def detect_entities(text: str) -> list[Entity]:
    """Find commands, mentions and links in what a person wrote, as Telegram's clients do."""
    found = [
        {"type": kind, "offset": utf16_length(text[: match.start()]), "length": utf16_length(match[0])}
        for kind, pattern in (("bot_command", _COMMAND), ("mention", _MENTION), ("url", _URL))
        for match in pattern.finditer(text)
    ]
    commands = [(e["offset"], e["offset"] + e["length"]) for e in found if e["type"] == "bot_command"]
    kept = [e for e in found if e["type"] != "mention" or not any(start < e["offset"] < end for start, end in commands)]
    return sorted(kept, key=lambda entity: entity["offset"])
