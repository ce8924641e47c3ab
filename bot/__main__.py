"""`python -m bot`: check the environment before anything is imported, then run the command line."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("bot", "agents", "channels", "knowledge", "config")


def clash() -> str | None:
    """Return what is wrong when another distribution's package hides one of ours, or None."""
    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        spec = find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != home:
            return (
                f"Parley's package `{name}` is hidden by {origin or 'nothing that can be imported'}.\n"
                f"Run Parley in an environment of its own (`make run` creates one), or from its checkout {home}."
            )
    return None


def main() -> None:
    """Run the command line; exit code 3 where the environment is unfit."""
    # The embedding model's matrices are small: further BLAS threads would only spin. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    problem = clash()
    if problem:
        print(problem, file=sys.stderr)  # noqa: T201 - logging is among what may be hidden
        sys.exit(3)
    from bot.cli import cli

    cli()


if __name__ == "__main__":
    main()
