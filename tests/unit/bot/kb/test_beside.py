"""The command line beside a running Parley, and what the doctor says of knowledge."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from typer.testing import CliRunner

from bot.cli import cli
from tests.running import running, visitor
from tests.unit.bot.kb.conftest import SETTINGS, Shell

ROOT = Path(__file__).parents[4]
FOLLOWED_S = 1.5
CLERK = "name: clerk\nknowledge: {bases: [kb]}\nfollow_ups: {enabled: false}\n"


async def spawned(shell: Shell, *arguments: str) -> asyncio.subprocess.Process:
    """Start `parley kb …` as a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "kb", *arguments, "--config", str(shell.folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        start_new_session=True,
    )


async def command(shell: Shell, *arguments: str) -> None:
    """Run `parley kb …` as a process of its own, to its good end."""
    process = await spawned(shell, *arguments)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_a_running_parley_answers_from_what_was_just_added(shell: Shell, valkey_url: str) -> None:
    settings = SETTINGS.format(url=shell.endpoint.url, model="words", chroma="")
    (shell.folder / "dogs.md").write_text("# Dogs\n\nDogs are welcome on Fridays.\n", encoding="utf-8")
    assistants = {"clerk": CLERK}
    async with (
        running(shell.folder, valkey_url=valkey_url, settings=settings, assistants=assistants) as parley,
        visitor(parley) as person,
    ):
        assert "Fridays" not in (await person.ask("When are dogs welcome?"))["content"]
        await command(shell, "add", str(shell.folder / "dogs.md"), "--base", "kb")
        await asyncio.sleep(FOLLOWED_S)
        assert "Fridays" in (await person.ask("When are dogs welcome?"))["content"]
        await command(shell, "rm", "dogs.md", "--base", "kb", "--yes")
        await asyncio.sleep(FOLLOWED_S)
        assert "Fridays" not in (await person.ask("When are dogs welcome today?"))["content"]


async def test_ctrl_c_stops_cleanly_and_the_next_sync_goes_on(shell: Shell) -> None:
    for number in range(150):
        (shell.folder / "docs" / f"{number}.md").write_text(f"# Document {number}\n\nIt says {number}.\n")
    (shell.folder / "docs" / "0.html").write_text("<main><h1>Page</h1><p>Read in a process of its own.</p></main>")
    process = await spawned(shell, "sync", "kb")
    deadline = time.monotonic() + 30
    while not shell.endpoint.texts and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody in the foreground gets it
    out, _ = await process.communicate()
    assert process.returncode == 130
    assert "goes on from there" in out.decode()
    assert "Traceback" not in out.decode()
    before = set(shell.endpoint.texts)
    shell.endpoint.texts.clear()
    await command(shell, "sync", "kb")
    repeated = before & set(shell.endpoint.texts)
    assert len(repeated) <= 64  # at most the one batch whose answer nobody waited for


def test_the_doctor_names_bases_and_what_failed(shell: Shell) -> None:
    assert "not read yet" in CliRunner().invoke(cli, ["doctor"]).output
    (shell.folder / "docs" / "broken.pdf").write_bytes(b"nothing")
    shell("sync", "kb", code=1)
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1
    assert "docs/broken.pdf" in " ".join(result.output.replace("│", " ").split())


def test_the_doctor_says_what_to_do_about_a_chroma_server_that_is_away(shell: Shell) -> None:
    shell.configure(chroma="http://127.0.0.1:9")
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1
    assert "chroma run" in " ".join(result.output.replace("│", " ").split())
    assert "knowledge.failed" not in result.output
