"""A served web application around two parrots: one for the chat page, one for the API."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
import uvicorn
from redis.asyncio import Redis

from bot.feedback import Feedback
from bot.journal import RedisJournal
from bot.keys import ApiKeys
from bot.store import Keys
from bot.uploads import RedisUploads
from bot.web.app import Readiness, WebDependencies, create_app
from channels.base import ChannelContext, State, Webhook
from channels.web import WebChannel
from channels.web_files import WebFiles
from config.loader import Configuration, load_configuration
from tests.unit.bot.web.parrot import Parrot

T = TypeVar("T")
FILES = {
    "parley.yaml": "http: {body_max_bytes: 50000}\nlimits: {attachment_max_bytes: 1000000}\n",
    "assistants/handbook.yaml": """
description: Answers about the staff handbook
opening: Ask me about the **handbook**.
questions: ["How many days of leave do I have?", "年假有几天？"]
""",
    "assistants/translator.yaml": "description: Translates\n",
}
KNOWLEDGE = {"handbook": "ready"}


class Forgetful:
    async def get(self, key: str) -> str | None:
        return None

    async def set(self, key: str, value: str, *, ttl_s: float) -> None:
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        raise NotImplementedError


@dataclass
class Site:
    """Everything of the served application that a test may look at or change."""

    chat: Parrot
    api: Parrot
    keys: ApiKeys
    feedback: Feedback
    deps: WebDependencies
    webhooks: dict[tuple[str, str], Webhook] = field(default_factory=dict)
    readiness: Readiness = field(default_factory=lambda: Readiness(store=True, accepting=True, knowledge=KNOWLEDGE))
    url: str = ""
    trusted: bool = False
    """Whether visitors may send files."""

    @property
    def headers(self) -> dict[str, str]:
        """What a browser on the page would send along."""
        return {"origin": self.url, "content-type": "application/json"}

    def reopen(self) -> None:
        """Undo `deps.close_streams`."""
        for parrot in (self.chat, self.api):
            assert parrot.channel
            parrot.channel.closed = False


@contextlib.asynccontextmanager
async def make_site(redis: Redis, folder: Path, configuration: Configuration) -> AsyncIterator[Site]:
    chat, api, state = Parrot(), Parrot(), Forgetful()
    async with aiohttp.ClientSession() as http:
        chat.channel = _channel("web", chat, redis, folder, http, state)
        api.channel = _channel("api", api, redis, folder, http, state)
        deps = WebDependencies(
            chat=chat.channel,
            api=api.channel,
            webhooks=lambda platform, account: site.webhooks.get((platform, account)),
            configuration=lambda: configuration,
            keys=ApiKeys(redis, "parley:api_keys"),
            feedback=Feedback(redis, "parley:{feedback}"),
            readiness=lambda: _answer(site.readiness),
            metrics=lambda: b"parley_up 1\n",
            cancel=api.cancel,
            may_send_files=lambda sender: _answer(site.trusted),
        )
        site = Site(chat=chat, api=api, keys=deps.keys, feedback=deps.feedback, deps=deps)
        async with serve(site):
            yield site
        await chat.close()
        await api.close()


async def _answer(value: T) -> T:
    return value


def _channel(
    name: str, parrot: Parrot, redis: Redis, folder: Path, http: aiohttp.ClientSession, state: State
) -> WebChannel:
    context = ChannelContext(deliver=parrot, state=state, http=http, public_url=None, data_dir=folder)
    journal = RedisJournal(redis, Keys().of, ttl_s=600)
    files = WebFiles(RedisUploads(redis, Keys().of, "parley:uploads", bytes_max=lambda: 2_500_000))
    late = name == "web"
    return WebChannel(name, "default", context, journal, files=files if late else None, late_readers=late)


@contextlib.asynccontextmanager
async def serve(site: Site) -> AsyncIterator[None]:
    """Serve the site; on leaving, streams end as they do when the process stops."""
    listener = socket.create_server(("127.0.0.1", 0))
    site.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(create_app(site.deps), lifespan="off", log_config=None, ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        site.deps.close_streams()
        await server.shutdown(sockets=[listener])


@pytest.fixture(scope="session")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("configuration")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return load_configuration(folder, environment={}, folder=folder)


@pytest.fixture
async def site(redis: Redis, tmp_path: Path, configuration: Configuration) -> AsyncIterator[Site]:
    async with make_site(redis, tmp_path, configuration) as site:
        yield site


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser without a page: it keeps its cookie."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(site.url, cookie_jar=jar, headers=site.headers) as session:
        async with session.get("/api/chat/bootstrap") as response:
            assert response.status == 200
        yield session
