"""`parley keys`: make, list and revoke API keys from the command line."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.table import Table

from bot.errors import BotError
from bot.keys import ApiKeys
from bot.store import open_store
from config.loader import Configuration


@asynccontextmanager
async def _keys(configuration: Configuration) -> AsyncIterator[ApiKeys]:
    settings = configuration.settings
    async with open_store(settings.redis, settings.data_dir) as store:
        yield ApiKeys(store.redis, store.keys.shared("api-keys"))


async def create(configuration: Configuration, name: str) -> int:
    """Create a key and print it, alone on its line so that a script can read it."""
    async with _keys(configuration) as keys:
        secret = await keys.create(name)
    sys.stdout.write(f"{secret.get_secret_value()}\n")
    sys.stderr.write("Keep it now: it cannot be shown again.\n")
    return 0


async def show_all(configuration: Configuration, console: Console) -> int:
    """Print a table of the applications that have a key."""
    table = Table("application", "key", "created")
    async with _keys(configuration) as keys:
        for key in await keys.list_keys():
            table.add_row(key.name, f"…{key.id}…", f"{key.created_at:%Y-%m-%d %H:%M} UTC")
    console.print(table)
    return 0


async def revoke(configuration: Configuration, name: str) -> int:
    """Revoke an application's key.

    Raises:
        BotError: the application has none.
    """
    async with _keys(configuration) as keys:
        if not await keys.revoke(name):
            raise BotError(f"no application `{name}` has a key; `parley keys list` shows those that do")
    sys.stderr.write(f"The key of {name} is revoked.\n")
    return 0
