from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from config.errors import ConfigurationInvalid
from config.loader import Configuration, load_configuration
from config.watch import Outcome, watch_configuration

QUIET_S = 0.6
"""Longer than a change takes to be noticed."""


class Watched:
    """A configuration folder under watch, and what the watch told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    async def next(self) -> Outcome:
        return await asyncio.wait_for(self.outcomes.get(), 10)

    async def configuration(self) -> Configuration:
        outcome = await self.next()
        assert isinstance(outcome, Configuration)
        return outcome

    async def quiet(self) -> bool:
        await asyncio.sleep(QUIET_S)
        return self.outcomes.empty()


def loader(folder: Path) -> Callable[[], Configuration]:
    return lambda: load_configuration(environment={}, folder=folder)


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Watched]:
    watched = Watched(folder)
    load = loader(folder)

    async def collect() -> None:
        async with aclosing(watch_configuration(load(), load, recheck_ms=200)) as outcomes:
            async for outcome in outcomes:
                watched.outcomes.put_nowait(outcome)

    task = asyncio.create_task(collect())
    await asyncio.sleep(0.3)
    yield watched
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)


async def test_a_valid_change_is_told_and_an_invalid_one_is_refused_with_its_problems(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.write("parley.yaml", "http: {port: 9000}\n")
        assert (await watched.configuration()).settings.http.port == 9000
        watched.write("parley.yaml", "http: {port: ninety}\n")
        refused = await watched.next()
        assert isinstance(refused, ConfigurationInvalid)
        assert "parley.yaml:1: http.port" in str(refused)
        watched.write("parley.yaml", "http: {port: 9001}\n")
        assert (await watched.configuration()).settings.http.port == 9001


async def test_the_first_assistant_of_a_new_folder_and_of_one_made_again_are_noticed(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.write("assistants/a.yaml", "description: A\n")
        assert list((await watched.configuration()).assistants) == ["a"]
        watched.write("assistants/b.yaml", "description: B\n")
        assert list((await watched.configuration()).assistants) == ["a", "b"]
        (tmp_path / "assistants" / "b.yaml").unlink()
        assert list((await watched.configuration()).assistants) == ["a"]
        (tmp_path / "assistants" / "a.yaml").unlink()
        (tmp_path / "assistants").rmdir()
        assert list((await watched.configuration()).assistants) == ["assistant"]
        (tmp_path / "assistants").mkdir()
        assert await watched.quiet()
        watched.write("assistants/c.yaml", "description: C\n")
        assert list((await watched.configuration()).assistants) == ["c"]


async def test_word_lists_and_dotenv_count_too(tmp_path: Path) -> None:
    write = Watched(tmp_path).write
    write("assistants/a.yaml", "moderation: {input: [{name: rude, file: ../words/rude.txt}]}\n")
    write("words/rude.txt", "darn\n")
    async with watching(tmp_path) as watched:
        watched.write("words/rude.txt", "darn\nheck\n")
        assert (await watched.configuration()).assistant("a").moderation.input[0].name == "rude"
        watched.write(".env", "PARLEY_MODEL=other\n")
        assert (await watched.configuration()).settings.models["default"].model == "other"


async def test_a_word_list_that_an_assistant_names_later_is_watched_from_then_on(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.write("assistants/a.yaml", "description: A\n")
        await watched.configuration()
        watched.write("assistants/rude.txt", "darn\n")
        watched.write("assistants/a.yaml", "moderation: {input: [{name: rude, file: rude.txt}]}\n")
        await watched.configuration()
        watched.write("assistants/rude.txt", "darn\nheck\n")
        await watched.configuration()


async def test_the_same_content_and_the_data_folder_are_no_change(tmp_path: Path) -> None:
    Watched(tmp_path).write("parley.yaml", "http: {port: 9000}\n")
    async with watching(tmp_path) as watched:
        watched.write("parley.yaml", "http: {port: 9000}\n")
        watched.write("data/parley.yaml", "http: {port: 1}\n")
        watched.write("data/valkey/appendonly.aof", "…")
        watched.write("notes.txt", "…")
        os.utime(tmp_path / "parley.yaml")
        assert await watched.quiet()


async def test_a_change_before_the_watch_began_is_found(tmp_path: Path) -> None:
    load = loader(tmp_path)
    before = load()
    Watched(tmp_path).write("parley.yaml", "http: {port: 9000}\n")
    async with aclosing(watch_configuration(before, load, recheck_ms=100)) as outcomes:
        outcome = await asyncio.wait_for(anext(outcomes), 10)
    assert isinstance(outcome, Configuration)
    assert outcome.settings.http.port == 9000


async def test_a_file_that_is_written_in_steps_is_read_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        with (tmp_path / "parley.yaml").open("w") as file:
            for line in ("http:\n", "  host: 0.0.0.0\n", "  port: 9000\n"):
                file.write(line)
                file.flush()
        assert (await watched.configuration()).settings.http.port == 9000
        assert await watched.quiet()
