from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from config.settings import KnowledgeBase
from knowledge.library import Library
from knowledge.types import Passage, Scope
from tests.unit.knowledge.parts import WordEmbedder, write

STORY = "\n\n".join(
    f"{name} walked along the river for a long while and at the end of the day found {thing}."
    for name, thing in (("Ada", "copper"), ("Ben", "silver"), ("Cem", "amber"), ("Dan", "quartz"), ("Eve", "jade"))
)
TABLE = "| Town | Hotel |\n|---|---|\n" + "\n".join(
    f"| {town} | at most {price} for each night |"
    for town, price in (("Rome", 101), ("Bonn", 102), ("Oslo", 103), ("Lyon", 104), ("Graz", 105), ("Cork", 106))
)
FILES = {
    "story.md": f"# Story\n\n## River\n\n{STORY}\n\n## Hill\n\nFay climbed the hill and found nothing at all.\n",
    "hotels.md": f"# Hotels\n\n{TABLE}\n",
    "faq.csv": "question,answer\nWho pays for parking?,The office.\nWho pays for lunch?,Everybody alone.\n",
    "hr.md": f"---\nroles: hr\n---\n# Secret\n\n{STORY.replace('walked', 'secretly ran')}\n",
}


@asynccontextmanager
async def opened(folder: Path, around: int) -> AsyncIterator[Library]:
    write(folder / "docs", FILES)
    base = KnowledgeBase(sources=("docs",), chunk_characters=100, around=around)
    library = Library({"kb": base}, data_dir=folder / "data", root=folder, embedder=WordEmbedder())
    try:
        yield library
    finally:
        await library.close()


async def ask(library: Library, question: str, *, limit: int = 5, roles: frozenset[str] = frozenset()) -> list[Passage]:
    return await library.ranked(question, bases=["kb"], limit=limit, scope=Scope(roles=roles))


async def test_the_neighbours_of_a_hit_come_along_and_nothing_else_of_it_changes(tmp_path: Path) -> None:
    question = "Who found amber? Cem walked along the river"
    async with opened(tmp_path / "alone", 0) as library:
        (alone,) = await ask(library, question, limit=1)
    async with opened(tmp_path / "around", 1) as library:
        (found,) = await ask(library, question, limit=1)
    assert "amber" in alone.text
    assert "silver" not in alone.text
    assert [word for word in ("copper", "silver", "amber", "quartz", "jade") if word in found.text] == [
        "silver",
        "amber",
        "quartz",
    ]
    assert (found.chunk, found.position, found.score) == (alone.chunk, alone.position, alone.score)


async def test_another_section_never_comes_along(tmp_path: Path) -> None:
    async with opened(tmp_path, 5) as library:
        (found,) = await ask(library, "Fay climbed the hill and found nothing", limit=1)
        assert "Fay" in found.text
        assert "river" not in found.text
        (river,) = await ask(library, "Eve walked along the river and found jade", limit=1)
        assert "copper" in river.text
        assert "Fay" not in river.text


async def test_a_question_and_its_answer_stay_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, 5) as library:
        (found,) = await ask(library, "Who pays for lunch?", limit=1)
    assert found.text == "Everybody alone."


async def test_what_came_along_is_not_given_again(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as library:
        found = await ask(library, "walked along the river for a long while", limit=10)
    text = "\n".join(passage.text for passage in found)
    assert all(text.count(thing) == 1 for thing in ("copper", "silver", "amber", "quartz", "jade"))
    assert len([passage for passage in found if passage.position == "River"]) < 5


async def test_the_head_of_a_table_stands_once(tmp_path: Path) -> None:
    async with opened(tmp_path, 5) as library:
        (found,) = await ask(library, "Hotel in Oslo, at most how much for each night", limit=1)
    assert found.text == TABLE


async def test_what_comes_along_is_seen_only_by_who_may_see_the_hit(tmp_path: Path) -> None:
    question = "Cem secretly ran along the river and found amber"
    async with opened(tmp_path, 5) as library:
        assert not any("secretly" in passage.text for passage in await ask(library, question, limit=10))
        (found,) = await ask(library, question, limit=1, roles=frozenset({"hr"}))
    assert found.text.count("secretly") == 5
    assert [sorted(one.roles) for one in found.access] == [["hr"]]
