"""Which base a command means."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import typer

from bot.errors import BotError
from bot.library import bases_in_use
from config.loader import DEFAULTS, Configuration


def one_base(configuration: Configuration, name: str | None, *, option: str = "") -> str:
    """Return the base of that name; without a name the only one there is.

    Raises:
        BadParameter: it is not configured, or there are several to choose from; the names are told.
        BotError: none is configured at all.
    """
    names = _configured(configuration)
    if name is None:
        if len(names) == 1:
            return names[0]
        how = f"choose one with {option}" if option else "name one"
        raise typer.BadParameter(f"there are several bases; {how}: {', '.join(names)}")
    if name not in configuration.settings.knowledge:
        raise typer.BadParameter(_unknown(name, names))
    return name


def some_bases(configuration: Configuration, names: Sequence[str] | None) -> list[str]:
    """Return the bases of those names, each once; without names all of them; raises as `one_base`."""
    configured = _configured(configuration)
    for name in names or ():
        if name not in configuration.settings.knowledge:
            raise typer.BadParameter(_unknown(name, configured))
    return list(dict.fromkeys(names or configured))


def _configured(configuration: Configuration) -> list[str]:
    names = _own(configuration)
    if not names:
        raise BotError("no knowledge base is configured: name one under `knowledge:` in parley.yaml")
    return names


def _own(configuration: Configuration) -> list[str]:
    """Return the configured bases; without the shipped example where no assistant uses it."""
    used = bases_in_use(configuration)
    return [
        name
        for name, base in configuration.settings.knowledge.items()
        if name in used or base.web or not base.sources or not all(_shipped(source) for source in base.sources)
    ]


def _shipped(source: str) -> bool:
    return Path(source).is_relative_to(DEFAULTS.parent.parent / "examples")


def _unknown(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"no knowledge base {name} is configured; {hint}there are: {', '.join(names)}"
