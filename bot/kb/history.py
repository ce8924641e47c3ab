"""`parley kb revisions` and `parley kb rollback`: what changed, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.console import say
from bot.kb.bases import one_base
from bot.kb.removing import confirmed
from bot.kb.wording import grid, line, moment, number_columns, stdout, when, write_json
from bot.library import open_library
from config.loader import Configuration

if TYPE_CHECKING:
    from knowledge.catalogue.file import Revision


async def list_revisions(configuration: Configuration, base: str | None, *, as_json: bool) -> int:
    """Print the revisions that are kept, latest first."""
    chosen = one_base(configuration, base)
    async with open_library(configuration) as library:
        revisions = await (await library.base(chosen)).revisions()
    if as_json:
        write_json([_data(one) for one in revisions])
        return 0
    table = grid()
    number_columns(table, "revision", "added", "changed", "removed")
    table.add_column("when", no_wrap=True)
    table.add_column("what", overflow="fold")
    for at, one in enumerate(revisions):
        table.add_row(
            f"{one.number}{'' if at else ' now'}",
            *(str(count) for count in (one.added, one.changed, one.removed)),
            when(one.at),
            line(one.note),
        )
    stdout().print(table)
    return 0


def _data(one: Revision) -> dict[str, object]:
    return {
        "revision": one.number,
        "at": moment(one.at),
        "note": one.note,
        "added": one.added,
        "changed": one.changed,
        "removed": one.removed,
    }


async def roll_back(configuration: Configuration, base: str, revision: int, *, yes: bool) -> int:
    """Make a base what it was at a revision."""
    chosen = one_base(configuration, base)
    confirmed(f"Make {chosen} what it was at revision {revision}?", yes=yes)
    async with open_library(configuration) as library:
        number = await (await library.base(chosen)).roll_back(revision)
    stdout().print(f"{chosen} is at revision {number} now, which is what revision {revision} was.", highlight=False)
    say("What was gone away from comes back only when it changes, or with `parley kb restore`.")
    return 0
