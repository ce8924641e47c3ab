"""`parley kb answers`: fixed answers to questions, given before any model is asked."""

from __future__ import annotations

import getpass
from collections.abc import Collection
from typing import Any

from bot.console import PROBLEM, complain, say
from bot.kb.bases import one_base
from bot.kb.wording import grid, limits, limits_data, line, number_columns, stdout, write_json
from bot.library import open_library
from config.loader import Configuration
from knowledge.types import Access, Annotation, Scope


async def list_answers(configuration: Configuration, base: str | None, *, as_json: bool) -> int:
    """Print the fixed answers of a base, and how often each was given."""
    chosen = one_base(configuration, base)
    async with open_library(configuration) as library:
        found = await (await library.base(chosen)).annotations(Scope(everything=True))
    if as_json:
        write_json([_data(one) for one in found])
        return 0
    table = grid()
    number_columns(table, "number", "given")
    for name in ("question", "answer", "limits, author"):
        table.add_column(name, overflow="fold")
    for one in found:
        notes = " · ".join(part for part in (limits(one.access), one.author) if part)
        table.add_row(str(one.number), str(one.hits), line(one.question), line(one.answer), line(notes))
    stdout().print(table)
    return 0


def _data(one: Annotation) -> dict[str, Any]:
    return {
        "number": one.number,
        "question": one.question,
        "answer": one.answer,
        "hits": one.hits,
        "author": one.author,
        "access": limits_data(one.access),
    }


async def add_answer(
    configuration: Configuration,
    base: str,
    question: str,
    answer: str,
    *,
    roles: Collection[str],
    conversations: Collection[str],
) -> int:
    """Fix the answer to a question, and print its number."""
    chosen = one_base(configuration, base)
    access = Access(roles=frozenset(roles), conversations=frozenset(conversations))
    async with open_library(configuration) as library:
        opened = await library.base(chosen)
        number = await opened.annotate(question, answer, access=[access], author=getpass.getuser())
    stdout().print(number, highlight=False)
    say(f"Given from now on when nearly the same is asked of {chosen}.")
    return 0


async def remove_answer(configuration: Configuration, base: str, number: int) -> int:
    """Forget a fixed answer; 1 where there is none of that number."""
    chosen = one_base(configuration, base)
    async with open_library(configuration) as library:
        known = await (await library.base(chosen)).unannotate(number)
    if not known:
        complain(f"{chosen} has no fixed answer {number}; `parley kb answers list {chosen}` shows them")
        return PROBLEM
    say(f"Fixed answer {number} of {chosen} is forgotten.")
    return 0
