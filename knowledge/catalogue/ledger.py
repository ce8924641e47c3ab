"""Which documents there are, in which version, and how that changed: the revisions."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence

from knowledge.catalogue.file import CatalogueFile, LastSync, Revision, Version, access_of, chunk_of, label_of
from knowledge.errors import UnknownRevision
from knowledge.retrieval.words import terms
from knowledge.types import Access, Chunk

# A version that no kept revision shows and that is not being staged right now.
_UNUSED = """
SELECT id FROM versions WHERE id NOT IN (SELECT version FROM changes WHERE version IS NOT NULL)
AND id NOT IN (SELECT version FROM current) AND id NOT IN (SELECT version FROM indexed)
"""

_ORDINAL_BITS = 19


def number_of(version: str, ordinal: int) -> int:
    """Return a chunk's number: the same wherever the same document is cut in the same way, and below 2^63."""
    return int(version[:11], 16) << _ORDINAL_BITS | ordinal


class Ledger:
    """Documents and revisions of one catalogue."""

    def __init__(self, file: CatalogueFile) -> None:
        self._file = file

    def current(self) -> dict[str, str]:
        """Return the version of each document that is visible now."""
        return dict(self._file.db.execute("SELECT document, version FROM current"))

    def access(self, version: str) -> tuple[Access, ...]:
        """Return who may see a version."""
        return access_of(self._file.text("SELECT label FROM versions WHERE id=?", version))

    def title(self, version: str) -> str:
        """Return the title of a version's document."""
        return self._file.text("SELECT title FROM versions WHERE id=?", version)

    def staged(self, versions: Collection[str]) -> set[str]:
        """Return those of `versions` that are already in the catalogue, visible or not."""
        sql = "SELECT id FROM versions WHERE id=?"
        return {version for version in versions if self._file.text(sql, version)}

    def stage(self, version: Version, chunks: Sequence[Chunk]) -> list[int]:
        """Write a version and its chunks, invisible until published; return the chunks' numbers."""
        with self._file.writing():
            tags = json.dumps(sorted(version.tags), ensure_ascii=False)
            self._file.db.execute(
                "INSERT OR REPLACE INTO versions VALUES(?,?,?,?,?,?,?)",
                (
                    version.id,
                    version.document,
                    version.title,
                    version.source,
                    label_of(version.access),
                    tags,
                    time.time(),
                ),
            )
            self._file.db.execute("DELETE FROM chunks WHERE version=?", (version.id,))
            rows = [
                (
                    number_of(version.id, at),
                    version.id,
                    at,
                    json.dumps(chunk.headings, ensure_ascii=False),
                    chunk.place,
                    chunk.text,
                )
                for at, chunk in enumerate(chunks)
            ]
            self._file.db.executemany(
                "INSERT INTO chunks(number, version, ordinal, headings, place, text) VALUES(?,?,?,?,?,?)", rows
            )
            return [row[0] for row in rows]

    def version(self, version: str) -> Version:
        """Return what is known of a version that is in the catalogue."""
        row = self._file.db.execute(
            "SELECT document, title, source, label, tags FROM versions WHERE id=?", (version,)
        ).fetchone()
        return Version(
            id=version,
            document=row[0],
            title=row[1],
            source=row[2],
            access=access_of(row[3]),
            tags=frozenset(json.loads(row[4])),
        )

    def chunks(self, version: str) -> list[Chunk]:
        """Return a version's chunks, in order."""
        sql = "SELECT headings, place, text FROM chunks WHERE version=? ORDER BY ordinal"
        return [chunk_of(*row) for row in self._file.db.execute(sql, (version,))]

    def publish(self, changes: Mapping[str, str | None], *, note: str, least: int = 0) -> int:
        """Make `changes` (document → version, or None to remove it) visible at once; return the revision's number.

        That is the one after the newest, and at least `least`.
        """
        with self._file.writing():
            before = self.current()
            changes = {doc: version for doc, version in changes.items() if before.get(doc) != version}
            number = self._file.number("SELECT COALESCE(MAX(number), 0) FROM revisions")
            if not changes:
                return number
            number = max(number + 1, least)
            # In the order of the chunks' numbers: otherwise the full-text index begins anew with each document.
            for version, document in sorted((before[doc], doc) for doc in changes if doc in before):
                self._hide(document, version)
            for version, document in sorted((version, doc) for doc, version in changes.items() if version is not None):
                self._show(document, version)
            removed = sum(version is None for version in changes.values())
            added = sum(version is not None and doc not in before for doc, version in changes.items())
            self._file.db.execute(
                "INSERT INTO revisions VALUES(?,?,?,?,?,?)",
                (number, time.time(), note, added, len(changes) - added - removed, removed),
            )
            self._file.db.executemany(
                "INSERT INTO changes VALUES(?,?,?)", [(number, doc, version) for doc, version in changes.items()]
            )
            return number

    def _hide(self, document: str, version: str) -> None:
        self._file.db.execute(
            "DELETE FROM lexical WHERE rowid IN (SELECT number FROM chunks WHERE version=?)", (version,)
        )
        self._file.db.execute("DELETE FROM current WHERE document=?", (document,))

    def _show(self, document: str, version: str) -> None:
        self._file.db.execute("INSERT INTO current VALUES(?,?)", (document, version))
        title = self._file.text("SELECT title FROM versions WHERE id=?", version)
        sql = "SELECT number, headings, text FROM chunks WHERE version=? ORDER BY ordinal"
        rows = self._file.db.execute(sql, (version,)).fetchall()
        self._file.db.executemany(
            "INSERT INTO lexical(rowid, terms) VALUES(?,?)",
            [
                (number, " ".join(terms("\n".join((title, *json.loads(headings), text)))))
                for number, headings, text in rows
            ],
        )

    def revision(self) -> int:
        """Return the number of the visible revision; 0 before the first."""
        return self._file.number("SELECT COALESCE(MAX(number), 0) FROM revisions")

    def revisions(self) -> list[Revision]:
        """Return the recorded revisions, latest first."""
        rows = self._file.db.execute(
            "SELECT number, at, note, added, changed, removed FROM revisions ORDER BY number DESC"
        )
        return [
            Revision(number=row[0], at=row[1], note=row[2], added=row[3], changed=row[4], removed=row[5])
            for row in rows
        ]

    def note_sync(self, failed: Sequence[tuple[str, str]]) -> None:
        """Record that a sync has ended now, and what it could not read."""
        noted = json.dumps({"at": time.time(), "failed": list(failed)}, ensure_ascii=False)
        self._file.db.execute("INSERT OR REPLACE INTO meta VALUES('synced', ?)", (noted,))

    def last_sync(self) -> LastSync | None:
        """Return what `note_sync` recorded last; None before the first."""
        noted = self._file.text("SELECT value FROM meta WHERE key='synced'")
        if not noted:
            return None
        held = json.loads(noted)
        return LastSync(at=held["at"], failed=tuple((document, reason) for document, reason in held["failed"]))

    def state_at(self, revision: int) -> dict[str, str]:
        """Return the version of each document that was visible at a revision."""
        rows = self._file.db.execute(
            "SELECT document, version FROM changes WHERE revision<=? ORDER BY revision", (revision,)
        ).fetchall()
        state: dict[str, str | None] = dict(rows)
        return {document: version for document, version in state.items() if version is not None}

    def counts(self) -> tuple[int, int]:
        """Return how many documents and chunks are visible."""
        documents = self._file.number("SELECT COUNT(*) FROM current")
        chunks = self._file.number("SELECT COUNT(*) FROM chunks JOIN current USING(version)")
        return documents, chunks

    def back_to(self, revision: int) -> dict[str, str | None]:
        """Return the changes that make the base what it was at a revision.

        Raises:
            UnknownRevision: it is not kept any more, or never was.
        """
        kept = {one.number for one in self.revisions()}
        if revision not in kept:
            raise UnknownRevision(str(revision))
        then, now = self.state_at(revision), self.current()
        return {document: then.get(document) for document in then.keys() | now.keys()}

    def held(self) -> dict[str, str | None]:
        """Return what a rollback holds back: by document, the version that must not return by itself.

        None stands for "removed": the document stays although the sources do not have it.
        """
        return dict(self._file.db.execute("SELECT document, version FROM held"))

    def hold(self, versions: Mapping[str, str | None]) -> None:
        """Hold back the versions that a rollback went away from, until their documents change."""
        with self._file.writing():
            self._file.db.executemany("INSERT OR REPLACE INTO held VALUES(?,?)", list(versions.items()))

    def release(self, documents: Collection[str]) -> None:
        """Hold back nothing of these documents any more."""
        with self._file.writing():
            self._file.db.executemany("DELETE FROM held WHERE document=?", [(one,) for one in documents])

    def begin(self, number: int) -> None:
        """Forget the history: what is visible now is the revision `number`, and nothing was before."""
        with self._file.writing():
            state = self.current()
            self._file.db.execute("DELETE FROM changes")
            self._file.db.execute("DELETE FROM revisions")
            self._file.db.execute(
                "INSERT INTO revisions VALUES(?,?,?,?,0,0)", (max(number, 1), time.time(), "joined", len(state))
            )
            self._file.db.executemany(
                "INSERT INTO changes VALUES(?,?,?)", [(max(number, 1), *one) for one in state.items()]
            )

    def forget(self, keep: int) -> list[str]:
        """Forget all but the last `keep` revisions and every version that none of those shows; return the versions."""
        numbers = [one.number for one in self.revisions()]
        if len(numbers) <= keep:
            return []
        oldest = numbers[keep - 1]
        with self._file.writing():
            state = self.state_at(oldest)
            self._file.db.execute("DELETE FROM changes WHERE revision<=?", (oldest,))
            self._file.db.executemany("INSERT INTO changes VALUES(?,?,?)", [(oldest, *one) for one in state.items()])
            self._file.db.execute("DELETE FROM revisions WHERE number<?", (oldest,))
            gone = [row[0] for row in self._file.db.execute(_UNUSED)]
            for version in gone:
                self._file.db.execute(
                    "DELETE FROM facets WHERE chunk IN (SELECT number FROM chunks WHERE version=?)", (version,)
                )
                self._file.db.execute("DELETE FROM chunks WHERE version=?", (version,))
                self._file.db.execute("DELETE FROM versions WHERE id=?", (version,))
            return gone

    def blocked(self) -> set[str]:
        """Return the documents that are kept out, whatever the sources say."""
        return {row[0] for row in self._file.db.execute("SELECT document FROM blocked")}

    def block(self, document: str, *, blocked: bool) -> None:
        """Keep a document out, or let it in again."""
        with self._file.writing():
            self._file.db.execute("DELETE FROM blocked WHERE document=?", (document,))
            if blocked:
                self._file.db.execute("INSERT INTO blocked VALUES(?,?)", (document, time.time()))
