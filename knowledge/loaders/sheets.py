"""XLSX: each sheet as a table with the values that its formulas had when it was saved."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders.archive import DAMAGED, opened
from knowledge.loaders.tabular import pairs, table
from knowledge.types import Block, Loaded

_ROWS_MAX = 100_000
_COLUMNS_MAX = 200


def load(data: bytes, *, name: str) -> Loaded:
    """Return a workbook's sheets. A formula that was never calculated is shown as it is written."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    opened(data, name=name).close()
    try:
        values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        blocks = [block for title in values.sheetnames for block in _sheet(values[title], formulas[title], title, name)]
        values.close()
        formulas.close()
    except (InvalidFileException, *DAMAGED) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    return Loaded(title=PurePath(name).stem, blocks=tuple(blocks))


def _sheet(values: Any, formulas: Any, title: str, name: str) -> Iterator[Block]:
    if not hasattr(values, "iter_rows"):  # a chart sheet
        return
    rows = []
    both = zip(
        values.iter_rows(values_only=True, max_col=_COLUMNS_MAX),
        formulas.iter_rows(values_only=True, max_col=_COLUMNS_MAX),
        strict=False,
    )
    for number, (shown, written) in enumerate(both, 1):
        if number > _ROWS_MAX:
            raise DocumentRefused(f"more than {_ROWS_MAX} rows", document=name)
        row = [_shown(value, formula) for value, formula in zip(shown, written, strict=True)]
        if any(cell != "" for cell in row):
            rows.append(row)
    if rows:
        found = pairs(rows[0], rows[1:])
        yield from found if found is not None else [Block(text=table(rows), headings=(title,), kind="table")]


def _shown(value: object, formula: object) -> object:
    if value is None:
        return "" if formula is None else formula
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ", "minutes")
    return value
