"""The Lua scripts of the durable path: read once per process, sent to the server once (EVALSHA afterwards)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

FOLDER = Path(__file__).parent / "lua"
PRELUDE = "prelude"


@cache
def _sources() -> dict[str, str]:
    files = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.lua"))}
    prelude = files.pop(PRELUDE)
    return {name: f"{prelude}\n{body}" for name, body in files.items()}


def load_scripts(redis: Redis) -> dict[str, AsyncScript]:
    """Return the scripts by file name, bound to a client; a server that forgot one is sent it again."""
    return {name: redis.register_script(source) for name, source in _sources().items()}
