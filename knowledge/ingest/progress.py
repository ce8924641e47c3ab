"""How far a sync is, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from knowledge.errors import DocumentRefused

Phase = Literal["waiting", "fetching", "reading"]
"""waiting: for another sync of the same base. fetching: from the web. reading: cutting into chunks and embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sync is."""

    done: int = 0
    total: int = 0
    """0 while it is not known yet."""
    document: str = ""
    """The document or address that was just finished."""
    phase: Phase = "reading"


@dataclass(slots=True, kw_only=True)
class Report:
    """What a sync did."""

    revision: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    """Texts that were embedded; those known from before cost nothing."""
    seconds: float = 0.0
    held: int = 0
    """Documents that stay as a rollback left them, because they have not changed since."""
    failed: list[DocumentRefused] = field(default_factory=list)
