"""Buttons under a message: what is sent back when one is pressed has 64 bytes, what it stands for may be longer.

Source: https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from channels.base import State
from channels.markup.styled import clean
from channels.types import Action

DATA_MAX_BYTES = 64
LABEL_MAX_CHARACTERS = 64
REMEMBER_S = 7 * 86400.0
_TEXT, _KEY = "t:", "k:"


@dataclass(frozen=True, slots=True)
class Buttons:
    """Rows of (label, data), and the texts to remember for those whose data is only a key; JSON values throughout."""

    rows: tuple[tuple[tuple[str, str], ...], ...] = ()
    remember: Mapping[str, str] = field(default_factory=dict)


def lay_out(actions: Sequence[Action], suggestions: Sequence[str], *, buttons_max: int) -> Buttons:
    """Return one row of actions (two, three) or one for each, and one row for each suggestion."""
    remember: dict[str, str] = {}
    chosen = [(action.label, action.text) for action in actions]
    chosen += [(suggestion, suggestion) for suggestion in suggestions]
    made = [_button(label, text, remember) for label, text in chosen[:buttons_max] if label.strip() and text.strip()]
    beside = len(actions) if len(actions) <= 3 and all(len(action.label) <= 16 for action in actions) else 0
    first, rest = made[:beside], made[beside:]
    rows = [tuple(first)] if first else []
    return Buttons((*rows, *((button,) for button in rest)), remember)


def markup(rows: Sequence[Sequence[Sequence[str]]]) -> InlineKeyboardMarkup | None:
    """Return the keyboard of rows of (label, data); None for no rows."""
    keyboard = [[InlineKeyboardButton(text=label, callback_data=data) for label, data in row] for row in rows]
    return InlineKeyboardMarkup(inline_keyboard=keyboard) if keyboard else None


async def remember(state: State, texts: Mapping[str, str]) -> None:
    """Keep what long buttons stand for, until they expire."""
    for key, text in texts.items():
        await state.set(f"button:{key}", text, ttl_s=REMEMBER_S)


async def recall(state: State, data: str) -> str | None:
    """Return the text that a pressed button stands for; None where it expired or is none of ours."""
    if data.startswith(_TEXT):
        return data.removeprefix(_TEXT)
    if data.startswith(_KEY):
        return await state.get(f"button:{data.removeprefix(_KEY)}")
    return None


def _button(label: str, text: str, remember: dict[str, str]) -> tuple[str, str]:
    label, text = clean(label), clean(text)
    shown = label if len(label) <= LABEL_MAX_CHARACTERS else label[: LABEL_MAX_CHARACTERS - 1] + "…"
    if len(f"{_TEXT}{text}".encode()) <= DATA_MAX_BYTES:
        return shown, f"{_TEXT}{text}"
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    remember[key] = text
    return shown, f"{_KEY}{key}"


def payload(buttons: Buttons) -> dict[str, Any]:
    """Return the buttons as part of a payload."""
    return {"rows": [[list(button) for button in row] for row in buttons.rows], "remember": dict(buttons.remember)}
