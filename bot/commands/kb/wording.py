"""How untrusted names and texts stand in a reply: nothing in them is markup, and nothing in them is long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from channels.types import Action

if TYPE_CHECKING:
    from bot.commands.base import Call

_CONTROL = re.compile("[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069]+")
_MARKUP = re.compile(r"([\\`*_\[\]<>#~|&!])")
_BLOCK = re.compile(r"^(\s*)([-+=]|\d{1,9}[.)])", re.MULTILINE)
NAME_MAX = 80


def code(name: str, *, limit: int = NAME_MAX) -> str:
    """Return a name or a command as inline code: it can be copied with a tap."""
    return f"`{short(name.replace('`', 'ˋ'), limit)}`"


def prose(text: str) -> str:
    """Return a text so that its characters stand for themselves in Markdown; its lines stay lines."""
    escaped = _MARKUP.sub(r"\\\1", text)
    return _BLOCK.sub(lambda match: f"{match[1]}{match[2][:-1]}\\{match[2][-1]}", escaped)


def short(text: str, limit: int = NAME_MAX) -> str:
    """Return a text on one line with at most `limit` characters; of a longer one both ends."""
    line = _CONTROL.sub(" ", text).strip()
    if len(line) <= limit:
        return line
    head = limit * 2 // 3
    return f"{line[:head]}…{line[head + 1 - limit :]}"


def button(call: Call, label: str, words: str) -> Action:
    """Return a button that sends `/kb` with these words, under the name that keeps the person's language."""
    return Action(label=label, text=f"{call.text('/知识库', '/kb')} {words.removeprefix('/kb ')}")


def counted(number: int, one: str, many: str = "") -> str:
    """Return an English number with its noun: `1 passage`, `2 passages`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def paragraph(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text on one line, its beginning."""
    line = re.sub(r"\s+", " ", _CONTROL.sub(" ", text)).strip()
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
