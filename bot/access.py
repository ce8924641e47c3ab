"""Who a sender is and what they may do. Rights hang on the platform's verified id, never on a name."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from typing import Literal

from agents.types import Principal
from bot.store import Store
from channels.types import Sender
from config.settings import Owner, Person

Who = Literal["everyone", "admin", "owner"]

OWNER = "owner"
ADMIN = "admin"
"""May look after the knowledge bases; every owner may too."""
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the letters and digits that are mistaken for each other."""
CODE_LENGTH = 16
CLAIMS_PER_HOUR = 5


class Access:
    """Maps senders to principals, and hands out the first owner's right."""

    def __init__(
        self, store: Store, owners: Callable[[], Sequence[Owner]], people: Callable[[], Sequence[Person]] = tuple
    ) -> None:
        self._redis = store.redis
        self._roles = store.keys.shared("roles")
        self._code = store.keys.shared("owner-code")
        self._tries = store.keys.shared("claim-tries")
        self._owners = owners
        self._people = people

    async def principal(self, sender: Sender) -> Principal:
        """Return who the sender is, with their roles."""
        person = person_of(sender)
        stored = str(await self._redis.hget(self._roles, person) or "")
        roles = {role for role in stored.split(",") if role}
        if any(_is(sender, owner) for owner in self._owners()):
            roles.add(OWNER)
        roles.update(role for one in self._people() if _is(sender, one) for role in one.roles)
        return Principal(person=person, roles=frozenset(roles), name=sender.name)

    async def owner_code(self) -> str | None:
        """Return a fresh one-time code while there is no owner yet; an older code becomes void."""
        if self._owners() or await self._redis.hlen(self._roles):
            return None
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        await self._redis.set(self._code, _digest(code))
        return code

    async def claim(self, sender: Sender, code: str) -> bool:
        """Make the sender an owner if the code is right; it works once, and wrong tries are limited."""
        tries = f"{self._tries}:{person_of(sender)}"
        async with self._redis.pipeline() as pipeline:
            pipeline.incr(tries)
            pipeline.expire(tries, 3600)
            pipeline.get(self._code)
            count, _, expected = await pipeline.execute()
        if count > CLAIMS_PER_HOUR or not expected:
            return False
        if not hmac.compare_digest(expected, _digest(code)):
            return False
        # Whoever deletes the code owns the right: two people with the same code cannot both become owners.
        if not await self._redis.delete(self._code):
            return False
        await self._redis.hset(self._roles, person_of(sender), OWNER)
        return True

    @staticmethod
    def may(principal: Principal, who: Who) -> bool:
        """Return whether the principal may do what is open to `who`."""
        if who == "admin":
            return not principal.roles.isdisjoint((ADMIN, OWNER))
        return who == "everyone" or who in principal.roles


def person_of(sender: Sender) -> str:
    """Return the stable name of a sender: platform, account and verified id."""
    return f"{sender.channel}:{sender.account}:{sender.user}"


def _is(sender: Sender, named: Owner | Person) -> bool:
    return (named.channel, named.account, named.user) == (sender.channel, sender.account, sender.user)


def _digest(code: str) -> str:
    cleaned = "".join(character for character in code.upper() if character in CODE_ALPHABET)
    return hashlib.sha256(cleaned.encode()).hexdigest()
