"""A base that several machines share: what changes is an entry of a log on the Chroma server.

Three collections for each base: its vectors (one for each embedding model), `documents` with the text of every
visible version, and `log`. The ids of the log count up from 1, and Chroma ignores an id that it has already: whoever
adds an entry first has it, and everybody else reads what it says. A machine's catalogue follows the log.
"""

from __future__ import annotations

import json
import secrets
import zlib
from base64 import b85decode, b85encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from knowledge.catalogue.file import CatalogueFile, Version, access_of, chunk_of, label_of
from knowledge.catalogue.ledger import Ledger
from knowledge.changes.operations import Operation
from knowledge.index import translated
from knowledge.types import Chunk

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

_NOWHERE = [1.0]  # Chroma wants a vector for every record
_BATCH = 50
_REQUEST_BYTES = 4_000_000
"""The server takes 40 MB at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of a base."""

    changes: Mapping[str, str | None]
    """Document → its version, or None where it was removed."""
    note: str = ""
    revision: int = 0
    """The number that the change has as a revision; 0 where no document changed."""
    operations: Sequence[Operation] = ()


class Exchange:
    """The log and the documents of one base on a Chroma server. Blocking; used by one thread at a time."""

    def __init__(self, client: ClientAPI, file: CatalogueFile, *, base: str) -> None:
        self._file = file
        self._ledger = Ledger(file)
        with translated():
            self._log: Any = client.get_or_create_collection(f"parley-{base}-log", embedding_function=None)
            self._documents: Any = client.get_or_create_collection(f"parley-{base}-documents", embedding_function=None)
        self._id = str(self._log.id)

    @property
    def attached(self) -> bool:
        """True where this catalogue has followed this very log before."""
        return self._file.text("SELECT value FROM meta WHERE key='log'") == self._id

    @property
    def position(self) -> int:
        """The entry up to which this catalogue has followed."""
        return self._file.number("SELECT value FROM meta WHERE key='log_position'") if self.attached else 0

    def behind(self) -> bool:
        """Tell whether there are entries after the position, or this catalogue has never followed this log."""
        return not self.attached or self.head() > self.position

    def reached(self, number: int) -> None:
        """Record that this catalogue has followed up to an entry."""
        with self._file.writing():
            self._file.db.execute("INSERT OR REPLACE INTO meta VALUES('log', ?)", (self._id,))
            self._file.db.execute("INSERT OR REPLACE INTO meta VALUES('log_position', ?)", (str(number),))

    def head(self) -> int:
        """Return the number of the newest entry; 0 where there is none."""
        with translated():
            return int(self._log.count())

    def entries(self) -> list[tuple[int, Entry]]:
        """Return the entries after the position, oldest first, with their numbers."""
        numbers = range(self.position + 1, self.head() + 1)
        found: list[tuple[int, Entry]] = []
        for at in range(0, len(numbers), _BATCH):
            with translated():
                rows = self._log.get(ids=[str(number) for number in numbers[at : at + _BATCH]], include=["metadatas"])
            held = {int(key): row["body"] for key, row in zip(rows["ids"], rows["metadatas"], strict=True)}
            found += [(number, _entry(held[number])) for number in sorted(held)]
        return found

    def offer(self, entry: Entry) -> int:
        """Append an entry right behind the position; return its number, or 0 where somebody else was first."""
        number = self.position + 1
        body = {
            "changes": dict(entry.changes),
            "note": entry.note,
            "revision": entry.revision,
            "operations": list(entry.operations),
        }
        mark = secrets.token_hex(8)
        with translated():
            self._log.add(ids=[str(number)], embeddings=[_NOWHERE], metadatas=[{"body": _packed(body), "mark": mark}])
            (held,) = self._log.get(ids=[str(number)], include=["metadatas"])["metadatas"]
        return number if held["mark"] == mark else 0

    def store(self, versions: Collection[str]) -> None:
        """Put the text of versions on the server, for those who follow."""
        held: dict[str, str] = {}
        for version in versions:
            held[version] = _packed(self._written(version))
            if sum(map(len, held.values())) > _REQUEST_BYTES:
                self._put(held)
                held = {}
        self._put(held)

    def _put(self, bodies: Mapping[str, str]) -> None:
        if not bodies:
            return
        with translated():
            self._documents.upsert(
                ids=list(bodies),
                embeddings=[_NOWHERE] * len(bodies),
                metadatas=[{"body": body} for body in bodies.values()],
            )

    def fetch(self, versions: Iterable[str]) -> set[str]:
        """Stage versions from the server that are not in the catalogue; return those that are not to be had."""
        missing = sorted(set(versions) - self._ledger.staged(set(versions)))
        left = set(missing)
        for at in range(0, len(missing), _BATCH):
            with translated():
                rows = self._documents.get(ids=missing[at : at + _BATCH], include=["metadatas"])
            for key, row in zip(rows["ids"], rows["metadatas"], strict=True):
                version, chunks = _read(key, _unpacked(row["body"]))
                self._ledger.stage(version, chunks)
                left.discard(key)
        return left

    def discard(self, versions: Collection[str]) -> None:
        """Take the text of versions that nobody sees any more off the server."""
        gone = list(versions)
        with translated():
            for at in range(0, len(gone), _BATCH):
                self._documents.delete(ids=gone[at : at + _BATCH])

    def _written(self, version: str) -> dict[str, Any]:
        row = self._ledger.version(version)
        chunks = [
            [json.dumps(one.headings, ensure_ascii=False), one.place, one.text] for one in self._ledger.chunks(version)
        ]
        return {
            "document": row.document,
            "title": row.title,
            "source": row.source,
            "label": label_of(row.access),
            "tags": sorted(row.tags),
            "chunks": chunks,
        }


def _entry(body: str) -> Entry:
    fields = _unpacked(body)
    return Entry(
        changes=fields["changes"],
        note=fields["note"],
        revision=fields["revision"],
        operations=[(name, value) for name, value in fields["operations"]],
    )


def _read(version: str, fields: Mapping[str, Any]) -> tuple[Version, list[Chunk]]:
    read = Version(
        id=version,
        document=fields["document"],
        title=fields["title"],
        source=fields["source"],
        access=access_of(fields["label"]),
        tags=frozenset(fields["tags"]),
    )
    return read, [chunk_of(*chunk) for chunk in fields["chunks"]]


def _packed(value: object) -> str:
    return b85encode(zlib.compress(json.dumps(value, ensure_ascii=False).encode())).decode()


def _unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(b85decode(text)))
