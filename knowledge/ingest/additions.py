"""What people add to a base beside its configuration: uploaded files, paths of this machine, and addresses."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Literal

from config.settings import DocumentRule, WebSource
from knowledge.errors import DocumentRefused
from knowledge.ingest.sources import FILE_BYTES_MAX, SourceFile
from knowledge.loaders.table import suffixes
from knowledge.types import Access

UPLOADS = "uploads/"
"""What the documents of uploaded files begin with."""
_NAME_BYTES_MAX = 150

AdditionKind = Literal["upload", "path", "page", "sitemap", "crawl", "feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Something that a person added to a base."""

    value: str
    """An uploaded file's document (`uploads/NAME`), a path of this machine, or an address."""
    kind: AdditionKind
    web: WebSource | None = None
    """How an address is fetched."""
    access: Access = field(default_factory=Access)
    """Who may see its documents, beside what they say themselves."""
    tags: frozenset[str] = frozenset()
    author: str = ""
    at: float = 0.0
    """Unix time; set when it is recorded."""
    file: str = ""
    """Where an uploaded file's bytes lie, in the base's folder of uploads; set when it is recorded."""
    documents: int = 0
    """How many visible documents come from it."""

    @property
    def rule(self) -> DocumentRule | None:
        """The limits and tags of its documents as a rule; None where it has none."""
        if not (self.access.roles or self.access.conversations or self.tags):
            return None
        return DocumentRule(
            match="*",
            roles=tuple(sorted(self.access.roles)),
            conversations=tuple(sorted(self.access.conversations)),
            tags=tuple(sorted(self.tags)),
        )


def upload(name: str, *, access: Access, tags: frozenset[str] = frozenset(), author: str = "") -> Addition:
    """Return the addition of a file under the name that its sender gave it.

    Raises:
        DocumentRefused: no loader reads such files.
    """
    return Addition(value=UPLOADS + file_name(name), kind="upload", access=access, tags=tags, author=author)


def file_name(name: str) -> str:
    """Return an untrusted file name without folders, control characters and excess length.

    Raises:
        DocumentRefused: no loader reads such files.
    """
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(char for char in base if unicodedata.category(char)[0] != "C").strip().lstrip(".")
    path = PurePath(shown if "." in shown else f"file.{shown}")
    if path.suffix.lower() not in suffixes():
        readable = ", ".join(sorted(suffix.lstrip(".") for suffix in suffixes()))
        raise DocumentRefused(f"no loader reads {path.suffix or 'files without a suffix'}: {readable}", document=name)
    stem = path.stem.encode()[: _NAME_BYTES_MAX - len(path.suffix)].decode(errors="ignore")
    return f"{stem}{path.suffix}"


class Uploads:
    """The folder with the bytes of uploaded files. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self, addition: Addition, data: bytes) -> str:
        """Store a file's bytes and return where; an earlier file of the same name stays until it is removed.

        Raises:
            DocumentRefused: it is too large.
        """
        if len(data) > FILE_BYTES_MAX:
            raise DocumentRefused(f"larger than {FILE_BYTES_MAX // 1_000_000} MB", document=addition.value)
        self._folder.mkdir(parents=True, exist_ok=True)
        name = sha256(data).hexdigest()[:32] + PurePath(addition.value).suffix.lower()
        part = self._folder / f"{name}.part"
        part.write_bytes(data)
        os.replace(part, self._folder / name)
        return name

    def held(self, addition: Addition) -> SourceFile | None:
        """Return an upload as a file of the base; None where its bytes are not on this machine."""
        path = self._folder / addition.file
        return SourceFile(addition.value, path, rule=addition.rule) if path.is_file() else None

    def remove(self, name: str) -> None:
        """Remove a file's bytes, if they are here."""
        (self._folder / name).unlink(missing_ok=True)
