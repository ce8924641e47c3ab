"""The file of a catalogue: its tables, what its rows mean, and how it is opened."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import IndexUnavailable
from knowledge.types import Access, Chunk, Scope

_VERSION = 2
"""To be raised with every change of a table; a further table needs none."""
# Where rows are large, they have row ids: without them, rows of a kilobyte would also make up the tree above them.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions(
    id TEXT PRIMARY KEY, document TEXT NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL,
    label TEXT NOT NULL, tags TEXT NOT NULL, staged_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks(
    number INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT NOT NULL, ordinal INTEGER NOT NULL,
    headings TEXT NOT NULL, place TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_version ON chunks(version, ordinal);
CREATE TABLE IF NOT EXISTS embedded(key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS models(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS facets(
    chunk INTEGER NOT NULL, model INTEGER NOT NULL, count INTEGER NOT NULL, vectors BLOB NOT NULL,
    UNIQUE(chunk, model));
CREATE TABLE IF NOT EXISTS meanings(
    model INTEGER NOT NULL, term TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY(model, term)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexed(
    collection TEXT NOT NULL, version TEXT NOT NULL, done INTEGER NOT NULL,
    PRIMARY KEY(collection, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS current(document TEXT PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS current_version ON current(version);
CREATE TABLE IF NOT EXISTS revisions(
    number INTEGER PRIMARY KEY, at REAL NOT NULL, note TEXT NOT NULL,
    added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS changes(
    revision INTEGER NOT NULL, document TEXT NOT NULL, version TEXT,
    PRIMARY KEY(revision, document)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocked(document TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS additions(
    value TEXT PRIMARY KEY, kind TEXT NOT NULL, web TEXT NOT NULL, label TEXT NOT NULL, tags TEXT NOT NULL,
    author TEXT NOT NULL, at REAL NOT NULL, file TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS added(document TEXT PRIMARY KEY, addition TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS added_addition ON added(addition);
CREATE TABLE IF NOT EXISTS held(document TEXT PRIMARY KEY, version TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers(
    number INTEGER PRIMARY KEY AUTOINCREMENT, question TEXT NOT NULL, answer TEXT NOT NULL, label TEXT NOT NULL,
    author TEXT NOT NULL, at REAL NOT NULL, hits INTEGER NOT NULL DEFAULT 0);
CREATE VIRTUAL TABLE IF NOT EXISTS lexical USING fts5(terms, tokenize="unicode61 remove_diacritics 0 tokenchars '~'");
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab(lexical, row);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One state of one document."""

    id: str
    """Changes with the content and with how it is cut."""
    document: str
    title: str
    source: str
    access: tuple[Access, ...] = ()
    """All of them must permit."""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A recorded change of the whole base."""

    number: int
    at: float
    """Unix time."""
    note: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSync:
    """When a base was last brought up to date, by whichever process."""

    at: float
    """Unix time."""
    failed: tuple[tuple[str, str], ...]
    """(document, reason) of what could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A chunk as it is looked up for an answer."""

    number: int
    ordinal: int
    version: Version
    chunk: Chunk


def label_of(access: Sequence[Access]) -> str:
    """Return the text by which chunks of equal access are filtered; empty: everybody."""
    limits = [[sorted(one.roles), sorted(one.conversations)] for one in access if one.roles or one.conversations]
    return json.dumps(limits, ensure_ascii=False) if limits else ""


def access_of(label: str) -> tuple[Access, ...]:
    """Return the access that `label_of` was given."""
    limits = json.loads(label) if label else ()
    return tuple(Access(roles=frozenset(roles), conversations=frozenset(held)) for roles, held in limits)


def permitted(access: Sequence[Access], scope: Scope) -> bool:
    """Tell whether every limit lets `scope` see."""
    return all(one.permits(scope) for one in access)


def _connected(path: Path) -> sqlite3.Connection:
    """Open the file; one of an older form is put aside, so that the next sync reads the sources again.

    Raises:
        IndexUnavailable: a newer Parley has written it.
    """
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == _VERSION or not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        return db
    db.close()
    if version > _VERSION:
        raise IndexUnavailable(f"a newer Parley has written the catalogue {path}; run that one, or remove the file")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.v{version}{suffix}"))
    return _connected(path)


class CatalogueFile:
    """One connection to the file at `path`. Blocking; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.db = _connected(path)
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=NORMAL")
            self.db.execute("PRAGMA cache_size=-8000")
            self.db.executescript(_SCHEMA)
            self.db.execute(f"PRAGMA user_version={_VERSION}")
            self.db.execute("INSERT OR IGNORE INTO meta VALUES('id', ?)", (uuid.uuid4().hex[:12],))
            self.id: str = self.text("SELECT value FROM meta WHERE key='id'")
        except sqlite3.Error as error:
            raise IndexUnavailable(f"the catalogue {path} cannot be opened: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def text(self, sql: str, *values: object) -> str:
        """Return the first column of the first row as a text; empty where there is none."""
        row = self.db.execute(sql, values).fetchone()
        return str(row[0]) if row and row[0] is not None else ""

    def number(self, sql: str, *values: object) -> int:
        """Return the first column of the first row as a number; 0 where there is none."""
        return int(self.text(sql, *values) or 0)

    def serving(self) -> str:
        """Return the name of the embedder whose vectors are searched; empty before the first."""
        return self.text("SELECT value FROM meta WHERE key='serving'")

    def serve(self, embedder: str) -> None:
        """Name the embedder whose vectors are searched."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES('serving', ?)", (embedder,))

    def model(self, name: str) -> int:
        """Return the number of an embedding model, a new one for a new name."""
        known = self.number("SELECT number FROM models WHERE name=?", name)
        if not known:
            self.db.execute("INSERT OR IGNORE INTO models(name) VALUES(?)", (name,))
            known = self.number("SELECT number FROM models WHERE name=?", name)
        return known

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the file's only write lock; what is written inside becomes visible at once, or not at all."""
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            yield


def chunk_of(headings: str, place: str, text: str) -> Chunk:
    """Return the chunk that a row of `chunks` holds."""
    return Chunk(headings=tuple(json.loads(headings)), place=place, text=text)
