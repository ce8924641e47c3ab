from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from agents.types import Principal
from bot.access import CLAIMS_PER_HOUR, OWNER, Access, Who
from bot.store import Store
from channels.types import Sender
from config.settings import Owner, Person

ANNA = Sender(channel="telegram", account="default", user="7", name="Boss")
BORIS = Sender(channel="telegram", account="default", user="8", name="Boss")


async def test_the_code_makes_one_owner_and_then_is_void(store: Store) -> None:
    access = Access(store, lambda: ())
    code = await access.owner_code()
    assert code is not None
    assert OWNER not in (await access.principal(ANNA)).roles
    assert await access.claim(ANNA, code.lower())
    assert OWNER in (await access.principal(ANNA)).roles
    assert not await access.claim(BORIS, code)
    assert await access.owner_code() is None


async def test_two_people_with_the_code_cannot_both_become_owner(store: Store) -> None:
    access = Access(store, lambda: ())
    code = await access.owner_code() or ""
    assert sorted(await asyncio.gather(access.claim(ANNA, code), access.claim(BORIS, code))) == [False, True]


async def test_wrong_tries_are_limited_even_against_the_right_code(store: Store) -> None:
    access = Access(store, lambda: ())
    code = await access.owner_code() or ""
    for _ in range(CLAIMS_PER_HOUR):
        assert not await access.claim(ANNA, "WRONG")
    assert not await access.claim(ANNA, code)
    assert await access.claim(BORIS, code)


async def test_a_newer_code_replaces_the_older(store: Store) -> None:
    access = Access(store, lambda: ())
    older, newer = await access.owner_code() or "", await access.owner_code() or ""
    assert not await access.claim(ANNA, older)
    assert await access.claim(ANNA, newer)


async def test_configured_owners_count_by_id_and_never_by_name(store: Store) -> None:
    access = Access(store, lambda: (Owner(channel="telegram", user="7"),))
    assert OWNER in (await access.principal(ANNA)).roles
    assert OWNER not in (await access.principal(BORIS)).roles
    other_account = Sender(channel="telegram", account="second", user="7")
    assert OWNER not in (await access.principal(other_account)).roles
    assert await access.owner_code() is None


async def test_people_have_the_roles_that_the_file_gives_their_ids(store: Store) -> None:
    people = [
        Person.model_validate({"channel": "telegram", "user": 7, "roles": ["hr"]}),
        Person(channel="telegram", user="7", roles=("admin", "hr")),
        Person(channel="telegram", account="second", user="8", roles=("board",)),
        Person(channel="api", user="payroll", roles=("hr",)),
    ]
    access = Access(store, lambda: (), lambda: people)
    assert (await access.principal(ANNA)).roles == {"hr", "admin"}
    assert (await access.principal(BORIS)).roles == set()
    assert (await access.principal(Sender(channel="web", account="default", user="7"))).roles == set()
    assert (await access.principal(Sender(channel="api", account="default", user="payroll"))).roles == {"hr"}
    people.clear()
    assert (await access.principal(ANNA)).roles == set()
    assert await access.owner_code() is not None


@pytest.mark.parametrize("role", ["owner", "", " hr"])
def test_what_is_no_role_is_refused(role: str) -> None:
    with pytest.raises(ValidationError):
        Person(channel="telegram", user="7", roles=(role,))


async def test_the_code_itself_is_not_stored(store: Store) -> None:
    code = await Access(store, lambda: ()).owner_code()
    values = [str(await store.redis.get(key)) for key in await store.redis.keys("*")]
    assert code not in values


def test_an_owner_may_what_an_administrator_may_and_nobody_else() -> None:
    def allowed(*roles: str) -> list[bool]:
        principal = Principal(person="p", roles=frozenset(roles))
        everybody: tuple[Who, ...] = ("everyone", "admin", "owner")
        return [Access.may(principal, who) for who in everybody]

    assert allowed() == [True, False, False]
    assert allowed("hr", "administrator") == [True, False, False]
    assert allowed("admin") == [True, True, False]
    assert allowed("owner") == [True, True, True]
