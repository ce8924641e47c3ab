"""What can go wrong with the configuration.

ConfigurationError
├── ConfigurationInvalid   the files hold mistakes; `problems` lists all of them
├── UnknownAssistant       no assistant of that name is configured
└── Unreadable             a file is missing, not allowed or not UTF-8
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from config.problems import Problem, suggestion


class ConfigurationError(Exception):
    """The root of all configuration errors."""


class ConfigurationInvalid(ConfigurationError):
    """The files hold mistakes. `str()` gives a line per problem; the rest is as in `Configuration`."""

    def __init__(
        self,
        problems: Sequence[Problem],
        *,
        files: Sequence[Path] = (),
        missing: Sequence[Path] = (),
        digest: str = "",
    ) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
        self.files = tuple(files)
        self.missing = tuple(missing)
        self.digest = digest


class UnknownAssistant(ConfigurationError):
    """No assistant of that name is configured."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f'no assistant is called "{name}"; {suggestion(name, known)}')
        self.name = name


class Unreadable(ConfigurationError):
    """A file is missing, not allowed or not UTF-8; the text completes "FILE …"."""
