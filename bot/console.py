"""What all commands of the command line share: where they print, how they load, run, and end.

Exit codes: 0 all is well; 1 a check found a problem, or something failed; 2 wrong usage; 3 it cannot be done.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from config.errors import ConfigurationInvalid
from config.loader import Configuration

PROBLEM, CANNOT = 1, 3

out = Console()
err = Console(stderr=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="parley.yaml or its folder; by default the working folder, or PARLEY_CONFIG."),
]


def loader(config: Path | None) -> partial[Configuration]:
    """Return a function that reads the configuration anew."""
    from bot.configuring import load

    return partial(load, config)


def loaded(config: Path | None) -> Configuration:
    """Return the configuration; where it is invalid, print every problem and exit."""
    try:
        return loader(config)()
    except ConfigurationInvalid as invalid:
        for problem in invalid.problems:
            err.print(str(problem), markup=False, highlight=False, soft_wrap=True)
        count = len(invalid.problems)
        err.print(f"[red]✗[/red] {count} problem{'s' if count > 1 else ''} in the configuration")
        raise typer.Exit(PROBLEM) from None


def complain(text: str) -> None:
    """Print why something cannot be done; `text` is shown as it is."""
    err.print(Text.assemble(("✗ ", "red"), text), highlight=False, soft_wrap=True)


def quiet() -> None:
    """Log nothing below "critical": what goes wrong in a command is told in its results."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def say(text: str, style: str = "") -> None:
    """Print a hint beside the results; `text` is shown as it is."""
    err.print(Text(text, style), highlight=False, soft_wrap=True)


def run(work: Coroutine[Any, Any, int | None], *, interrupted: str = "") -> NoReturn:
    """Run `work` to its end and exit with its code; `interrupted` is said after Ctrl-C."""
    from bot.errors import BotError
    from config.errors import UnknownAssistant

    try:
        code = _loop_run(work)
    except (BotError, UnknownAssistant) as error:
        complain(str(error))
        raise typer.Exit(CANNOT) from None
    except KeyboardInterrupt:
        if interrupted:
            say(interrupted)
        raise typer.Exit(130) from None
    raise typer.Exit(code or 0)


def _loop_run(work: Coroutine[Any, Any, int | None]) -> int | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return asyncio.run(work)
    return uvloop.run(work)
