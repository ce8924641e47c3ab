"""`parley kb export`: every visible chunk of a base, written as it is read."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from bot.console import say
from bot.errors import BotError
from bot.kb.bases import one_base
from bot.kb.wording import counted, limits_data
from bot.library import open_library
from config.loader import Configuration

if TYPE_CHECKING:
    from knowledge.types import Exported

Format = Literal["jsonl", "csv"]
COLUMNS = ("document", "title", "source", "ordinal", "position", "text", "tags", "access")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ENDED = 141
"""What a shell sees of a program whose reader has gone away."""


async def export(configuration: Configuration, base: str | None, *, output: str, kind: Format) -> int:
    """Write a base to a file, or to standard output for "-"."""
    chosen = one_base(configuration, base)
    count = 0
    try:
        async with open_library(configuration) as library:
            opened = await library.base(chosen)
            with _writing(output, kind) as write:
                async for one in opened.export():
                    write(one)
                    count += 1
    except BrokenPipeError:
        # `| head` has enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _ENDED
    say(f"{counted(count, 'chunk')} exported from {chosen}")
    return 0


@contextmanager
def _writing(output: str, kind: Format) -> Iterator[Callable[[Exported], None]]:
    """Give out what writes one chunk; a file appears only when it is whole.

    Raises:
        BotError: the file cannot be written.
    """
    if output == "-":
        yield _writer(sys.stdout, kind)
        sys.stdout.flush()
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    # Excel takes a CSV file for UTF-8 only with this mark at its beginning.
    encoding = "utf-8-sig" if kind == "csv" else "utf-8"
    try:
        with part.open("w", encoding=encoding, errors="backslashreplace", newline="") as file:
            yield _writer(file, kind)
        part.replace(path)
    except OSError as error:
        raise BotError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _writer(file: TextIO, kind: Format) -> Callable[[Exported], None]:
    if kind == "jsonl":
        return lambda one: _write_line(file, one)
    table = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    return lambda one: table.writerow({name: _cell(value) for name, value in _record(one).items()})


def _write_line(file: TextIO, one: Exported) -> None:
    text = json.dumps(_record(one), ensure_ascii=False)
    file.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def _record(one: Exported) -> dict[str, Any]:
    return {
        "document": one.document,
        "title": one.title,
        "source": one.source,
        "ordinal": one.ordinal,
        "position": one.position,
        "text": one.text,
        "tags": sorted(one.tags),
        "access": limits_data(one.access),
    }


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # A spreadsheet would compute what begins like a formula (OWASP, CSV injection).
    return f"'{text}" if text.startswith(_FORMULA) else text
