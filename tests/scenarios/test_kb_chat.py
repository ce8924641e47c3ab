"""/kb over the web chat: an administrator looks after a knowledge base, and the next question is answered from it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from redis.asyncio import Redis

from bot.wiring import BOTH, Role
from tests.running import Person, Running, running
from tests.simulators.llm import LLMSimulator
from tests.unit.knowledge.office import pdf
from tests.unit.knowledge.parts import write

ASSISTANT = """
name: helper
prompt: You are a test.
follow_ups: {enabled: false}
knowledge: {bases: [house]}
"""
PARKING = "# Parking\n\nThe parking permit costs forty crowns a month and is ordered from Ms Quill.\n"
PERMIT = "What does the parking permit cost a month?"


def settings(llm: LLMSimulator, more: str = "") -> str:
    return f"""
embeddings: {{provider: openai, base_url: "{llm.base_url}", api_key: sk-test, batch: 2, dimensions: 256}}
knowledge:
  house: {{sources: [docs], threshold: 0.25}}
{more}
"""


@asynccontextmanager
async def house(
    folder: Path,
    valkey_url: str,
    llm: LLMSimulator,
    *,
    files: Mapping[str, str] | None = None,
    more: str = "",
    assistant: str = ASSISTANT,
    roles: frozenset[Role] = BOTH,
) -> AsyncIterator[Running]:
    """A Parley with one base of a few files; its model cites the first passage."""
    write(folder / "docs", files if files is not None else {"lunch.md": "# Lunch\n\nSoup is served at noon.\n"})
    llm.reply = "As the house rules say [1]."
    async with running(
        folder,
        valkey_url=valkey_url,
        model_url=llm.base_url,
        settings=settings(llm, more),
        assistants={"helper": assistant},
        roles=roles,
    ) as parley:
        yield parley


@asynccontextmanager
async def owner(parley: Running) -> AsyncIterator[Person]:
    """A visitor who has claimed the bot."""
    code = await parley.app.access.owner_code()
    person = await parley.person()
    try:
        if code is not None:
            assert "owner" in (await person.ask(f"/claim {code}"))["content"]
        yield person
    finally:
        await person.leave()


async def kb(person: Person, text: str, **files: bytes) -> str:
    uploads = [await person.upload(name.replace("__", "."), content) for name, content in files.items()]
    answer = await person.ask(text, files=uploads, timeout_s=30)
    return str(answer["content"])


async def cited(person: Person, question: str) -> list[str]:
    """Return the titles that the answer to a question cites."""
    return [one["title"] for one in (await person.ask(question)).get("citations", ())]


def labels(person: Person) -> dict[str, str]:
    return {action["label"]: action["text"] for action in person.answers[-1].get("actions", ())}


async def test_an_uploaded_file_answers_the_next_question_until_it_is_undone(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        added = await kb(anna, "/kb add", parking__pdf=pdf([[PARKING.splitlines()[2]]], title="Parking"))
        assert "Added to `house`" in added
        assert "`parking.pdf`: 1 passage" in added
        answer = await anna.ask(PERMIT)
        assert [one["title"] for one in answer["citations"]] == ["Parking"]
        assert "forty crowns" in answer["citations"][0]["excerpt"]
        undo = re.search(r"`(/kb rollback \d+ base=house)`", added)[1]  # type: ignore[index]
        assert "undoes" in await kb(anna, undo)
        assert "is as it was" in await kb(anna, next(iter(labels(anna).values())))
        assert await cited(anna, PERMIT) == []


async def test_who_is_no_administrator_is_refused_and_learns_nothing(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        boris = await parley.person()
        for text in ("/kb", "/kb ls", "/知识库 列表", "/kb add https://example.com/a base=secret"):
            refusal = await kb(boris, text)
            assert "administrators only" in refusal or "仅供管理员" in refusal
            assert "house" not in refusal
            assert not boris.answers[-1].get("actions")
        assert "/kb" not in await kb(boris, "/help")
        assert "/kb" in await kb(anna, "/help")
        await boris.leave()


async def test_documents_are_listed_found_and_removed(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    files = {f"note{number:02}.md": f"# Note {number}\n\nText of note {number}.\n" for number in range(25)}
    files["parking.md"] = PARKING
    async with house(tmp_path, valkey_url, llm, files=files) as parley, owner(parley) as anna:
        page = await kb(anna, "/kb ls")
        assert "26 documents (1–20)" in page
        assert page.count("\n- ") == 20
        (more,) = labels(anna).values()
        assert "(21–26)" in await kb(anna, more)
        assert "1 document" in await kb(anna, "/kb ls park*")
        found = await kb(anna, f"/kb search {PERMIT}")
        assert "fused 0." in found
        assert "**parking permit**" in found or "**parking** **permit**" in found
        assert "below the threshold 0.25" in found
        assert "There is no `parkin.md`" in await kb(anna, "/kb rm parkin.md")
        (remove,) = (text for text in labels(anna).values() if "parking" in text)
        assert "Removed `docs/parking.md`" in await kb(anna, remove)
        assert "up to date" in await kb(anna, "/kb sync")
        assert "25 documents" in await kb(anna, "/kb ls")
        assert "1 removed" in anna.texts[-1]
        assert "Parking" not in await cited(anna, PERMIT)
        assert "is back" in await kb(anna, "/kb restore parking.md")
        assert "Parking" in await cited(anna, PERMIT)


async def test_a_long_sync_shows_how_far_it_is(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        await kb(anna, "/kb ls")
        write(tmp_path / "docs", {f"{number}.md": f"# {number}\n\nNumber {number}.\n" for number in range(70)})
        llm.embedding_delay_s = 0.04
        anna.progress.clear()
        result = await kb(anna, "/kb sync")
        assert "70 added" in result
        assert [item["kind"] for item in anna.progress[:2]] == ["started", "step"]
        steps = [item["text"] for item in anna.progress if item["kind"] == "step"]
        assert len(steps) >= 2
        assert any(re.search(r"Reading \d+/71 · \d+\.md( · \d+ s)?$", step) for step in steps), steps
        assert len({item["turn"] for item in anna.progress}) == 1


async def test_a_running_sync_can_be_stopped_and_goes_on_later(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        await kb(anna, "/kb ls")
        write(tmp_path / "docs", {f"{number}.md": f"# {number}\n\nNumber {number}.\n" for number in range(70)})
        llm.embedding_delay_s = 0.2
        said = len(anna.answers)
        await anna.write("/kb sync")
        await anna.wait_for(lambda: any(item["kind"] == "step" for item in anna.progress))
        await anna.write("/stop", kind="command")
        await anna.until(said + 1, timeout_s=5)
        assert anna.answers[-1]["outcome"] == "stopped"
        assert "Stopped" in anna.texts[-1]
        llm.embedding_delay_s = 0
        assert "70 added" in await kb(anna, "/kb sync")


async def test_what_a_draining_worker_gives_back_is_finished_by_the_next(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    gateway, worker = frozenset[Role]({"gateway"}), frozenset[Role]({"worker"})
    more = "limits: {drain_s: 0.1}\n"
    many = {f"{number}.md": f"# {number}\n\nNumber {number}.\n" for number in range(70)}
    async with house(tmp_path / "g", valkey_url, llm, roles=gateway) as parley:
        anna = await parley.person()
        async with house(tmp_path / "w", valkey_url, llm, more=more, roles=worker):
            await anna.ask(f"/claim {await parley.app.access.owner_code()}")
            await kb(anna, "/kb ls")
            write(tmp_path / "w" / "docs", many)
            llm.embedding_delay_s = 0.2
            said = len(anna.answers)
            await anna.write("/kb sync")
            await anna.wait_for(lambda: any("Reading" in item["text"] for item in anna.progress))
        assert len(anna.answers) == said
        llm.embedding_delay_s = 0
        async with house(tmp_path / "w", valkey_url, llm, more=more, roles=worker):
            await anna.until(said + 1)
            assert "`house` " in anna.texts[-1]
            assert "71 documents" in await kb(anna, "/kb ls")
        await anna.leave()


async def test_an_answer_is_fixed_corrected_and_removed(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm, files={"parking.md": PARKING}) as parley, owner(parley) as anna:
        assert "found nothing" in (await anna.ask("Zebras?"))["content"]
        assert "only says that nothing was found" in await kb(anna, "/kb answer")
        await anna.ask(PERMIT)
        fixed = await kb(anna, "/kb answer")
        assert f"**Q** {PERMIT}" in fixed
        assert "**A** As the house rules say." in fixed
        assert "Everyone may be given it" in fixed
        asked = len(llm.chats)
        assert (await anna.ask(PERMIT))["content"] == "As the house rules say."
        assert len(llm.chats) == asked
        corrected = await kb(anna, "/kb answer Forty-two crowns.")
        assert f"**Q** {PERMIT}" in corrected
        assert "Forty-two" in (await anna.ask(PERMIT))["content"]
        pair = await kb(anna, "/kb answer base=house role=hr Who is Ms Quill? => The porter.")
        assert "Only for the role `hr`" in pair
        listed = await kb(anna, "/kb answers")
        assert "1 fixed answer" in listed
        assert "Quill" not in listed
        number = re.search(r"- \*\*(\d+)\*\*", listed)[1]  # type: ignore[index]
        assert "is removed" in await kb(anna, f"/kb answer rm {number}")
        assert "no fixed answer" in await kb(anna, f"/kb answer rm {number}")


async def test_which_base_is_asked_with_buttons_that_remember_the_file(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    assistant = ASSISTANT.replace("[house]", "[house, yard]")
    more = "  yard: {threshold: 0.25}\n"
    async with house(tmp_path, valkey_url, llm, more=more, assistant=assistant) as parley, owner(parley) as anna:
        assert "Which knowledge base?" in await kb(anna, "/kb add tag=x", parking__md=PARKING.encode())
        added = await kb(anna, labels(anna)["yard"])
        assert "Added to `yard`" in added
        assert "`parking.md`" in added
        assert "🏷 x" in await kb(anna, "/kb ls yard")
        assert "no knowledge base `yord`" in await kb(anna, "/kb ls base=yord")
        assert "/kb ls base=yord base=yard" in labels(anna).values()


async def test_what_cannot_be_added_is_said_with_its_reason(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        mixed = await kb(
            anna, "/kb add", parking__md=PARKING.encode(), tool__exe=b"MZ", broken__pdf=b"%PDF-1.4 nothing"
        )
        assert "`parking.md`: 1 passage" in mixed
        assert "`tool.exe`: files of type .exe are not supported" in mixed
        assert "`broken.pdf`: it is damaged" in mixed
        private = await kb(anna, "/kb add http://127.0.0.1:1/admin")
        assert "Nothing was added" in private
        assert "private network" in private
        chinese = await kb(anna, "/知识库 添加 http://169.254.169.254/latest/meta-data 的内容")
        assert "没有看懂" in chinese or "内部网络" in chinese
        assert "from 0 to 10" in await kb(anna, "/kb add https://example.com depth=99")
        assert "There is no action `ad`" in await kb(anna, "/kb ad")
        assert "/kb add" in labels(anna).values()


async def test_a_file_sent_before_the_words_counts(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        await kb(anna, "Look at this", parking__md=PARKING.encode())
        assert "`parking.md`: 1 passage" in await kb(anna, "/kb add")
        assert "`parking.md`: 1 passage, unchanged" in await kb(anna, "/kb add")


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """A small web site; `/deep` is two links away from the first page."""
    pages = {
        "/": '<h1>Garden</h1><p>The garden is open all day.</p><a href="/roses">roses</a>',
        "/roses": '<h1>Roses</h1><p>They are cut on the third of March.</p><a href="/deep">x</a><a href="/gone">y</a>',
        "/deep": "<h1>Deep</h1><p>Nobody finds this.</p>",
    }

    async def page(request: web.Request) -> web.Response:
        if request.path not in pages:
            raise web.HTTPNotFound
        return web.Response(
            text=f"<html><body><main>{pages[request.path]}</main></body></html>", content_type="text/html"
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    try:
        yield listener.name.replace("localhost", "127.0.0.1").rstrip("/")
    finally:
        await runner.cleanup()


async def test_a_site_is_crawled_and_taken_out_again_after_asking(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with site() as url, house(tmp_path, valkey_url, llm, more=NETWORKS) as parley, owner(parley) as anna:
        added = await kb(anna, f"/kb add {url}/ crawl depth=1 base=garden")
        assert "2 documents" in added
        steps = [item["text"] for item in anna.progress if item["kind"] == "step"]
        assert any(step.startswith("🌐 Fetching") for step in steps), steps
        assert f"`{url}/roses`" in await kb(anna, "/kb ls garden")
        assert "2 documents. Remove them all?" in await kb(anna, f"/kb rm {url}/ base=garden")
        (sure,) = labels(anna).values()
        assert f"`{url}/roses`" in await kb(anna, sure)
        assert "no documents" in await kb(anna, "/kb ls garden")
        assert "private network" in await kb(anna, f"/kb add {url}/ base=house")


NETWORKS = '  garden: {fetch_networks: ["127.0.0.0/8"]}\n'


async def test_two_conversations_may_add_at_the_same_time(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with house(tmp_path, valkey_url, llm) as parley, owner(parley) as anna:
        await kb(anna, "/kb ls")
        other = Person(parley.url)
        await other.http.close()
        other.http = anna.http  # the same visitor in a second conversation
        await other.arrive()
        llm.embedding_delay_s = 0.05
        long = "\n\n".join(f"## Part {number}\n\nText of part {number}." for number in range(20))
        first, second = await asyncio.gather(
            kb(anna, "/kb add", one__md=f"# One\n\n{long}".encode()),
            kb(other, "/kb add", two__md=f"# Two\n\n{long}".encode()),
        )
        assert "`one.md`: 20 passages" in first
        assert "`two.md`: 20 passages" in second
        assert "3 documents" in await kb(anna, "/kb ls")
        steps = [item["text"] for item in (*anna.progress, *other.progress)]
        assert any("Waiting for another sync" in step for step in steps), steps
        await other.leave()
