"""Files over the chat page's API: who may send them, how large, where they belong, and that a message names them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from redis.asyncio import Redis

from channels.errors import Refused, TooLarge, Unsupported
from channels.types import Attachment
from channels.web_files import file_name
from tests.unit.bot.web.conftest import Site

TALK, OTHER = "/api/chat/conversations/talk-0001", "/api/chat/conversations/talk-0002"
CONTENT = os.urandom(700_000)


@pytest.fixture
async def admin(site: Site, visitor: aiohttp.ClientSession) -> aiohttp.ClientSession:
    site.trusted = True
    return visitor


def headers(name: str = "报销 制度.pdf") -> dict[str, str]:
    return {"content-type": "application/octet-stream", "x-file-name": quote(name)}


async def upload(
    session: aiohttp.ClientSession, content: Any = CONTENT, *, path: str = TALK, **options: Any
) -> tuple[int, dict[str, Any]]:
    options.setdefault("headers", headers())
    async with session.post(f"{path}/files", data=content, **options) as response:
        return response.status, await response.json()


async def say(session: aiohttp.ClientSession, *files: str, path: str = TALK, **fields: Any) -> tuple[int, Any]:
    body = {"id": "message-1", "files": list(files), **fields}
    async with session.post(f"{path}/messages", json=body) as response:
        return response.status, await response.json()


async def fetch(site: Site, number: int = 0) -> bytes:
    (attachment,) = site.chat.received[number].attachments
    assert site.chat.channel
    return await site.chat.channel.download(attachment, size_max_bytes=1_000_000)


async def test_a_message_carries_the_files_that_it_names(site: Site, admin: aiohttp.ClientSession) -> None:
    status, uploaded = await upload(admin)
    assert status == 201
    assert uploaded == {
        "id": uploaded["id"],
        "name": "报销 制度.pdf",
        "size_bytes": len(CONTENT),
        "media_type": "application/pdf",
    }
    assert await say(admin, uploaded["id"], text="/kb add") == (200, {"status": "accepted"})
    (message,) = site.chat.received
    assert (message.text, message.kind) == ("/kb add", "command")
    (attachment,) = message.attachments
    assert (attachment.name, attachment.kind, attachment.size_bytes) == ("报销 制度.pdf", "file", len(CONTENT))
    assert await fetch(site) == CONTENT


async def test_a_message_may_be_nothing_but_files(site: Site, admin: aiohttp.ClientSession) -> None:
    _, one = await upload(admin, b"one", headers=headers("one.png"))
    _, two = await upload(admin, b"two")
    assert (await say(admin, one["id"], two["id"], one["id"]))[0] == 200
    assert [attachment.kind for attachment in site.chat.received[0].attachments] == ["image", "file"]


async def test_a_message_without_text_and_files_is_none(site: Site, admin: aiohttp.ClientSession) -> None:
    assert (await say(admin))[0] == 400
    assert (await say(admin, *(f"file-{number:04}" for number in range(11)), text="many"))[0] == 400
    assert site.chat.received == []


async def test_a_page_that_is_loaded_again_shows_which_files_were_sent(
    site: Site, admin: aiohttp.ClientSession
) -> None:
    _, uploaded = await upload(admin, b"12345")
    await say(admin, uploaded["id"], text="Look")
    assert site.chat.channel
    entries = await site.chat.channel.read(site.chat.received[0].conversation)
    assert entries[0].fields["files"] == [{"name": "报销 制度.pdf", "size_bytes": 5}]
    assert site.chat.received[0].conversation.key not in entries[0].data


async def test_the_same_message_again_is_no_second_one(site: Site, admin: aiohttp.ClientSession) -> None:
    _, uploaded = await upload(admin, b"12345")
    answers = [(await say(admin, uploaded["id"], text="Look"))[1]["status"] for _ in range(3)]
    assert answers == ["accepted", "duplicate", "duplicate"]
    assert await fetch(site) == b"12345"


async def test_who_is_no_administrator_sends_no_files(site: Site, visitor: aiohttp.ClientSession, redis: Redis) -> None:
    status, answer = await upload(visitor)
    assert status == 403
    assert "administrators" in answer["error"]
    assert "管理员" in answer["error"]
    assert await redis.keys("*file*") == []
    async with visitor.get("/api/chat/bootstrap") as response:
        assert (await response.json())["files"] is None


async def test_the_page_is_told_what_an_administrator_may_send(admin: aiohttp.ClientSession, site: Site) -> None:
    async with admin.get("/api/chat/bootstrap") as response:
        assert (await response.json())["files"] == {"max_bytes": 1_000_000, "max_count": 10}
    async with aiohttp.ClientSession(site.url) as stranger, stranger.get("/api/chat/bootstrap") as response:
        assert (await response.json())["files"] is None


async def test_a_file_of_another_conversation_cannot_be_named(site: Site, admin: aiohttp.ClientSession) -> None:
    _, uploaded = await upload(admin, path=OTHER)
    status, answer = await say(admin, uploaded["id"], text="Look")
    assert status == 410
    assert "文件已失效" in answer["error"]
    assert site.chat.received == []


async def test_another_visitor_cannot_name_it_either(site: Site, admin: aiohttp.ClientSession) -> None:
    _, uploaded = await upload(admin)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(site.url, cookie_jar=jar, headers=site.headers) as stranger:
        async with stranger.get("/api/chat/bootstrap"):
            pass
        assert (await say(stranger, uploaded["id"], text="Look"))[0] == 410


async def test_a_file_that_has_expired_cannot_be_named(site: Site, admin: aiohttp.ClientSession, redis: Redis) -> None:
    _, uploaded = await upload(admin)
    await say(admin, uploaded["id"], text="Look")
    for key in await redis.keys("*:file.*"):
        await redis.delete(key)
    assert (await say(admin, uploaded["id"], text="Look again", id="message-2"))[0] == 410
    with pytest.raises(Refused):
        await fetch(site)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_file_that_is_too_large_is_refused(admin: aiohttp.ClientSession, redis: Redis, declared: bool) -> None:
    content = b"x" * 1_000_001

    async def stream() -> AsyncIterator[bytes]:
        yield content

    status, answer = await upload(admin, content if declared else stream())
    assert (status, answer) == (413, {"error": "the body is larger than 1000000 bytes"})
    assert await redis.keys("*:file.*") == []
    assert (await upload(admin, content[:1_000_000]))[0] == 201


async def test_a_file_larger_than_asked_for_is_not_given_out(site: Site, admin: aiohttp.ClientSession) -> None:
    _, uploaded = await upload(admin)
    await say(admin, uploaded["id"])
    assert site.chat.channel
    with pytest.raises(TooLarge):
        await site.chat.channel.download(site.chat.received[0].attachments[0], size_max_bytes=10)


async def test_one_visitor_can_store_only_so_much(admin: aiohttp.ClientSession) -> None:
    answers = [await upload(admin) for _ in range(4)]
    assert [status for status, _ in answers] == [201, 201, 201, 429]
    assert "稍后" in answers[-1][1]["error"]
    async with admin.delete(f"{TALK}/files/{answers[0][1]['id']}") as response:
        assert response.status == 200
    assert (await upload(admin))[0] == 201


async def test_what_was_taken_away_again_is_gone(admin: aiohttp.ClientSession, redis: Redis) -> None:
    _, uploaded = await upload(admin)
    async with admin.delete(f"{TALK}/files/{uploaded['id']}"):
        pass
    assert (await say(admin, uploaded["id"]))[0] == 410
    assert await redis.keys("*:file.*") == []
    async with admin.delete(f"{TALK}/files/..") as response:
        assert response.status in (404, 405)


FOREIGN: list[tuple[dict[str, str], int]] = [
    ({"origin": "https://evil.example"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ({"content-type": "multipart/form-data; boundary=x"}, 415),
    ({"content-type": "text/plain"}, 415),
    ({"x-file-name": ""}, 400),
    ({"x-file-name": "%20"}, 400),
]


@pytest.mark.parametrize(("changed", "status"), FOREIGN)
async def test_a_page_of_another_site_cannot_send_files(
    admin: aiohttp.ClientSession, redis: Redis, changed: dict[str, str], status: int
) -> None:
    assert (await upload(admin, b"x", headers={**headers(), **changed}))[0] == status
    assert await redis.keys("*:file.*") == []


async def test_without_the_cookie_there_is_no_upload(site: Site) -> None:
    site.trusted = True
    async with aiohttp.ClientSession(site.url, headers=site.headers) as session:
        assert (await upload(session, b"x"))[0] == 401


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\anna\报销.pdf", "报销.pdf"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x00b\n.txt", "ab.txt"),
        ("..", "file"),
        ("/", "file"),
        ("长" * 300 + ".docx", "长" * 115 + ".docx"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_name_is_cleaned(given: str, name: str) -> None:
    assert file_name(given) == name


async def test_the_api_gives_no_files_out(site: Site) -> None:
    assert site.api.channel
    with pytest.raises(Unsupported):
        await site.api.channel.download(Attachment(id="x/y", kind="file"), size_max_bytes=10)
