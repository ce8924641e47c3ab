"""`parley kb ls`: the bases, or the documents of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from bot.kb.bases import one_base, some_bases
from bot.kb.reports import show_failures
from bot.kb.wording import counted, grid, limits, limits_data, line, moment, number_columns, stdout, when, write_json
from bot.library import open_library
from config.loader import Configuration

if TYPE_CHECKING:
    from config.settings import KnowledgeBase, Settings
    from knowledge.ingest.additions import Addition
    from knowledge.status import BaseStatus
    from knowledge.types import DocumentInfo


async def list_bases(configuration: Configuration, *, as_json: bool) -> int:
    """Print a row for each base, and what the last syncs could not read."""
    names = some_bases(configuration, None)
    added: dict[str, list[Addition]] = {}
    async with open_library(configuration) as library:
        for name in names:
            added[name] = await (await library.base(name)).additions()
        statuses = [one for one in await library.status() if one.name in names]
    if as_json:
        write_json([_base_data(one, configuration.settings.knowledge[one.name], added[one.name]) for one in statuses])
        return 0
    stdout().print(bases_table(statuses, configuration.settings, added))
    show_failures([(f"{one.name}: {document}", reason) for one in statuses for document, reason in one.failed])
    return 0


def bases_table(statuses: Sequence[BaseStatus], settings: Settings, added: Mapping[str, Sequence[Addition]]) -> Table:
    """Return a row for each base; its sources are counted as those configured + those added."""
    table = grid("base")
    number_columns(table, "documents", "chunks", "revision")
    table.add_column("last sync", no_wrap=True)
    number_columns(table, "failed", "sources")
    for one in statuses:
        base = settings.knowledge[one.name]
        failed = Text(str(len(one.failed)), "red bold" if one.failed else "")
        counts = (f"{one.documents:,}", f"{one.chunks:,}", str(one.revision))
        sources = f"{len(base.sources) + len(base.web)}+{len(added[one.name])}"
        table.add_row(one.name, *counts, when(one.synced_at), failed, sources)
    return table


def _base_data(status: BaseStatus, settings: KnowledgeBase, added: Sequence[Addition]) -> dict[str, Any]:
    return {
        "base": status.name,
        "description": settings.description,
        "documents": status.documents,
        "chunks": status.chunks,
        "revision": status.revision,
        "synced_at": moment(status.synced_at),
        "sources": list(settings.sources),
        "web": [{"url": one.url, "kind": one.kind} for one in settings.web],
        "additions": [_addition_data(one) for one in added],
        "failed": [{"document": document, "reason": reason} for document, reason in status.failed],
    }


def _addition_data(addition: Addition) -> dict[str, Any]:
    return {
        "value": addition.value,
        "kind": addition.kind,
        "documents": addition.documents,
        "access": limits_data([addition.access]),
        "tags": sorted(addition.tags),
        "author": addition.author,
        "at": moment(addition.at),
    }


async def list_documents(
    configuration: Configuration, base: str | None, *, pattern: str | None, blocked: bool, as_json: bool
) -> int:
    """Print a row for each document of a base whose id or title matches."""
    chosen = one_base(configuration, base)
    async with open_library(configuration) as library:
        documents = await (await library.base(chosen)).documents(None)
    found = [one for one in documents if _wanted(one, pattern) and (one.blocked or not blocked)]
    if as_json:
        write_json([_document_data(one) for one in found])
        return 0
    stdout().print(_documents(found))
    stdout().print(f"{counted(len(found), 'document')} of {len(documents)}", highlight=False)
    return 0


def _wanted(one: DocumentInfo, pattern: str | None) -> bool:
    if pattern is None:
        return True
    shape = (pattern if any(char in pattern for char in "*?[") else f"*{pattern}*").lower()
    return any(fnmatchcase(text.lower(), shape) for text in (one.document, one.title))


def _documents(found: Sequence[DocumentInfo]) -> Table:
    table = grid("document", "title")
    number_columns(table, "chunks")
    table.add_column("limits, tags, origin", overflow="fold")
    for one in found:
        name, notes = line(one.document), Text(" · ").join(_notes(one))
        if one.blocked:
            name.stylize("strike dim")
        table.add_row(name, line(one.title), "" if one.blocked else str(one.chunks), notes)
    return table


def _notes(one: DocumentInfo) -> list[Text]:
    notes = [Text("removed: kept out", "red")] if one.blocked else []
    limited = limits(one.access)
    notes += [Text.assemble(("only ", "yellow"), (line(limited).plain, "yellow"))] if limited else []
    notes += [line(" ".join(f"#{tag}" for tag in sorted(one.tags)))] if one.tags else []
    if one.addition:
        origin = "added" if one.addition in one.document else f"added with {one.addition}"
        notes.append(Text(line(origin).plain, "dim"))
    return notes


def _document_data(one: DocumentInfo) -> dict[str, Any]:
    return {
        "document": one.document,
        "title": one.title,
        "source": one.source,
        "chunks": one.chunks,
        "tags": sorted(one.tags),
        "access": limits_data(one.access),
        "addition": one.addition or None,
        "blocked": one.blocked,
    }
