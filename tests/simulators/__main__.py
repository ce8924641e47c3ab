"""Run a simulator by hand: `python -m tests.simulators NAME [options]`."""

from __future__ import annotations

import sys
from importlib import import_module

SIMULATORS = {"telegram": "tests.simulators.telegram", "llm": "tests.simulators.llm"}


def main() -> None:
    name, *rest = sys.argv[1:] or [""]
    if name not in SIMULATORS:
        sys.exit(f"usage: python -m tests.simulators {{{','.join(SIMULATORS)}}} [options]")
    import_module(SIMULATORS[name]).main(rest)


if __name__ == "__main__":
    main()
