"""A whole Parley in the test's process, and people who talk to it over the web chat's own API."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from bot.app import App
from bot.wiring import BOTH, Role, open_app
from config.loader import load_configuration

PLAIN = """
name: plain
prompt: You are a test.
follow_ups: {enabled: false}
"""
"""An assistant without knowledge, tools or follow-ups."""


def write_files(folder: Path, *, settings: str = "", assistants: Mapping[str, str] | None = None) -> None:
    """Write a configuration: `assistants` maps names to YAML; by default there is only `plain`."""
    (folder / "assistants").mkdir(parents=True, exist_ok=True)
    (folder / "parley.yaml").write_text(settings or "{}\n", encoding="utf-8")
    for name, text in (assistants or {"plain": PLAIN}).items():
        (folder / "assistants" / f"{name}.yaml").write_text(text, encoding="utf-8")


@dataclass(slots=True)
class Running:
    """A process that is up."""

    app: App
    url: str
    http: aiohttp.ClientSession

    async def person(self) -> Person:
        """Return a new visitor of the chat page with a conversation of their own."""
        person = Person(self.url)
        await person.arrive()
        return person


@asynccontextmanager
async def running(
    folder: Path,
    *,
    valkey_url: str = "",
    model_url: str = "",
    settings: str = "",
    assistants: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    roles: frozenset[Role] = BOTH,
) -> AsyncIterator[Running]:
    """Run Parley in this process on a free port. Without `valkey_url` it embeds its own store below `folder`."""
    write_files(folder, settings=settings, assistants=assistants)
    variables = {
        "PARLEY_DATA_DIR": str(folder / "data"),
        "PARLEY_HTTP_PORT": "0",
        "PARLEY_REDIS_URL": valkey_url,
        "OPENAI_BASE_URL": model_url,
        "OPENAI_API_KEY": "sk-test" if model_url else "",
        **(environment or {}),
    }
    load = partial(load_configuration, None, environment=variables, folder=folder)
    async with open_app(load(), load=load, roles=roles) as app, aiohttp.ClientSession() as http:
        yield Running(app=app, url=app.web.url if app.web else "", http=http)
        await app.drain()


class Person:
    """A visitor with one conversation, who reads its events as the page does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.conversation = secrets.token_hex(8)
        self.entries: list[dict[str, Any]] = []
        self.progress: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._reading: asyncio.Task[None] | None = None

    async def arrive(self) -> None:
        """Open the page."""
        async with self.http.get(f"{self.url}/api/chat/bootstrap") as response:
            assert response.status == 200
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(ready))
        await asyncio.wait_for(ready.wait(), 5)

    async def come_back(self) -> None:
        """Load the page again: everything that was said is read anew."""
        await self._stop_reading()
        self.entries, self.progress = [], []
        await self.arrive()

    async def leave(self) -> None:
        """Close the page."""
        await self._stop_reading()
        await self.http.close()

    async def _stop_reading(self) -> None:
        if self._reading:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def upload(self, name: str, content: bytes) -> str:
        """Send a file, for a message to name; return its id."""
        headers = {"origin": self.url, "content-type": "application/octet-stream", "x-file-name": quote(name)}
        url = f"{self.url}/api/chat/conversations/{self.conversation}/files"
        async with self.http.post(url, data=content, headers=headers) as response:
            assert response.status == 201, await response.text()
            return str((await response.json())["id"])

    async def write(self, text: str, *, message_id: str = "", kind: str = "message", files: Sequence[str] = ()) -> str:
        """Send a message and return "accepted", "duplicate" or "busy"."""
        body = {"id": message_id or secrets.token_hex(8), "text": text, "kind": kind, "files": list(files)}
        headers = {"origin": self.url, "content-type": "application/json"}
        url = f"{self.url}/api/chat/conversations/{self.conversation}/messages"
        async with self.http.post(url, data=json.dumps(body), headers=headers) as response:
            return str((await response.json())["status"])

    @property
    def answers(self) -> list[dict[str, Any]]:
        """What the bot has said so far, suggestions apart."""
        return [entry for entry in self.entries if entry["type"] == "bot" and entry.get("kind") != "suggestions"]

    @property
    def texts(self) -> list[str]:
        """The texts of the answers."""
        return [str(answer.get("content", "")) for answer in self.answers]

    @property
    def streamed(self) -> str:
        """All text that was shown while turns were running."""
        return "".join(item["text"] for item in self.progress if item["kind"] == "text")

    async def until(self, count: int, *, timeout_s: float = 20) -> list[str]:
        """Wait until the bot has said `count` things, and return their texts."""
        await self.wait_for(lambda: len(self.answers) >= count, timeout_s=timeout_s)
        return self.texts

    async def ask(self, text: str, *, timeout_s: float = 20, files: Sequence[str] = ()) -> dict[str, Any]:
        """Send a message and return the answer to it."""
        count = len(self.answers)
        assert await self.write(text, files=files) == "accepted"
        await self.until(count + 1, timeout_s=timeout_s)
        return self.answers[count]

    async def wait_for(self, condition: Any, *, timeout_s: float = 20) -> None:
        """Wait until `condition()` holds; it is looked at again with every event."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def _read(self, ready: asyncio.Event) -> None:
        url = f"{self.url}/api/chat/conversations/{self.conversation}/events"
        event = ""
        async with self.http.get(url, timeout=aiohttp.ClientTimeout(total=None)) as response:
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self._take(event, json.loads(line.removeprefix("data: ")), ready)

    def _take(self, event: str, data: dict[str, Any], ready: asyncio.Event) -> None:
        if event == "ready":
            ready.set()
        elif event == "entry":
            self.entries.append(data)
        else:
            self.progress.append(data)
        self._changed.set()


@asynccontextmanager
async def visitor(parley: Running) -> AsyncIterator[Person]:
    """A person who leaves at the end."""
    person = await parley.person()
    try:
        yield person
    finally:
        await person.leave()
