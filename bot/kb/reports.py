"""What an addition or a sync did: a table, and each failure with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bot.console import PROBLEM, err, say
from bot.kb.trouble import advice
from bot.kb.wording import grid, line, number_columns

if TYPE_CHECKING:
    from knowledge.ingest.progress import Report

FAILURES_SHOWN = 200


def show_reports(console: Console, reports: Sequence[tuple[str, Report]], *, subject: str) -> int:
    """Print a row for each report, and what failed; return the exit code."""
    table = grid(subject)
    number_columns(table, "added", "changed", "same", "removed", "failed", "embedded", "seconds")
    for name, report in reports:
        failed = Text(str(len(report.failed)), "red bold" if report.failed else "")
        counts = (report.added, report.changed, report.unchanged, report.removed)
        table.add_row(line(name), *map(str, counts), failed, str(report.embedded), f"{report.seconds:.1f}")
    console.print(table)
    for name, report in reports:
        if report.held:
            text = f"{report.held} of {name} stay as the rollback left them, until they change"
            console.print(Text(text, "yellow"), soft_wrap=True)
    failures = [(error.document, str(error)) for _, report in reports for error in report.failed]
    return show_failures(failures)


def show_failures(failures: Sequence[tuple[str, str]]) -> int:
    """Print each (document, reason) with what to do; return 1 if there is one, else 0."""
    for document, reason in failures[:FAILURES_SHOWN]:
        hint = advice(reason)
        text = Text.assemble(("✗ ", "red"), line(document), ": ", line(reason), (f" → {hint}" if hint else "", "dim"))
        err.print(text, soft_wrap=True, highlight=False)
    more = len(failures) - FAILURES_SHOWN
    if more > 0:
        say(f"… and {more} more: `parley kb ls --json` has them all")
    return PROBLEM if failures else 0
