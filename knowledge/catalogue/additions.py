"""What was added to a base by people, and which documents come from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from config.settings import WebSource
from knowledge.catalogue.file import CatalogueFile, access_of, label_of
from knowledge.ingest.additions import Addition
from knowledge.types import Access

_COLUMNS = "value, kind, web, label, tags, author, at, file"
_COUNT = "(SELECT COUNT(*) FROM added JOIN current USING(document) WHERE addition=value)"


class Additions:
    """The additions of one catalogue. Blocking; used by one thread at a time."""

    def __init__(self, file: CatalogueFile) -> None:
        self._file = file

    def all(self) -> list[Addition]:
        """Return all of them, by the time they were added."""
        rows = self._file.db.execute(f"SELECT {_COLUMNS}, {_COUNT} FROM additions ORDER BY at, value")  # noqa: S608 - fixed names
        return [_read(row) for row in rows]

    def get(self, value: str) -> Addition | None:
        """Return one by its value."""
        sql = f"SELECT {_COLUMNS}, {_COUNT} FROM additions WHERE value=?"  # noqa: S608 - fixed names
        row = self._file.db.execute(sql, (value,)).fetchone()
        return _read(row) if row else None

    def record(self, addition: Addition) -> None:
        """Write one down, in the place of an earlier one of the same value."""
        self._file.db.execute(
            f"INSERT OR REPLACE INTO additions({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?)",
            (
                addition.value,
                addition.kind,
                addition.web.model_dump_json() if addition.web else "",
                label_of([addition.access]),
                json.dumps(sorted(addition.tags), ensure_ascii=False),
                addition.author,
                addition.at,
                addition.file,
            ),
        )

    def forget(self, value: str) -> None:
        """Forget one, and which documents came from it; nothing happens where there is none."""
        with self._file.writing():
            self._file.db.execute("DELETE FROM additions WHERE value=?", (value,))
            self._file.db.execute("DELETE FROM added WHERE addition=?", (value,))

    def attribute(self, documents: Iterable[str], value: str) -> None:
        """Note that documents come from an addition."""
        with self._file.writing():
            self._file.db.executemany("INSERT OR REPLACE INTO added VALUES(?,?)", [(one, value) for one in documents])

    def origins(self) -> dict[str, str]:
        """Return the addition of each document that comes from one, visible or not."""
        return dict(self._file.db.execute("SELECT document, addition FROM added"))

    def documents(self, value: str) -> set[str]:
        """Return the documents that come from an addition, visible or not."""
        return {row[0] for row in self._file.db.execute("SELECT document FROM added WHERE addition=?", (value,))}


def written_addition(addition: Addition) -> dict[str, Any]:
    """Return an addition as a JSON value."""
    return {
        "value": addition.value,
        "kind": addition.kind,
        "web": addition.web.model_dump(mode="json") if addition.web else None,
        "label": label_of([addition.access]),
        "tags": sorted(addition.tags),
        "author": addition.author,
        "at": addition.at,
        "file": addition.file,
    }


def read_addition(fields: Mapping[str, Any]) -> Addition:
    """Return the addition that `written_addition` was given."""
    limits = access_of(fields["label"])
    return Addition(
        value=fields["value"],
        kind=fields["kind"],
        web=WebSource.model_validate(fields["web"]) if fields["web"] else None,
        access=limits[0] if limits else Access(),
        tags=frozenset(fields["tags"]),
        author=fields["author"],
        at=fields["at"],
        file=fields["file"],
    )


def _read(row: tuple[Any, ...]) -> Addition:
    value, kind, web, label, tags, author, at, file, documents = row
    limits = access_of(label)
    return Addition(
        value=value,
        kind=kind,
        web=WebSource.model_validate_json(web) if web else None,
        access=limits[0] if limits else Access(),
        tags=frozenset(json.loads(tags)),
        author=author,
        at=at,
        file=file,
        documents=documents,
    )
