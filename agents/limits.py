"""Who may be told what: the limits of all that flows into an answer, and of what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agents.types import RecalledMessage, Recollection
from knowledge.types import Access, Scope

Plain = list[list[list[str]]]
"""Limits as JSON carries them."""


class Limits:
    """The limits of everything that has flowed into one answer so far."""

    def __init__(self, access: tuple[Access, ...] = ()) -> None:
        self.access = access

    def add(self, access: Iterable[Access]) -> bool:
        """Take more limits in; return whether there is a new one among them."""
        before = len(self.access)
        self.access = union(self.access, access)
        return len(self.access) > before


def union(*groups: Iterable[Access]) -> tuple[Access, ...]:
    """Return each limit once, in the order of their first appearance, without those that limit nothing."""
    return tuple(dict.fromkeys(one for group in groups for one in group if one.roles or one.conversations))


def permitted(access: Iterable[Access], scope: Scope) -> bool:
    """Tell whether every limit lets `scope` see."""
    return all(one.permits(scope) for one in access)


def of_messages(messages: Iterable[RecalledMessage]) -> tuple[Access, ...]:
    """Return the limits of messages."""
    return union(*(message.access for message in messages))


def visible(recalled: Recollection, scope: Scope) -> Recollection:
    """Return what `scope` may see of a memory: a role may have been taken away since, or others may read along now."""
    messages = tuple(message for message in recalled.messages if permitted(message.access, scope))
    if permitted(recalled.summary_access, scope):
        return replace(recalled, messages=messages)
    return Recollection(messages=messages)


def repeats(quoted: str, messages: Iterable[RecalledMessage]) -> bool:
    """Tell whether a quoted text is one of these messages or a part of it, whatever a platform made of its markup."""
    bare = _bare(quoted)
    return bool(bare) and any(
        bare in text or text in bare for text in map(_bare, (one.text for one in messages)) if text
    )


def plain(access: Iterable[Access]) -> Plain:
    """Return limits as lists, for JSON; `restored` reads them back."""
    return [[sorted(one.roles), sorted(one.conversations)] for one in access]


def restored(limits: Sequence[Sequence[Iterable[str]]]) -> tuple[Access, ...]:
    """Return the limits of `plain`."""
    return tuple(Access(roles=frozenset(roles), conversations=frozenset(held)) for roles, held in limits)


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
