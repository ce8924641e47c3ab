"""`parley doctor`: look at everything that can be wrong, and say what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.dead_letters import all_lanes, show_letters
from bot.errors import StoreUnavailable
from bot.kb.wording import clean, when
from bot.library import bases_in_use, open_library
from bot.registry import Registry
from bot.store import Store, open_store
from config.loader import Configuration
from config.settings import ModelSettings

if TYPE_CHECKING:
    from knowledge.opened import OpenBase

MODEL_TIMEOUT_S = 10
LETTERS_SHOWN = 10
OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    ok: bool
    text: str


async def examine(configuration: Configuration, console: Console) -> int:
    """Print a table of findings and the newest dead letters; 1 if anything is wrong, else 0."""
    table = Table("", "what", "finding", title="parley doctor", title_justify="left")
    healthy = True
    async for finding in _findings(configuration, console):
        healthy &= finding.ok
        table.add_row("[green]✓[/green]" if finding.ok else "[red]✗[/red]", finding.subject, escape(finding.text))
    console.print(table)
    return 0 if healthy else 1


async def _findings(configuration: Configuration, console: Console) -> AsyncIterator[Finding]:
    files = ", ".join(str(file) for file in configuration.files if file.exists())
    yield Finding(subject="configuration", ok=True, text=files)
    used = {assistant.model for assistant in configuration.assistants.values()}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=MODEL_TIMEOUT_S)) as http:
        for alias in sorted(used):
            yield await _model(http, alias, configuration.settings.models[alias])
    async for finding in _knowledge(configuration):
        yield finding
    settings = configuration.settings
    try:
        async with open_store(settings.redis, settings.data_dir) as store:
            async for finding in _stored(configuration, store, console):
                yield finding
    except StoreUnavailable as error:
        yield Finding(subject="store", ok=False, text=str(error))


async def _knowledge(configuration: Configuration) -> AsyncIterator[Finding]:
    """Look at the bases in use and at the server that holds their vectors; nothing is synced or embedded."""
    from knowledge.errors import IndexUnavailable

    names, server = bases_in_use(configuration), configuration.settings.chroma.url
    if not names:
        return
    async with open_library(configuration) as library:
        for at, name in enumerate(names):
            try:
                base = await library.base(name)
            except IndexUnavailable as error:
                text = f"{error}: start it with `chroma run`, or empty chroma.url" if server else str(error)
                yield Finding(subject="Chroma server" if server else f"base {name}", ok=False, text=text)
                return
            if server and not at:
                yield Finding(subject="Chroma server", ok=True, text=server)
            yield await _base(base)


async def _base(base: OpenBase) -> Finding:
    synced = await base.last_sync()
    subject = f"base {base.name}"
    if synced is None:
        return Finding(subject=subject, ok=True, text="not read yet: `parley run` or `parley kb sync` does it")
    documents, chunks, _ = await base.counts()
    text = f"{documents} documents, {chunks} chunks, last sync {when(synced.at)}"
    if not synced.failed:
        return Finding(subject=subject, ok=True, text=text)
    document, reason = synced.failed[0]
    text += f"; {len(synced.failed)} failed, the first: {clean(document)}: {clean(reason)}: see `parley kb ls`"
    return Finding(subject=subject, ok=False, text=text)


async def _stored(configuration: Configuration, store: Store, console: Console) -> AsyncIterator[Finding]:
    info: Any = await store.redis.info("server")
    kind = "Valkey" if "valkey_version" in info else "Redis"
    where = "external" if configuration.settings.redis.url else "embedded"
    version = info.get("valkey_version") or info["redis_version"]
    yield Finding(subject="store", ok=True, text=f"{kind} {version} ({where})")
    yield await _durability(store)
    registry = Registry(store)
    for role in ("gateway", "worker"):
        count = len(await registry.alive(role))
        yield Finding(subject=f"{role}s running", ok=True, text=str(count) if count else "none: start `parley run`")
    for lanes in all_lanes(configuration, store):
        counts = await lanes.counts()
        text = f"{counts['ready']} waiting, {counts['leased']} running or delayed, {counts['dead']} dead"
        if counts["dead"]:
            text += ": see `parley dead --help`"
        yield Finding(subject=f"lanes {lanes.name}", ok=counts["dead"] == 0, text=text)
        show_letters(console, await lanes.dead_letters(limit=LETTERS_SHOWN))


async def _durability(store: Store) -> Finding:
    try:
        answer: Any = await store.redis.config_get("appendonly")
    except RedisError:
        # Managed servers often forbid CONFIG; they document their persistence elsewhere.
        return Finding(subject="append-only file", ok=True, text="unknown: the server does not tell")
    on = answer.get("appendonly") == "yes"
    text = "on" if on else "OFF: a crash of the server loses accepted messages; set `appendonly yes`"
    return Finding(subject="append-only file", ok=on, text=text)


async def _model(http: aiohttp.ClientSession, alias: str, settings: ModelSettings) -> Finding:
    subject = f"model {alias}"
    if settings.provider == "offline":
        text = "offline: answers quote the knowledge base. Set OPENAI_API_KEY for a language model"
        return Finding(subject=subject, ok=True, text=text)
    if settings.provider != "openai":
        return Finding(subject=subject, ok=True, text=f"{settings.provider}/{settings.model} (not asked)")
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    url = f"{(settings.base_url or OPENAI_URL).rstrip('/')}/models"
    try:
        async with http.get(url, headers=headers, params=settings.query) as response:
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        return Finding(subject=subject, ok=False, text=f"{url} does not answer: {type(error).__name__}")
    if status in (401, 403):
        return Finding(
            subject=subject, ok=False, text=f"{url} refuses the key ({status}): check models.{alias}.api_key"
        )
    # Some compatible servers have no model list: whatever else they answer, they are there.
    return Finding(
        subject=subject, ok=status < 500, text=f"{settings.model} at {url.removesuffix('/models')}: {status}"
    )
