"""API keys: one per application, shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr
from redis.asyncio import Redis

from bot.errors import BotError

PREFIX = "pk-parley"
ID_BYTES = 6
SECRET_BYTES = 32
NO_DIGEST = hashlib.sha256(b"").hexdigest()

# KEYS: the hash of all keys. ARGV: name, id, record. Two processes cannot take the same name.
CREATE = """
if redis.call('HSETNX', KEYS[1], 'name:' .. ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'id:' .. ARGV[2], ARGV[3])
return 1
"""
REVOKE = """
local id = redis.call('HGET', KEYS[1], 'name:' .. ARGV[1])
if not id then return 0 end
return redis.call('HDEL', KEYS[1], 'name:' .. ARGV[1], 'id:' .. id)
"""


class KeyNameTaken(BotError):
    """An application of this name has a key already; revoke it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: never the secret itself."""

    id: str
    name: str
    """The application that it was made for."""
    created_at: datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ApiKeys:
    """The keys of all applications, in one Redis hash."""

    def __init__(self, redis: Redis, key: str, *, clock: Callable[[], datetime] = _utc_now) -> None:
        """Keep the keys under the Redis key `key`."""
        self._redis = redis
        self._key = key
        self._clock = clock
        self._create = redis.register_script(CREATE)
        self._revoke = redis.register_script(REVOKE)

    async def create(self, name: str) -> SecretStr:
        """Make a key of 256 random bits for an application and return it: it can never be shown again.

        Raises:
            KeyNameTaken: the application has a key.
        """
        key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_hex(SECRET_BYTES)
        record = {"name": name, "sha256": _digest(secret), "created_at": self._clock().isoformat()}
        if not await self._create(keys=[self._key], args=[name, key_id, json.dumps(record)]):
            raise KeyNameTaken(f"the application {name} has a key already; revoke it first: parley keys revoke {name}")
        return SecretStr(f"{PREFIX}-{key_id}-{secret}")

    async def check(self, presented: str) -> ApiKey | None:
        """Return whose key this is, or None; takes as long for a wrong secret as for a right one."""
        key_id, _, secret = presented.removeprefix(f"{PREFIX}-").partition("-")
        text = await self._redis.hget(self._key, f"id:{key_id}")
        record = json.loads(text) if text else {"sha256": NO_DIGEST}
        if not hmac.compare_digest(record["sha256"], _digest(secret)) or not text or not secret:
            return None
        return _read(key_id, record)

    async def list_keys(self) -> list[ApiKey]:
        """Return all keys, oldest first."""
        fields = await self._redis.hgetall(self._key)
        named = ((str(field), text) for field, text in fields.items())
        keys = [_read(field[3:], json.loads(text)) for field, text in named if field.startswith("id:")]
        return sorted(keys, key=lambda key: (key.created_at, key.name))

    async def revoke(self, name: str) -> bool:
        """Make an application's key void at once; False if it has none."""
        return bool(await self._revoke(keys=[self._key], args=[name]))


def _digest(secret: str) -> str:
    # A plain hash suffices: 256 random bits cannot be guessed, unlike a password.
    return hashlib.sha256(secret.encode()).hexdigest()


def _read(key_id: str, record: dict[str, str]) -> ApiKey:
    return ApiKey(id=key_id, name=record["name"], created_at=datetime.fromisoformat(record["created_at"]))
