"""The code of docs/adding-a-channel.md and docs/adding-a-tool.md, taken from the pages and run in a whole Parley."""

from __future__ import annotations

import asyncio
import hmac
import importlib
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from tests.running import PLAIN, running, visitor
from tests.simulators.llm import LLMSimulator, call, say

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, language: str, number: int = 0) -> str:
    """Return a fenced block of a page, without the indent that it has in a list."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(rf"^([ ]*)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    indent, body = found[number]
    return re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put a page's module and entry point where an installed package has them."""
    modules: list[str] = []

    def installed(page: str, module: str) -> None:
        site = tmp_path / "site"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(block(page, "python"), encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
        group, line = re.search(r'entry-points\."(.+)"\]\n(.+)', block(page, "toml")).groups()  # type: ignore[union-attr]
        (info / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n", encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        modules.append(module)

    yield installed
    for module in modules:
        sys.modules.pop(module, None)


@asynccontextmanager
async def other_side(*failures: int) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """The system behind the hook channel: its address, and what it took; it begins with `failures`, by status."""
    received: list[dict[str, Any]] = []
    statuses = list(failures)

    async def take(request: web.Request) -> web.Response:
        if statuses:
            return web.Response(status=statuses.pop(0))
        received.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", received
    finally:
        await runner.cleanup()


async def test_the_documented_channel_answers_once_and_survives_a_failing_platform(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator, install: Any
) -> None:
    install("adding-a-channel.md", "parley_hook")
    settings = block("adding-a-channel.md", "yaml")
    async with other_side(503) as (url, received):
        environment = {"HOOK_SECRET": "for a test", "HOOK_REPLY_URL": url}
        async with running(
            tmp_path, valkey_url=valkey_url, model_url=llm.base_url, settings=settings, environment=environment
        ) as parley:
            body = json.dumps({"id": "1", "chat": "room-7", "user": "ada", "text": "hello"}).encode()
            signature = hmac.digest(b"for a test", body, "sha256").hex()
            address = f"{parley.url}/webhooks/hook/default"

            async def post(signed: str) -> tuple[int, str]:
                async with parley.http.post(address, data=body, headers={"X-Signature": signed}) as response:
                    return response.status, await response.text()

            async with asyncio.timeout(10):
                while ("hook", "default") not in parley.app.gateway.connections:  # type: ignore[union-attr]
                    await asyncio.sleep(0.01)
            assert (await post("forged"))[0] == 403
            assert await post(signature) == (200, "accepted")
            assert await post(signature) == (200, "duplicate")
            async with asyncio.timeout(10):
                while not received:
                    await asyncio.sleep(0.02)
    assert [(item["chat"], item["text"]) for item in received] == [("room-7", "echo: hello")]


async def test_the_documented_tool_is_called_and_its_result_reaches_the_model(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator, install: Any
) -> None:
    install("adding-a-tool.md", "parley_workdays")
    planner = f"{PLAIN.replace('prompt: You are a test.', '')}{block('adding-a-tool.md', 'yaml')}"
    llm.script(call("working_days", {"first": "2026-05-01", "last": "2026-05-10"}), say("Six days."))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": planner}) as parley,
        visitor(parley) as anna,
    ):
        answer = await anna.ask("How many working days are there from 1 to 10 May 2026?")
    assert answer["content"] == "Six days."
    told = [message["content"] for message in llm.requests[-1].body["messages"] if message["role"] == "tool"]
    assert told == ["6 working days from 2026-05-01 to 2026-05-10"]
    llm.assert_done()
