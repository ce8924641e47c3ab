"""What stands behind `/kb`: the action, options of the form `key=value`, and the rest of the words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Where = Literal["anywhere", "before", "around"]
"""Where options are looked for: a question or an answer may itself hold something of their form."""

KEYS = {
    "base": ("base", "库", "知识库"),
    "role": ("role", "roles", "角色"),
    "tag": ("tag", "tags", "标签"),
    "depth": ("depth", "深度"),
    "pages": ("pages", "页数"),
    "include": ("include", "包含"),
    "exclude": ("exclude", "排除"),
    "from": ("from", "从"),
    "sure": ("sure", "确认"),
}
"""Every option with the names that people may write."""

_NAMES = {name: key for key, names in KEYS.items() for name in names}
_ONE = r"([A-Za-z\u4e00-\u9fff]{1,8})[=＝]([^\s=＝＞>]\S*)"
_ANYWHERE = re.compile(rf"(?<!\S){_ONE}(?!\S)")
_LEADING = re.compile(rf"\s*{_ONE}(?=\s|$)")
_TRAILING = re.compile(rf"(?:(?<=\s)|^){_ONE}\s*$")
_LISTED = re.compile(r"[,，、;；]+")
NUMBERS = {"depth": (0, 10), "pages": (1, 20_000), "from": (0, 1_000_000)}
"""Options that are whole numbers, with the least and the greatest."""


class WrongOption(ValueError):
    """An option has a value that it cannot have."""

    def __init__(self, key: str, value: str) -> None:
        super().__init__(f"{key}={value}")
        self.key = key
        self.value = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An action's words, apart from its options."""

    text: str = ""
    """What is left, its line ends as they were written."""
    base: str = ""
    roles: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    depth: int | None = None
    pages: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    start: int = 0
    sure: bool = False


def action_of(arguments: str) -> tuple[str, str]:
    """Return the first word in lower case, and what stands behind it."""
    match = re.match(r"\s*(\S+)\s*(.*)", arguments, re.DOTALL)
    return (match[1].lower(), match[2].strip()) if match else ("", "")


def read(text: str, *, where: Where = "around") -> Asked:
    """Read options; later ones of the same key win, except that roles, tags and patterns add up.

    Raises:
        WrongOption: a number is none, or out of range.
    """
    found: list[tuple[str, str]] = []
    if where == "anywhere":
        rest = _cut_anywhere(text, found)
    else:
        rest = _cut_leading(text, found)
        if where == "around":
            rest = _cut_trailing(rest, found)
    return _asked(rest.strip(), found)


def _cut_anywhere(text: str, found: list[tuple[str, str]]) -> str:
    def taken(match: re.Match[str]) -> str:
        key = _NAMES.get(match[1].lower())
        if key is None:
            return match[0]
        found.append((key, match[2]))
        return ""

    return _ANYWHERE.sub(taken, text)


def _cut_leading(text: str, found: list[tuple[str, str]]) -> str:
    while (match := _LEADING.match(text)) and (key := _NAMES.get(match[1].lower())):
        found.append((key, match[2]))
        text = text[match.end() :]
    return text


def _cut_trailing(text: str, found: list[tuple[str, str]]) -> str:
    last: list[tuple[str, str]] = []
    while (match := _TRAILING.search(text)) and (key := _NAMES.get(match[1].lower())):
        last.append((key, match[2]))
        text = text[: match.start()]
    found += reversed(last)
    return text


def _asked(text: str, found: list[tuple[str, str]]) -> Asked:
    def last(key: str) -> str:
        return next((value for name, value in reversed(found) if name == key), "")

    def every(key: str) -> tuple[str, ...]:
        values = (value for name, value in found if name == key)
        return tuple(part for value in values for part in _LISTED.split(value) if part)

    return Asked(
        text=text,
        base=last("base"),
        roles=frozenset(every("role")),
        tags=frozenset(every("tag")),
        depth=_number("depth", last("depth")),
        pages=_number("pages", last("pages")),
        include=every("include"),
        exclude=every("exclude"),
        start=_number("from", last("from")) or 0,
        sure=bool(last("sure")),
    )


def _number(key: str, value: str) -> int | None:
    if not value:
        return None
    least, greatest = NUMBERS[key]
    if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= greatest:
        raise WrongOption(key, value)
    return int(value)
