"""Which loader reads which suffix: a line here, or an entry point named after the suffix in `parley.loaders`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import PurePath
from typing import cast

from knowledge.base import Loader
from knowledge.errors import DocumentRefused

LOADERS = {
    ".md": "knowledge.loaders.markdown",
    ".markdown": "knowledge.loaders.markdown",
    ".txt": "knowledge.loaders.text",
    ".text": "knowledge.loaders.text",
}


@cache
def _installed() -> dict[str, str]:
    """Return the suffixes that other packages read; theirs come before ours."""
    return {f".{point.name.lstrip('.').lower()}": point.value for point in entry_points(group="parley.loaders")}


def suffixes() -> frozenset[str]:
    """Return every suffix that can be read."""
    return frozenset(LOADERS) | frozenset(_installed())


def loader_for(name: str) -> Loader:
    """Return the loader of a file by its name.

    Raises:
        DocumentRefused: no loader reads such files.
    """
    suffix = PurePath(name).suffix.lower()
    module, _, attribute = (_installed().get(suffix) or LOADERS.get(suffix, "")).partition(":")
    if not module:
        raise DocumentRefused(f"no loader reads {suffix or 'files without a suffix'}", document=name)
    return cast("Loader", getattr(import_module(module), attribute or "load"))
