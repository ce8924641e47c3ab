"""Where a base's documents come from: files and folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from config.settings import DocumentRule
from knowledge.errors import DocumentRefused
from knowledge.loaders.table import suffixes

FILE_BYTES_MAX = 50_000_000
FILES_MAX = 200_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that belongs to a base."""

    document: str
    """Its path relative to the configuration, or absolute where it lies elsewhere; the same on every run."""
    path: Path
    rule: DocumentRule | None = None
    """What holds for it beside the base's own rules, whatever `match` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What belongs to a base now."""

    files: list[SourceFile]
    refused: list[DocumentRefused]
    complete: bool
    """False where a source as a whole was not reached: what is not among `files` may still belong to the base."""


def scan(sources: Sequence[str], *, root: Path) -> Gathered:
    """Return the readable files of all sources, each once, in order of their names.

    Symbolic links are followed only where a source itself is one: a link inside a folder may point anywhere.
    Hidden files and folders and those that no loader reads are passed over.
    """
    found: dict[str, SourceFile] = {}
    refused: list[DocumentRefused] = []
    for source in sources:
        start = Path(os.path.normpath(root / Path(source).expanduser()))
        if start.is_file():
            found.setdefault(_named(start, root), SourceFile(_named(start, root), start))
        elif start.is_dir():
            for path in _files(start.resolve()):
                shown = start / path.relative_to(start.resolve())
                found.setdefault(_named(shown, root), SourceFile(_named(shown, root), path))
        else:
            refused.append(DocumentRefused("this source does not exist", document=source))
        if len(found) > FILES_MAX:
            raise DocumentRefused(f"more than {FILES_MAX} files", document=source)
    files = sorted(found.values(), key=lambda file: file.document)
    return Gathered(files=files, refused=refused, complete=not refused)


def _named(path: Path, root: Path) -> str:
    try:
        return _legible(path.relative_to(os.path.normpath(root)).as_posix())
    except ValueError:
        return _legible(path.as_posix())


def _legible(name: str) -> str:
    """Return a path as text: names that are not UTF-8 (from an old Chinese archive or disk) are GB18030, or escaped."""
    if name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name):
        return name
    return "/".join(_decoded(part) for part in os.fsencode(name).split(b"/"))


def _decoded(part: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return part.decode(encoding)
        except UnicodeDecodeError:
            continue
    return part.decode("utf-8", "backslashreplace")


def _files(folder: Path) -> Iterator[Path]:
    readable = suffixes()
    for here, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            hidden = name.startswith((".", "~$"))
            if not hidden and path.suffix.lower() in readable and path.is_file() and not path.is_symlink():
                yield path


def read(file: SourceFile) -> tuple[bytes, str]:
    """Return a file's bytes and their hash.

    Raises:
        DocumentRefused: it is gone, unreadable or too large.
    """
    try:
        with file.path.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise DocumentRefused(error.strerror or str(error), document=file.document) from error
    if len(data) > FILE_BYTES_MAX:
        raise DocumentRefused(f"larger than {FILE_BYTES_MAX // 1_000_000} MB", document=file.document)
    return data, sha256(data).hexdigest()
