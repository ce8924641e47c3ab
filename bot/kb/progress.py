"""Bars that show how far a change is: on a terminal, beside the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from bot.kb.wording import line

if TYPE_CHECKING:
    from knowledge.ingest.progress import Progress as Told

Tell = Callable[["Told"], None]

_PHASES = {"waiting": "waiting for another change", "fetching": "fetching", "reading": ""}


class Bars:
    """One bar for each thing that is being done, in one display."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, subject: str) -> Tell:
        """Begin a bar for `subject`; return what takes in how far it is. The bars before it are full."""
        for task in self._progress.tasks:
            self._progress.update(task.id, visible=False)
        number = self._progress.add_task(line(subject).plain, total=None, current="", phase="")

        def tell(told: Told) -> None:
            # Names may look like markup: they are shown as plain text by their column.
            current = _PHASES[told.phase] if told.phase == "waiting" else told.document
            self._progress.update(
                number, completed=told.done, total=told.total or None, current=current, phase=_PHASES[told.phase]
            )

        return tell


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        done = int(task.completed)
        return Text(f"{done:,}/{int(task.total):,}" if task.total else f"{done:,}" if done else "", "progress.download")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", "progress.data.speed")


class _Current(ProgressColumn):
    def render(self, task: Task) -> Text:
        text = line(task.fields["current"])
        text.stylize("dim")
        return text


@contextmanager
def bars(console: Console) -> Iterator[Bars]:
    """Show bars on `console` while inside; nothing where it is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(max_width=24, no_wrap=True)),
        BarColumn(bar_width=20),
        _Count(Column(no_wrap=True)),
        _Rate(Column(no_wrap=True)),
        TimeElapsedColumn(),
        _Current(Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=console, transient=True, expand=True, disable=not console.is_terminal) as progress:
        yield Bars(progress)
