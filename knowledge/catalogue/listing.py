"""What a base holds, for people: its documents, and its chunks page by page."""

from __future__ import annotations

import json

from knowledge.catalogue.file import CatalogueFile, Row, Version, access_of, chunk_of
from knowledge.types import DocumentInfo

_LISTED = """
SELECT d.document, v.title, v.source, v.label, v.tags,
(SELECT COUNT(*) FROM chunks WHERE chunks.version=v.id), added.addition, b.document IS NOT NULL
FROM (SELECT document FROM current UNION SELECT document FROM blocked) d
LEFT JOIN current USING(document) LEFT JOIN versions v ON v.id=current.version
LEFT JOIN added USING(document) LEFT JOIN blocked b USING(document) ORDER BY d.document
"""
_PAGE = """
SELECT c.number, c.ordinal, v.id, v.document, v.title, v.source, v.label, v.tags, c.headings, c.place, c.text
FROM chunks c JOIN current USING(version) JOIN versions v ON v.id=c.version
WHERE (v.document, c.ordinal) > (?, ?) ORDER BY v.document, c.ordinal LIMIT ?
"""


class Listing:
    """Lists one catalogue. Blocking; used by one thread at a time."""

    def __init__(self, file: CatalogueFile) -> None:
        self._file = file

    def listed(self) -> list[DocumentInfo]:
        """Return what is visible or blocked, by the documents' names."""
        rows = self._file.db.execute(_LISTED)
        return [
            DocumentInfo(
                document=row[0],
                title=row[1] or "",
                source=row[2] or row[0],
                access=access_of(row[3] or ""),
                tags=frozenset(json.loads(row[4] or "[]")),
                chunks=row[5],
                addition=row[6] or "",
                blocked=bool(row[7]),
            )
            for row in rows
        ]

    def page(self, after: tuple[str, int], count: int) -> list[Row]:
        """Return up to `count` visible chunks behind a (document, ordinal), in that order."""
        rows = self._file.db.execute(_PAGE, (*after, count))
        return [
            Row(
                number=row[0],
                ordinal=row[1],
                version=Version(
                    id=row[2],
                    document=row[3],
                    title=row[4],
                    source=row[5],
                    access=access_of(row[6]),
                    tags=frozenset(json.loads(row[7])),
                ),
                chunk=chunk_of(row[8], row[9], row[10]),
            )
            for row in rows
        ]
