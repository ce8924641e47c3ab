"""Web clients: how long until the first streamed token, and until a webhook is acknowledged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import uuid4

import aiohttp

LONG_S = 30.0
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # pragma: allowlist secret


async def first_token_direct(http: aiohttp.ClientSession, url: str, text: str) -> float:
    """Return the seconds from the request to the model's first text."""
    messages = [{"role": "user", "content": text}]
    body = {"model": "gpt-4o-mini", "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    began = perf_counter()
    async with http.post(f"{url}/chat/completions", json=body) as response:
        found = None
        async for line in response.content:
            if found is None and line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    found = perf_counter() - began
    assert found is not None
    return found


class Visitor:
    """A browser at the chat page, following one conversation."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession(headers={"Origin": url}, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._conversation = uuid4().hex
        self._reader: asyncio.Task[None] | None = None
        self._first: asyncio.Future[float] | None = None
        self._last: asyncio.Future[float] | None = None

    async def open(self) -> None:
        """Get the cookie and begin to follow."""
        async with self._http.get(f"{self._url}/api/chat/bootstrap") as response:
            response.raise_for_status()
        ready = asyncio.Event()
        self._reader = asyncio.create_task(self._follow(ready))
        await asyncio.wait_for(ready.wait(), LONG_S)

    async def ask(self, text: str) -> tuple[float, float]:
        """Return the seconds until the first text, and until the whole answer."""
        loop = asyncio.get_running_loop()
        self._first, self._last = loop.create_future(), loop.create_future()
        began = perf_counter()
        body = {"id": uuid4().hex, "text": text}
        async with self._http.post(f"{self._path}/messages", json=body) as response:
            response.raise_for_status()
        last = await asyncio.wait_for(self._last, LONG_S)
        first = self._first.result() if self._first.done() else last
        return first - began, last - began

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._http.close()

    @property
    def _path(self) -> str:
        return f"{self._url}/api/chat/conversations/{self._conversation}"

    async def _follow(self, ready: asyncio.Event) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._http.get(f"{self._path}/events", timeout=timeout) as response:
            response.raise_for_status()
            event = ""
            async for line in response.content:
                if line.startswith(b"event: "):
                    event = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    self._seen(event, json.loads(line[6:]), ready)

    def _seen(self, event: str, data: dict[str, Any], ready: asyncio.Event) -> None:
        now = perf_counter()
        if event == "ready":
            ready.set()
        elif event == "progress" and data["kind"] == "text" and data["text"]:
            if self._first and not self._first.done():
                self._first.set_result(now)
        elif event == "entry" and _is_answer(data) and self._last and not self._last.done():
            self._last.set_result(now)


def _is_answer(entry: dict[str, Any]) -> bool:
    return entry["type"] == "bot" and entry.get("kind", "answer") in ("answer", "failure")


async def webhook_storm(
    http: aiohttp.ClientSession,
    url: str,
    secret: str,
    update: Callable[[int], dict[str, Any]],
    *,
    per_s: int,
    seconds: float,
) -> list[float]:
    """Post updates at a steady rate, however slowly they are answered; return the seconds each took."""
    took: list[float] = []

    async def one(number: int) -> None:
        began = perf_counter()
        async with http.post(url, json=update(number), headers={SECRET_HEADER: secret}) as response:
            await response.read()
            response.raise_for_status()
        took.append(perf_counter() - began)

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_s - perf_counter()))
            group.create_task(one(number))
    return took
