"""`parley kb sync`: look at the sources, and take in what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.console import err
from bot.kb.bases import some_bases
from bot.kb.progress import bars
from bot.kb.reports import show_reports
from bot.kb.wording import stdout
from bot.library import open_library
from config.loader import Configuration

if TYPE_CHECKING:
    from knowledge.ingest.progress import Report

WAIT_S = 600.0
"""How long a sync waits for another one: as long as a large one takes."""


async def sync(configuration: Configuration, names: Sequence[str] | None) -> int:
    """Bring bases up to date, one after the other; 1 where a document failed."""
    chosen = some_bases(configuration, names)
    reports: list[tuple[str, Report]] = []
    async with open_library(configuration) as library:
        with bars(err) as shown:
            for name in chosen:
                reports.append((name, await library.sync(name, progress=shown.begin(name), wait_s=WAIT_S)))
    return show_reports(stdout(), reports, subject="base")
