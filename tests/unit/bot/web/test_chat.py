"""The chat page's API: a visitor's conversations are their own, sending is once, and following resumes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.unit.bot.web.conftest import Site
from tests.unit.bot.web.parrot import Lesson

TALK = "/api/chat/conversations/talk-0001"
HELLO = {"id": "message-1", "text": "Hello"}


async def follow(session: aiohttp.ClientSession, path: str = TALK, **options: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a conversation as dictionaries of their fields."""
    async with session.get(f"{path}/events", **options) as response:
        assert response.status == 200
        event: dict[str, Any] = {}
        async for line in response.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                event[name] = json.loads(value) if name == "data" else value
            else:
                if "event" in event:
                    yield event
                event = {}


async def until(events: AsyncIterator[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events up to the first entry of that type, or event of that name."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        async for event in events:
            seen.append(event)
            if kind in (event.get("event"), event.get("data", {}).get("type")):
                return seen
    raise AssertionError(f"the stream ended without {kind}: {seen}")


async def test_bootstrap_introduces_the_assistants(visitor: aiohttp.ClientSession) -> None:
    async with visitor.get("/api/chat/bootstrap") as response:
        answer = await response.json()
    assert answer["assistant"] == "handbook"
    assert [assistant["name"] for assistant in answer["assistants"]] == ["handbook", "translator"]
    assert answer["assistants"][0]["opening"] == "Ask me about the **handbook**."
    assert "prompt" not in str(answer)


async def test_a_new_visitor_gets_a_cookie_that_no_script_can_read(site: Site) -> None:
    async with aiohttp.ClientSession(site.url) as session, session.get("/") as response:
        cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert len(cookie.partition("=")[2].partition(";")[0]) == 43


async def test_behind_https_the_cookie_is_secure(site: Site) -> None:
    headers = {"x-forwarded-proto": "https"}
    async with aiohttp.ClientSession(site.url) as session, session.get("/", headers=headers) as response:
        assert "Secure" in response.headers["set-cookie"]


async def test_a_message_is_answered_on_the_stream(site: Site, visitor: aiohttp.ClientSession) -> None:
    site.chat.lessons["Hello"] = Lesson(pieces=["Hi ", "there"], step="Thinking", pause_s=0.01)
    events = follow(visitor)
    assert [event["event"] for event in await until(events, "ready")][-1] == "ready"
    async with visitor.post(f"{TALK}/messages", json=HELLO) as response:
        assert await response.json() == {"status": "accepted"}
    seen = await until(events, "bot")
    progress = [event["data"] for event in seen if event["event"] == "progress"]
    assert [item["kind"] for item in progress][:2] == ["started", "step"]
    assert "".join(item["text"] for item in progress if item["kind"] == "text") == "Hi there"
    answer = seen[-1]["data"]
    assert (answer["content"], answer["in_reply_to"]) == ("Hi there", "message-1")


async def test_sending_again_under_the_same_id_is_once(site: Site, visitor: aiohttp.ClientSession) -> None:
    answers = []
    for _ in range(3):
        async with visitor.post(f"{TALK}/messages", json=HELLO) as response:
            answers.append((await response.json())["status"])
    assert answers == ["accepted", "duplicate", "duplicate"]
    assert len(site.chat.received) == 1


async def test_the_stream_resumes_behind_the_last_event_that_was_seen(visitor: aiohttp.ClientSession) -> None:
    async with visitor.post(f"{TALK}/messages", json=HELLO):
        first = await until(follow(visitor), "person")
    last = next(event["id"] for event in first if event["event"] == "entry")
    for options in ({"headers": {"Last-Event-ID": last}}, {"params": {"after": last}}):
        seen = await until(follow(visitor, **options), "bot")
        assert "person" not in [event["data"].get("type") for event in seen if event["event"] == "entry"]


async def test_another_visitor_sees_nothing_of_it(site: Site, visitor: aiohttp.ClientSession) -> None:
    async with visitor.post(f"{TALK}/messages", json=HELLO):
        await until(follow(visitor), "bot")
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(site.url, cookie_jar=jar) as stranger, stranger.get("/api/chat/bootstrap"):
        seen = await until(follow(stranger), "ready")
    assert [event["event"] for event in seen] == ["ready"]


@pytest.mark.parametrize("cookie", ["", "short", "x" * 44, "../../../../etc/passwd-aaaaaaaaaaaaaaaaaaaaa"])
async def test_without_a_proper_cookie_there_is_no_conversation(site: Site, cookie: str) -> None:
    async with aiohttp.ClientSession(
        site.url, headers={**site.headers, "cookie": f"parley_visitor={cookie}"}
    ) as session:
        for request in (session.get(f"{TALK}/events"), session.post(f"{TALK}/messages", json=HELLO)):
            async with request as response:
                assert response.status == 401
    assert site.chat.received == []


async def test_nothing_stored_can_be_used_as_the_cookie(site: Site, visitor: aiohttp.ClientSession) -> None:
    async with visitor.post(f"{TALK}/messages", json=HELLO):
        user = site.chat.received[0].sender.user
    assert len(user) == 32
    assert user not in [cookie.value for cookie in visitor.cookie_jar]


FOREIGN: list[tuple[dict[str, str], int]] = [
    ({"origin": "https://evil.example"}, 403),
    ({"origin": ""}, 403),
    ({"origin": "null"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"sec-fetch-site": "same-site"}, 403),
    ({"content-type": "text/plain"}, 415),
    ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ({"host": "rebound.example", "origin": "http://rebound.example"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), FOREIGN)
async def test_a_page_of_another_site_cannot_send(
    site: Site, visitor: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    for path in ("messages", "feedback"):
        async with visitor.post(f"{TALK}/{path}", data=json.dumps(HELLO), headers=headers) as response:
            assert response.status == status
    assert site.chat.received == []


async def test_the_browsers_own_word_for_the_origin_is_enough(visitor: aiohttp.ClientSession) -> None:
    headers = {"sec-fetch-site": "same-origin"}
    async with visitor.post(f"{TALK}/messages", json=HELLO, headers=headers) as response:
        assert response.status == 200


BAD: list[dict[str, Any]] = [
    {},
    {"id": "short", "text": "x"},
    {"id": "message-1", "text": ""},
    {"id": "message 1!", "text": "x"},
    {"id": "message-1", "text": "x", "kind": "event"},
    {"id": "message-1", "text": "x", "assistant": "handbook"},
    {"id": "message-1", "text": 7},
]


@pytest.mark.parametrize("body", BAD)
async def test_a_malformed_message_is_refused(site: Site, visitor: aiohttp.ClientSession, body: dict[str, Any]) -> None:
    async with visitor.post(f"{TALK}/messages", json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]
    assert site.chat.received == []


async def test_a_conversation_id_that_is_none_is_not_found(visitor: aiohttp.ClientSession) -> None:
    for conversation in ("short", "a" * 65, "with:colon", "with%2Fslash"):
        async with visitor.get(f"/api/chat/conversations/{conversation}/events") as response:
            assert response.status == 404


async def test_a_body_that_is_too_large_is_refused(visitor: aiohttp.ClientSession) -> None:
    async with visitor.post(f"{TALK}/messages", json={**HELLO, "text": "x" * 60_000}) as response:
        assert response.status == 413


async def test_a_busy_conversation_is_429(site: Site, visitor: aiohttp.ClientSession) -> None:
    site.chat.busy = 1
    async with visitor.post(f"{TALK}/messages", json=HELLO) as response:
        assert response.status == 429
        assert await response.json() == {"status": "busy"}


async def test_a_store_that_is_away_is_503_and_the_retry_is_once(site: Site, visitor: aiohttp.ClientSession) -> None:
    site.chat.failure = lambda: RedisConnectionError("gone")
    async with visitor.post(f"{TALK}/messages", json=HELLO) as response:
        assert response.status == 503
    site.chat.failure = None
    async with visitor.post(f"{TALK}/messages", json=HELLO) as response:
        assert response.status == 200
    seen = await until(follow(visitor), "bot")
    assert [event["data"]["type"] for event in seen if event.get("event") == "entry"] == ["person", "bot"]


async def test_the_stop_button_stops_and_leaves_no_message_of_the_person(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    site.chat.lessons["Hello"] = Lesson(pieces=["word "], endless=True, pause_s=0.01)
    events = follow(visitor)
    async with visitor.post(f"{TALK}/messages", json=HELLO):
        await until(events, "progress")
    stop = {"id": "message-2", "text": "/stop", "kind": "command"}
    async with visitor.post(f"{TALK}/messages", json=stop):
        seen = await until(events, "bot")
    assert seen[-1]["data"]["outcome"] == "stopped"
    assert site.chat.received[-1].kind == "command"
    seen = await until(follow(visitor), "bot")
    assert [event["data"]["text"] for event in seen if event["data"].get("type") == "person"] == ["Hello"]


async def test_an_opinion_is_recorded_and_shown_again(site: Site, visitor: aiohttp.ClientSession) -> None:
    async with visitor.post(f"{TALK}/messages", json=HELLO):
        message = (await until(follow(visitor), "bot"))[-1]["data"]["id"]
    async with visitor.post(f"{TALK}/feedback", json={"message": message, "value": "down"}) as response:
        assert response.status == 200
    assert await site.feedback.totals() == {"up": 0, "down": 1}
    seen = await until(follow(visitor), "opinion")
    assert seen[-1]["data"]["value"] == "down"
    async with visitor.post(f"{TALK}/feedback", json={"message": "another", "value": "up"}) as response:
        assert response.status == 404


async def test_streams_end_when_the_process_stops(site: Site, visitor: aiohttp.ClientSession) -> None:
    events = follow(visitor)
    await until(events, "ready")
    site.deps.close_streams()
    async with asyncio.timeout(2):
        assert [event async for event in events] == []


async def test_a_reader_that_leaves_is_forgotten(site: Site, visitor: aiohttp.ClientSession) -> None:
    assert site.chat.channel
    events = follow(visitor)
    await until(events, "ready")
    listeners = site.chat.channel.broadcast._listeners
    assert len(listeners) == 1
    await events.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(2):
        while listeners:
            await asyncio.sleep(0.01)
