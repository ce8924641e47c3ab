"""Dead letters: what was given up, with what an operator needs to understand it, repeat it or let it go."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape

from bot.inbox import CONTROL, IN
from bot.lanes import Claim, Lanes
from bot.outbox import lanes_of
from bot.store import Store, open_store
from config.loader import Configuration

FRONTS = (("web", "default"), ("api", "default"))
LETTERS_MAX = 10_000


def dead_letter(claim: Claim, message: str, *, reason: str, code: str = "") -> str:
    """Return the record of a payload that is given up, as JSON; the payload itself is kept in it."""
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "lanes": claim.lanes,
        "conversation": claim.conversation,
        "message": message,
        "attempts": claim.attempt,
        "code": code,
        "reason": reason,
        "payload": claim.payload,
    }
    return json.dumps(record, ensure_ascii=False)


def all_lanes(configuration: Configuration, store: Store) -> list[Lanes]:
    """Return the lanes of everything that is configured."""
    accounts = [(channel, account) for channel, account, _ in configuration.settings.channels.accounts()]
    names = (IN, CONTROL, *(lanes_of(channel, account) for channel, account in (*FRONTS, *accounts)))
    return [Lanes(store, name, lease_s=1) for name in names]


def show_letters(console: Console, letters: list[str]) -> None:
    """Print one line per letter; what people wrote is not among it."""
    for text in letters:
        letter = json.loads(text)
        console.print(
            f"[red]dead[/red] {letter['at']} {letter['lanes']} {escape(letter['conversation'])} "
            f"message {letter['message']}: {escape(letter['reason'])} "
            f"(code {letter['code'] or '–'}, {letter['attempts']} attempts)",
            highlight=False,
            soft_wrap=True,
        )


async def list_letters(configuration: Configuration, console: Console) -> int:
    """Print all dead letters, the newest of each lane family first."""
    settings = configuration.settings
    async with open_store(settings.redis, settings.data_dir) as store:
        for lanes in all_lanes(configuration, store):
            show_letters(console, await lanes.dead_letters(limit=LETTERS_MAX))
    return 0


async def retry_letters(configuration: Configuration) -> int:
    """Put every dead letter back into its lane, the oldest first."""
    settings, revived = configuration.settings, 0
    async with open_store(settings.redis, settings.data_dir) as store:
        for lanes in all_lanes(configuration, store):
            for text in reversed(await lanes.dead_letters(limit=LETTERS_MAX)):
                letter = json.loads(text)
                revived += await lanes.revive(text, letter["conversation"], letter["payload"])
    sys.stderr.write(f"{revived} put back; a running worker or gateway takes them up.\n")
    return 0


async def bury_letters(configuration: Configuration) -> int:
    """Forget all dead letters."""
    settings, buried = configuration.settings, 0
    async with open_store(settings.redis, settings.data_dir) as store:
        for lanes in all_lanes(configuration, store):
            buried += await lanes.bury()
    sys.stderr.write(f"{buried} forgotten.\n")
    return 0
