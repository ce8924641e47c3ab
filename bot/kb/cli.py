"""The commands of `parley kb`."""

from __future__ import annotations

import typer

kb_cli = typer.Typer(help="Knowledge bases: add, sync, look, search, roll back.", no_args_is_help=True)


@kb_cli.callback()
def knowledge() -> None:
    """Knowledge bases: add, sync, look, search, roll back."""
