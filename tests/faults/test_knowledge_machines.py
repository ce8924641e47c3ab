"""Several machines, each with a data folder of its own, share bases over one Chroma server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from config.settings import ChromaSettings, KnowledgeBase
from knowledge.index import close_chroma, connect_chroma
from knowledge.ingest.additions import upload
from knowledge.library import Library
from knowledge.types import Access, Scope
from tests.unit.knowledge.parts import WordEmbedder, write

BASES = {"kb": KnowledgeBase(sources=("docs",), threshold=0.3)}
DOGS = b"# Dogs\n\nDogs are welcome here.\n"
HR = Access(roles=frozenset({"hr"}))


@asynccontextmanager
async def machine(folder: Path, name: str, url: str) -> AsyncIterator[tuple[Library, WordEmbedder]]:
    embedder = WordEmbedder()
    library = Library(BASES, data_dir=folder / name, root=folder, embedder=embedder, chroma=ChromaSettings(url=url))
    await library.open()
    try:
        yield library, embedder
    finally:
        await library.close()


async def found(library: Library, query: str, scope: Scope | None = None) -> list[str]:
    findings = await library.search(query, bases=["kb"], limit=1, scope=scope or Scope())
    return [passage.document for passage in findings.passages]


async def within_two_seconds(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(2):
        while not await check():
            await asyncio.sleep(0.02)


async def finds(library: Library, query: str, document: str | None) -> bool:
    return await found(library, query) == ([document] if document else [])


async def test_an_upload_on_one_machine_is_found_on_the_other(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    async with (
        machine(tmp_path, "one", chroma_url) as (one, _),
        machine(tmp_path, "two", chroma_url) as (two, embedder),
    ):
        assert await found(one, "twelve days leave") == ["docs/a.md"]
        assert await found(two, "twelve days leave") == ["docs/a.md"]
        await one.add("kb", upload("Dogs.md", access=Access(), author="ann"), data=DOGS)
        await within_two_seconds(lambda: finds(two, "dogs welcome", "uploads/Dogs.md"))
        assert not [text for text in embedder.embedded if "Dogs are" in text], "its vectors came from the server"
        # A sync of the machine that does not have the file leaves the document alone.
        await two.sync("kb")
        assert await found(two, "dogs welcome") == ["uploads/Dogs.md"]
        base = await two.base("kb")
        assert [(one.value, one.author) for one in await base.additions()] == [("uploads/Dogs.md", "ann")]
        await two.remove("kb", "uploads/Dogs.md")
        await within_two_seconds(lambda: finds(one, "dogs welcome", None))


async def test_a_rollback_on_one_machine_holds_on_the_other(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    async with machine(tmp_path, "one", chroma_url) as (one, _), machine(tmp_path, "two", chroma_url) as (two, _):
        await found(one, "twelve")
        await found(two, "twelve")
        await one.add("kb", upload("Dogs.md", access=Access()), data=DOGS)
        await within_two_seconds(lambda: finds(two, "dogs welcome", "uploads/Dogs.md"))
        bases = [await library.base("kb") for library in (one, two)]
        numbers = [[revision.number for revision in await base.revisions()] for base in bases]
        assert numbers == [[2, 1], [2, 1]]
        assert await bases[1].roll_back(1) == 3
        await within_two_seconds(lambda: finds(one, "dogs welcome", None))
        await one.sync("kb")
        assert await found(one, "dogs welcome") == []
        assert await bases[0].roll_back(2) == 4
        await within_two_seconds(lambda: finds(two, "dogs welcome", "uploads/Dogs.md"))


async def test_limits_and_fixed_answers_travel(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    hr = Scope(roles=frozenset({"hr"}))
    async with machine(tmp_path, "one", chroma_url) as (one, _), machine(tmp_path, "two", chroma_url) as (two, _):
        await found(one, "twelve")
        await found(two, "twelve")
        await one.add("kb", upload("Dogs.md", access=HR), data=DOGS)
        number = await (await one.base("kb")).annotate("When is the salary paid?", "On Fridays.", author="ann")

        async def answered() -> bool:
            given = await two.answer("When is the salary paid?", bases=["kb"], scope=Scope())
            return given is not None and (given.number, given.answer) == (number, "On Fridays.")

        await within_two_seconds(answered)
        await within_two_seconds(lambda: finds_as(two, hr))
        assert await found(two, "dogs welcome") == []
        assert await (await two.base("kb")).unannotate(number)


async def finds_as(library: Library, scope: Scope) -> bool:
    return await found(library, "dogs welcome", scope) == ["uploads/Dogs.md"]


async def test_changes_on_both_at_once_are_all_kept(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    async with machine(tmp_path, "one", chroma_url) as (one, _), machine(tmp_path, "two", chroma_url) as (two, _):
        await asyncio.gather(one.base("kb"), two.base("kb"))
        await asyncio.gather(
            *(
                library.add(
                    "kb", upload(f"{name}{number}.md", access=Access()), data=f"# N\n\n{name} {number}\n".encode()
                )
                for number in range(4)
                for name, library in (("saffron", one), ("basil", two))
            )
        )
        expected = {
            "docs/a.md",
            *(f"uploads/{name}{number}.md" for number in range(4) for name in ("saffron", "basil")),
        }

        async def same() -> bool:
            held = [
                {one.document for one in await (await library.base("kb")).documents(None)} for library in (one, two)
            ]
            return held == [expected, expected]

        await within_two_seconds(same)
        numbers = [[one.number for one in await (await library.base("kb")).revisions()] for library in (one, two)]
        assert numbers[0] == numbers[1]


async def test_a_machine_that_comes_late_has_everything_and_embeds_nothing(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    async with machine(tmp_path, "one", chroma_url) as (one, _):
        for room in ("Saffron", "Basil", "Mint"):
            await one.add("kb", upload("Room.md", access=Access()), data=f"# Room\n\nThe room is {room}.\n".encode())
        await one.remove("kb", "docs/a.md")
    async with machine(tmp_path, "late", chroma_url) as (late, embedder):
        assert await found(late, "the room is mint") == ["uploads/Room.md"]
        assert await found(late, "twelve days leave") == []
        assert not [text for text in embedder.embedded if "Mint." in text]
        base = await late.base("kb")
        assert await base.roll_back((await base.revisions())[1].number)
        assert await found(late, "twelve days leave") == ["docs/a.md"]


async def test_a_machine_with_documents_of_its_own_brings_them_along(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    alone = Library(BASES, data_dir=tmp_path / "two", root=tmp_path, embedder=WordEmbedder())
    await alone.add("kb", upload("Dogs.md", access=Access()), data=DOGS)
    await (await alone.base("kb")).annotate("Who is there?", "Dogs.", author="ann")
    await alone.close()
    async with AsyncExitStack() as stack:
        one, _ = await stack.enter_async_context(machine(tmp_path, "one", chroma_url))
        await one.add("kb", upload("Cats.md", access=Access()), data=b"# Cats\n\nCats stay outside.\n")
        await (await one.base("kb")).annotate("What is it?", "A cat.", author="bob")
        two, embedder = await stack.enter_async_context(machine(tmp_path, "two", chroma_url))
        assert await found(two, "cats stay outside") == ["uploads/Cats.md"]
        assert await found(two, "dogs welcome") == ["uploads/Dogs.md"]
        assert not [text for text in embedder.embedded if "Dogs are" in text]
        await within_two_seconds(lambda: finds(one, "dogs welcome", "uploads/Dogs.md"))
        for library in (one, two):
            annotations = await (await library.base("kb")).annotations(Scope())
            assert [(each.number, each.answer) for each in annotations] == [(1, "A cat."), (2, "Dogs.")]


async def test_a_server_that_lost_everything_is_filled_again(tmp_path: Path, chroma_url: str) -> None:
    write(tmp_path / "docs", {"a.md": "# Leave\n\nTwelve days of leave.\n"})
    async with machine(tmp_path, "one", chroma_url) as (one, _), machine(tmp_path, "two", chroma_url) as (two, _):
        await one.add("kb", upload("Dogs.md", access=Access()), data=DOGS)
        await within_two_seconds(lambda: finds(two, "dogs welcome", "uploads/Dogs.md"))
    client = connect_chroma(chroma_url, token=None, timeout_s=5)
    for collection in client.list_collections():
        client.delete_collection(collection.name)
    close_chroma(client)
    async with (
        machine(tmp_path, "one", chroma_url) as (one, embedder),
        machine(tmp_path, "two", chroma_url) as (two, _),
    ):
        assert await found(one, "dogs welcome") == ["uploads/Dogs.md"]
        assert await found(two, "dogs welcome") == ["uploads/Dogs.md"]
        assert not [text for text in embedder.embedded if "Dogs are" in text]
