"""Files that people send reach a command: from Telegram and the web chat, in a worker that owns no connection."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.commands import table
from bot.commands.base import Call, Command, Reply, Texts
from channels.errors import ChannelError
from tests.running import Person, Running, running, visitor
from tests.simulators.llm import LLMSimulator
from tests.simulators.telegram import TelegramSimulator

TELEGRAM = "owners: [{channel: telegram, account: default, user: '7'}]\n"
CONTENT = os.urandom(1_300_000)


async def digest(call: Call) -> Reply:
    """Answer the digests of the files that came along."""
    assert call.services.attachments is not None
    lines = []
    for attachment in call.message.attachments:
        call.show(f"Reading {attachment.name}")
        try:
            content = await call.services.attachments.fetch(call.message, attachment)
        except ChannelError as error:
            lines.append(type(error).__name__)
        else:
            lines.append(f"{attachment.name} {hashlib.sha256(content).hexdigest()}")
    return Reply(content="\n".join(lines) or "no files")


@pytest.fixture(autouse=True)
def digest_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more family of commands, as somebody would add it."""
    summary: Texts = {"zh": "摘要", "en": "Digest"}
    family = SimpleNamespace(COMMANDS=(Command(name="digest", run=digest, summary=summary, who="admin"),))
    monkeypatch.setattr(table, "FAMILIES", (*table.FAMILIES, family))


@asynccontextmanager
async def two_processes(folder: Path, valkey_url: str, **options: Any) -> AsyncIterator[Running]:
    """A gateway, and a worker beside it that owns no connection."""
    async with (
        running(folder / "a", valkey_url=valkey_url, roles=frozenset({"gateway"}), **options) as gateway,
        running(folder / "b", valkey_url=valkey_url, roles=frozenset({"worker"}), **options),
    ):
        yield gateway


def expected(name: str, content: bytes) -> str:
    return f"{name} {hashlib.sha256(content).hexdigest()}"


async def become_owner(parley: Running, person: Person) -> None:
    code = await parley.app.access.owner_code()
    assert "owner" in (await person.ask(f"/claim {code}"))["content"]


async def upload(person: Person, content: bytes, name: str) -> tuple[int, dict[str, Any]]:
    url = f"{person.url}/api/chat/conversations/{person.conversation}/files"
    headers = {"origin": person.url, "content-type": "application/octet-stream", "x-file-name": quote(name)}
    async with person.http.post(url, data=io.BytesIO(content), headers=headers) as response:
        return response.status, await response.json()


async def test_a_document_with_a_command_as_its_caption(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with TelegramSimulator() as telegram:
        environment = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE": telegram.api_base}
        options: dict[str, Any] = {"model_url": llm.base_url, "settings": TELEGRAM, "environment": environment}
        async with two_processes(tmp_path, valkey_url, **options):
            owner, other, group = telegram.person(7), telegram.person(8), telegram.group()
            async with asyncio.timeout(60):
                while not telegram.world.commands:
                    await asyncio.sleep(0.05)
            owner.send_document(CONTENT, "报销.pdf", "/digest")
            assert (await owner.chat.answer(timeout_s=30)).text == expected("报销.pdf", CONTENT)
            owner.send_document(b"in a group", "a.txt", f"/digest@{telegram.username}", group)
            assert (await group.answer()).text == expected("a.txt", b"in a group")
            owner.send_document(bytes(20 * 2**20 + 1), "big.bin", "/digest")
            assert (await owner.chat.answer(2)).text == "TooLarge"
            other.send_document(CONTENT, "报销.pdf", "/digest")
            assert "administrators only" in (await other.chat.answer()).text
            assert len(telegram.calls_of("getFile")) == 2  # what is too large by its own account is not asked for


async def test_files_of_the_web_chat_reach_a_worker_elsewhere(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with (
        two_processes(tmp_path, valkey_url, model_url=llm.base_url) as parley,
        visitor(parley) as person,
        visitor(parley) as stranger,
    ):
        assert (await upload(person, CONTENT, "报销.pdf"))[0] == 403
        await become_owner(parley, person)
        _, one = await upload(person, CONTENT, "报销.pdf")
        _, two = await upload(person, b"2", "two.txt")
        message_id = secrets.token_hex(8)
        for expect in ("accepted", "duplicate"):
            files = [one["id"], two["id"]]
            assert await person.write("/digest", message_id=message_id, files=files) == expect
        texts = await person.until(2)
        assert texts[1] == f"{expected('报销.pdf', CONTENT)}\n{expected('two.txt', b'2')}"
        assert [item["text"] for item in person.progress if item["kind"] == "step"][-1:] == ["Reading two.txt"]
        assert person.entries[-2]["files"] == [
            {"name": "报销.pdf", "size_bytes": len(CONTENT)},
            {"name": "two.txt", "size_bytes": 1},
        ]
        assert (await upload(stranger, CONTENT, "报销.pdf"))[0] == 403


async def test_files_alone_are_named_to_the_model(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley,
        visitor(parley) as person,
    ):
        await become_owner(parley, person)
        _, uploaded = await upload(person, b"1", "报销.pdf")
        await person.write("", files=[uploaded["id"]])
        assert (await person.until(2))[1] == "echo: [attachment: file 报销.pdf]"


async def test_a_file_that_expired_before_its_turn_came_is_named_as_gone(
    tmp_path: Path, redis: Redis, valkey_url: str
) -> None:
    async with (
        running(tmp_path / "a", valkey_url=valkey_url, roles=frozenset({"gateway"})) as gateway,
        visitor(gateway) as person,
    ):
        async with running(tmp_path / "b", valkey_url=valkey_url, roles=frozenset({"worker"})):
            await become_owner(gateway, person)
        _, uploaded = await upload(person, b"1", "报销.pdf")
        assert await person.write("/digest", files=[uploaded["id"]]) == "accepted"
        for key in await redis.keys("*:file.*"):
            await redis.delete(key)
        async with running(tmp_path / "b", valkey_url=valkey_url, roles=frozenset({"worker"})):
            assert (await person.until(2))[1] == "Refused"


async def test_a_large_file_is_refused_before_it_was_sent(tmp_path: Path, redis: Redis, valkey_url: str) -> None:
    settings = "limits: {attachment_max_bytes: 100000}\n"
    async with running(tmp_path, valkey_url=valkey_url, settings=settings) as parley, visitor(parley) as person:
        await become_owner(parley, person)

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65_536

        url = f"{person.url}/api/chat/conversations/{person.conversation}/files"
        headers = {"origin": person.url, "content-type": "application/octet-stream", "x-file-name": "endless"}
        try:
            async with person.http.post(url, data=endless(), headers=headers) as response:
                assert response.status == 413
        except aiohttp.ClientError:  # the server hangs up on who goes on sending
            assert await redis.keys("*:file.*") == []
        assert (await upload(person, bytes(100_001), "large.bin"))[0] == 413
        assert (await upload(person, bytes(100_000), "fits.bin"))[0] == 201
