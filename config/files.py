"""Reads the files of a configuration, and remembers which ones and what they held."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from config.errors import Unreadable
from config.problems import Problem

_MISSING = "missing"


class FileReader:
    """Reads text files; `files` and `digest` tell afterwards what the configuration was made of."""

    def __init__(self) -> None:
        self._seen: dict[Path, str] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read."""
        return tuple(sorted(file for file, content in self._seen.items() if content != _MISSING))

    @property
    def missing(self) -> tuple[Path, ...]:
        """The files and folders that were looked for and not found."""
        return tuple(sorted(file for file, content in self._seen.items() if content == _MISSING))

    @property
    def digest(self) -> str:
        """Changes whenever one of the files does, appears or vanishes."""
        return hashlib.sha256(repr(sorted(self._seen.items())).encode()).hexdigest()

    def read(self, file: Path) -> str:
        """Return the file's text.

        Raises:
            Unreadable: it is missing, not allowed or not UTF-8.
        """
        self._seen[file] = _MISSING
        try:
            content = file.read_bytes()
            self._seen[file] = hashlib.sha256(content).hexdigest()
            return content.decode("utf-8-sig")
        except FileNotFoundError:
            raise Unreadable("does not exist") from None
        except UnicodeDecodeError:
            raise Unreadable("is not UTF-8; save it as UTF-8") from None
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror}") from None

    def exists(self, path: Path) -> bool:
        """Whether a file or folder is there."""
        found = path.exists()
        if not found:
            self._seen[path] = _MISSING
        return found


def with_dotenv(environment: Mapping[str, str], file: Path, reader: FileReader) -> tuple[dict[str, str], list[Problem]]:
    """Return the environment with what it lacks filled in from a `.env` file; the environment wins."""
    try:
        bindings = list(parse_stream(io.StringIO(reader.read(file))))
    except Unreadable as error:
        return dict(environment), [Problem(file=file, message=str(error))]
    problems = [
        Problem(file=file, line=_line(binding), message="expected VARIABLE=value")
        for binding in bindings
        if binding.error or (binding.key is not None and binding.value is None)
    ]
    values = {binding.key: binding.value for binding in bindings if binding.key and binding.value is not None}
    return {**values, **environment}, problems


def _line(binding: Binding) -> int:
    """A binding's text begins with the blank lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
