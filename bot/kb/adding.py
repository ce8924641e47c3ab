"""`parley kb add`: files and folders of this machine, and addresses."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from bot.console import err
from bot.kb.bases import one_base
from bot.kb.progress import Tell, bars
from bot.kb.reports import show_reports
from bot.kb.wording import stdout
from bot.library import open_library
from config.loader import Configuration
from config.settings import WebSource

if TYPE_CHECKING:
    from knowledge.ingest.additions import Addition
    from knowledge.ingest.progress import Report
    from knowledge.library import Library

WAIT_S = 600.0
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

WebKind = Literal["page", "sitemap", "crawl", "feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be added, and how."""

    things: Sequence[str]
    """Files, folders and addresses."""
    kind: WebKind = "page"
    """How addresses are fetched."""
    depth: int = 2
    pages: int = 200
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    copy: bool = False
    """Take the files' bytes into the base instead of looking at them again with each sync."""
    roles: frozenset[str] = frozenset()
    conversations: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


async def add(configuration: Configuration, base: str | None, wanted: Wanted) -> int:
    """Take things into a base, one after the other; 1 where one failed."""
    chosen = one_base(configuration, base, option="--base")
    addresses = [thing for thing in wanted.things if _ADDRESS.match(thing)]
    if wanted.kind != "page" and not addresses:
        raise typer.BadParameter(f"--{wanted.kind} is for an address (https://…), and there is none")
    reports: list[tuple[str, Report]] = []
    async with open_library(configuration) as library:
        with bars(err) as shown:
            for at, thing in enumerate(wanted.things, 1):
                prefix = f"{at}/{len(wanted.things)} " if len(wanted.things) > 1 else ""
                tell = shown.begin(prefix + _short(thing))
                reports += [report async for report in _added(library, chosen, thing, wanted, tell)]
    return show_reports(stdout(), reports, subject=f"into {chosen}")


async def _added(
    library: Library, base: str, thing: str, wanted: Wanted, tell: Tell
) -> AsyncIterator[tuple[str, Report]]:
    """Take in one thing; what is refused does not stop the others."""
    from knowledge.errors import DocumentRefused
    from knowledge.ingest.progress import Report

    try:
        for name, addition, data in _additions(thing, wanted):
            yield name, await library.add(base, addition, data=data, progress=tell, wait_s=WAIT_S)
    except DocumentRefused as error:
        yield error.document, Report(failed=[error])


def _short(thing: str) -> str:
    return thing.rstrip("/").rpartition("/")[2] or thing


def _additions(thing: str, wanted: Wanted) -> Iterator[tuple[str, Addition, bytes | None]]:
    """Yield (name, addition, bytes) for one file, folder or address.

    Raises:
        DocumentRefused: it is neither, or cannot be added.
    """
    if _ADDRESS.match(thing):
        yield thing, _address(thing, wanted), None
        return
    # resolve() would follow links: then a later sync would not see where they lead by then.
    path = Path(os.path.abspath(Path(thing).expanduser()))
    _check(path, thing, wanted)
    if wanted.copy:
        yield from _uploads(path, wanted)
    else:
        yield thing, _addition("path", str(path), wanted), None


def _check(path: Path, thing: str, wanted: Wanted) -> None:
    from knowledge.errors import DocumentRefused

    if not path.exists():
        hint = "; write an address with https://" if "." in thing.partition("/")[0] and "/" in thing else ""
        raise DocumentRefused(f"there is no such file or folder{hint}", document=thing)
    if not wanted.copy and any("\udc80" <= char <= "\udcff" for char in str(path)):
        raise DocumentRefused("its name is not UTF-8; rename it, add the folder above, or use --copy", document=thing)


def _address(thing: str, wanted: Wanted) -> Addition:
    from knowledge.errors import DocumentRefused
    from knowledge.web.links import normal

    if not re.match(r"https?://[^/]", thing, re.IGNORECASE):
        raise DocumentRefused("only http:// and https:// addresses are fetched", document=thing)
    try:
        value = normal(thing)
    except ValueError as error:
        raise DocumentRefused(f"not an address: {error}", document=thing) from error
    web = WebSource(
        url=thing,
        kind=wanted.kind,
        depth=wanted.depth,
        pages=wanted.pages,
        include=tuple(wanted.include),
        exclude=tuple(wanted.exclude),
    )
    return _addition(wanted.kind, value, wanted, web)


def _uploads(path: Path, wanted: Wanted) -> Iterator[tuple[str, Addition, bytes | None]]:
    from knowledge.errors import DocumentRefused
    from knowledge.ingest.additions import UPLOADS, file_name
    from knowledge.ingest.sources import read, scan

    taken: dict[str, str] = {}
    for file in scan([str(path)], root=path.parent).files:
        name = UPLOADS + file_name(file.document)
        if name in taken:
            raise DocumentRefused(
                f"has the same name as {taken[name]}; rename it, or leave out --copy", document=file.document
            )
        taken[name] = file.document
        yield file.document, _addition("upload", name, wanted), read(file)[0]


def _addition(
    kind: Literal["upload", "path", "page", "sitemap", "crawl", "feed"],
    value: str,
    wanted: Wanted,
    web: WebSource | None = None,
) -> Addition:
    from knowledge.ingest.additions import Addition
    from knowledge.types import Access

    return Addition(
        value=value,
        kind=kind,
        web=web,
        access=Access(roles=wanted.roles, conversations=wanted.conversations),
        tags=wanted.tags,
        author=getpass.getuser(),
    )
