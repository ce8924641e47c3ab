"""What the commands of `parley kb` share: their options, and how they run."""

from __future__ import annotations

from collections.abc import Coroutine
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

from bot.console import quiet, run

STOPPED = "Stopped. What was read is kept: the next `parley kb sync` goes on from there."


class How(StrEnum):
    """How scores are made."""

    hybrid = "hybrid"
    vector = "vector"
    lexical = "lexical"
    rrf = "rrf"


class Format(StrEnum):
    """How chunks are written."""

    jsonl = "jsonl"
    csv = "csv"


BaseOption = Annotated[str | None, typer.Option("--base", "-b", help="Which base; not needed where there is only one.")]
BaseArgument = Annotated[str | None, typer.Argument(help="Which base; not needed where there is only one.")]
BasesArgument = Annotated[list[str] | None, typer.Argument(help="Which bases; by default all.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
RolesOption = Annotated[list[str] | None, typer.Option("--role", help="Only for people with one of these roles.")]
ConversationsOption = Annotated[
    list[str] | None, typer.Option("--conversation", help="Only in these conversations (their keys, or their channel).")
]
TagsOption = Annotated[list[str] | None, typer.Option("--tag", help="A tag, for filtering.")]


def start(work: Coroutine[Any, Any, int | None]) -> NoReturn:
    """Run a command to its end and exit with its code."""
    from bot.kb.trouble import translated

    quiet()
    run(translated(work), interrupted=STOPPED)
