"""CSV and TSV, in any of the usual encodings; a table, or question-answer pairs where the head says so."""

from __future__ import annotations

import csv
import io
from pathlib import PurePath

from knowledge.errors import DocumentRefused
from knowledge.loaders.encoding import decode
from knowledge.loaders.tabular import pairs, table
from knowledge.types import Block, Loaded

_ROWS_MAX = 200_000
_COLUMNS_MAX = 2000


def load(data: bytes, *, name: str) -> Loaded:
    """Return the file as one table under its name, or one pair for each row."""
    text = decode(data, name=name)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), _dialect(text)) if any(map(str.strip, row))]
    except csv.Error as error:
        raise DocumentRefused(f"not a table: {error}", document=name) from error
    if len(rows) > _ROWS_MAX:
        raise DocumentRefused(f"more than {_ROWS_MAX} rows", document=name)
    if max(map(len, rows), default=0) > _COLUMNS_MAX:
        raise DocumentRefused(f"more than {_COLUMNS_MAX} columns", document=name)
    blocks = pairs(rows[0], rows[1:]) if rows else []
    if blocks is None:
        blocks = [Block(text=table(rows), kind="table")]
    return Loaded(title=PurePath(name).stem, blocks=tuple(blocks))


def _dialect(text: str) -> type[csv.Dialect]:
    """Take the delimiter that the first line has most of; quoting is as in RFC 4180."""
    first = text.lstrip("\ufeff\r\n").partition("\n")[0]
    best = max(",\t;|", key=first.count)

    class Found(csv.excel):
        delimiter = best

    return Found
