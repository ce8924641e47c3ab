"""`parley kb rm` and `parley kb restore`: take documents out for good, and let them in again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from bot.console import PROBLEM, complain, err, say
from bot.kb.bases import one_base
from bot.kb.progress import bars
from bot.kb.reports import show_reports
from bot.kb.trouble import explained
from bot.kb.wording import clean, counted, line, stdout
from bot.library import open_library
from config.loader import Configuration


def confirmed(question: str, *, yes: bool) -> None:
    """Ask before something is changed.

    Raises:
        Abort: the person said no.
        BadParameter: there is nobody to ask, and no --yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to ask: confirm it with --yes")
    typer.confirm(clean(question), abort=True, err=True)


async def remove(configuration: Configuration, base: str | None, names: Sequence[str], *, yes: bool) -> int:
    """Take documents and additions out at once, so that no sync brings them back; 1 where a name is unknown."""
    from knowledge.errors import UnknownDocument

    chosen = one_base(configuration, base, option="--base")
    confirmed(f"Take {', '.join(names)} out of {chosen}?", yes=yes)
    code = 0
    async with open_library(configuration) as library:
        additions = {one.value for one in await (await library.base(chosen)).additions()}
        for name in names:
            meant = next((one for one in _forms(name) if one in additions), name)
            try:
                gone = await library.remove(chosen, meant)
            except UnknownDocument as error:
                complain(explained(error))
                code = PROBLEM
                continue
            for document in gone:
                stdout().print("removed", line(document), soft_wrap=True, highlight=False)
            undo = "Add it again" if meant in additions else "Restore it with `parley kb restore`"
            say(f"{counted(len(gone), 'document')} removed. {undo}, or go back with `parley kb rollback`.")
    return code


def _forms(name: str) -> tuple[str, ...]:
    """Return how an addition may be recorded that a person calls `name`."""
    from knowledge.web.links import normal

    if name.startswith(("http://", "https://")):
        return name, normal(name)
    return name, os.path.abspath(Path(name).expanduser())


async def restore(configuration: Configuration, base: str | None, document: str) -> int:
    """Let a removed document in again, and sync."""
    chosen = one_base(configuration, base, option="--base")
    async with open_library(configuration) as library:
        with bars(err) as shown:
            shown.begin(chosen)
            report = await library.restore(chosen, document)
    return show_reports(stdout(), [(chosen, report)], subject="base")
