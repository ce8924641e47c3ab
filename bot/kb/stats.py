"""`parley kb stats`: what is in a base, and what it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.kb.bases import some_bases
from bot.kb.wording import counted, line, moment, size, stdout, when, write_json
from bot.library import open_library
from config.loader import Configuration
from knowledge.types import DocumentInfo, Scope

if TYPE_CHECKING:
    from knowledge.ingest.additions import Addition
    from knowledge.library import Library
    from knowledge.status import BaseStatus

_BAR = 30
_KINDS_SHOWN = 12


async def stats(configuration: Configuration, names: Sequence[str] | None, *, as_json: bool) -> int:
    """Print figures of bases, by default of all."""
    chosen = some_bases(configuration, names)
    async with open_library(configuration) as library:
        found = [await _figures(library, configuration, name) for name in chosen]
    if as_json:
        write_json(found)
        return 0
    for figures in found:
        _show(stdout(), figures)
    return 0


async def _figures(library: Library, configuration: Configuration, name: str) -> dict[str, Any]:
    base = await library.base(name)
    status = next(one for one in await library.status() if one.name == name)
    documents = await base.documents(None)
    visible = [one for one in documents if not one.blocked]
    answers = await base.annotations(Scope(everything=True))
    successor = await library.successor(name)
    if successor is not None:
        successor.close()
    return {
        **_status_data(status),
        "removed": len(documents) - len(visible),
        "embedder": base.embedder,
        "next_embedder": successor.embedder if successor is not None else None,
        "lacking_vectors": await base.lacking(),
        "bytes": await _bytes(library, configuration.settings.data_dir / "knowledge", name),
        "kinds": dict(Counter(map(kind_of, visible)).most_common()),
        "origins": _origins(visible, await base.additions()),
        "limited": sum(bool(one.access) for one in visible),
        "tags": dict(Counter(tag for one in visible for tag in one.tags).most_common()),
        "answers": len(answers),
        "answers_given": sum(one.hits for one in answers),
    }


def _status_data(status: BaseStatus) -> dict[str, Any]:
    return {
        "base": status.name,
        "documents": status.documents,
        "chunks": status.chunks,
        "vectors": status.vectors,
        "revision": status.revision,
        "synced_at": moment(status.synced_at),
        "synced": when(status.synced_at),
        "failed": len(status.failed),
    }


async def _bytes(library: Library, folder: Path, name: str) -> dict[str, int]:
    """Return what lies on the disk: the catalogue, fetched pages, uploaded files."""
    import asyncio

    catalogue = [folder / f"{name}.sqlite{end}" for end in ("", "-wal", "-shm")]
    parts: Mapping[str, Iterable[Path]] = {
        "catalogue": catalogue,
        "pages": (folder / f"{name}.web").rglob("*"),
        "uploads": (folder / f"{name}.uploads").rglob("*"),
    }
    return {part: await asyncio.to_thread(_sum, paths) for part, paths in parts.items()}


def _sum(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def kind_of(one: DocumentInfo) -> str:
    """Return what kind of document it is: its suffix, or "web"."""
    parts = urlsplit(one.document) if one.document.startswith(("http://", "https://")) else None
    suffix = PurePath(parts.path if parts else one.document).suffix.lower().lstrip(".")
    return "web" if parts and suffix in {"", "html", "htm", "php", "aspx", "jsp"} else suffix or "none"


def _origins(visible: Sequence[DocumentInfo], additions: Sequence[Addition]) -> dict[str, int]:
    kinds = {one.value: one.kind for one in additions}
    return dict(
        Counter(f"added: {kinds.get(one.addition, 'gone')}" if one.addition else "configured" for one in visible)
    )


def _show(console: Console, figures: Mapping[str, Any]) -> None:
    table = Table(title=figures["base"], title_justify="left", show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(figures):
        table.add_row(name, value)
    console.print(table)
    _show_kinds(console, figures["kinds"])


def _rows(figures: Mapping[str, Any]) -> list[tuple[str, Text]]:
    disk = ", ".join(f"{part} {size(count)}" for part, count in figures["bytes"].items() if count)
    origins = ", ".join(f"{name} {count:,}" for name, count in figures["origins"].items())
    tags = ", ".join(f"#{name} {count:,}" for name, count in list(figures["tags"].items())[:_KINDS_SHOWN])
    embedder = figures["embedder"]
    if figures["next_embedder"]:
        embedder += f" → {figures['next_embedder']}: `parley kb migrate` makes its vectors"
    vectors = f"{figures['vectors']:,}"
    if figures["lacking_vectors"]:
        vectors += f", and {counted(figures['lacking_vectors'], 'text')} without: `parley kb migrate` makes them"
    rows = [
        ("documents", f"{figures['documents']:,}" + (f", {figures['removed']} removed" if figures["removed"] else "")),
        ("chunks", f"{figures['chunks']:,}"),
        ("vectors", vectors),
        ("embedder", embedder),
        ("revision", str(figures["revision"])),
        ("last sync", figures["synced"] + (f", {figures['failed']} failed" if figures["failed"] else "")),
        ("where from", origins),
        ("limited", f"{figures['limited']:,}" if figures["limited"] else ""),
        ("tags", tags),
        ("fixed answers", f"{figures['answers']}, given {counted(figures['answers_given'], 'time')}"),
        ("on disk", disk),
    ]
    return [(name, line(text)) for name, text in rows if text]


def _show_kinds(console: Console, kinds: Mapping[str, int]) -> None:
    most = max(kinds.values(), default=1)
    shown = list(kinds.items())[:_KINDS_SHOWN]
    rest = sum(list(kinds.values())[_KINDS_SHOWN:])
    for kind, count in [*shown, *([("others", rest)] if rest else [])]:
        bar = "█" * max(1, min(_BAR, round(count / most * _BAR)))
        console.print(
            Text.assemble((f"{line(kind).plain[:10]:>10} ", "bold"), (bar, "cyan"), f" {count:,}"), soft_wrap=True
        )
    console.print()
