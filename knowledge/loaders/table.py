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
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".json": "structured:load_json",
    ".jsonl": "structured:load_lines",
    ".ndjson": "structured:load_lines",
    ".yaml": "structured:load_yaml",
    ".yml": "structured:load_yaml",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "word",
    ".pptx": "slides",
    ".xlsx": "sheets",
    ".epub": "epub",
    ".eml": "mail",
}
_LIGHT = frozenset({"markdown", "text", "delimited", "structured"})
"""Plain formats that are read in this process; the others, and those of other packages, in one of their own."""
_LIGHT_BYTES = 100_000
"""A larger file is read apart, whatever its format."""


@cache
def _installed() -> dict[str, str]:
    """Return the suffixes that other packages read; theirs come before ours."""
    return {f".{point.name.lstrip('.').lower()}": point.value for point in entry_points(group="parley.loaders")}


def suffixes() -> frozenset[str]:
    """Return every suffix that can be read."""
    return frozenset(LOADERS) | frozenset(_installed())


def apart(name: str, *, size: int = 0) -> bool:
    """Tell whether a file should be read in a process of its own: hostile or large ones cost memory and time."""
    suffix = PurePath(name).suffix.lower()
    return size > _LIGHT_BYTES or suffix in _installed() or LOADERS.get(suffix, "").partition(":")[0] not in _LIGHT


def loader_for(name: str) -> Loader:
    """Return the loader of a file by its name.

    Raises:
        DocumentRefused: no loader reads such files.
    """
    suffix = PurePath(name).suffix.lower()
    theirs, ours = _installed().get(suffix, ""), LOADERS.get(suffix, "")
    module, _, attribute = (theirs or (f"knowledge.loaders.{ours}" if ours else "")).partition(":")
    if not module:
        raise DocumentRefused(f"no loader reads {suffix or 'files without a suffix'}", document=name)
    return cast("Loader", getattr(import_module(module), attribute or "load"))
