"""Run the tests: `python -m tests.run`.

Without arguments the whole suite runs, shared by one worker per core; in-process and sub-process coverage of the five
packages is measured, and less than 85 % of the lines is a failure. Arguments go to pytest as they are, and nothing is
measured.
"""

from __future__ import annotations

import sys

import pytest

COVERAGE = ("--cov", "--cov-report=term", "--cov-fail-under=85")
PARALLEL = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")


def main(arguments: list[str]) -> int:
    """Return pytest's exit code."""
    return int(pytest.main(arguments or [*COVERAGE, *PARALLEL]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
