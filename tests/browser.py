"""A real headless Chromium for the tests that are marked `browser`; nothing is installed for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 10_000


NO_CHROMIUM = "no Chromium here: apt-get install chromium, or put chromium or google-chrome on the PATH"
needs_chromium = (pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM))
"""The marks of a module that drives the browser; it is skipped where the machine has none."""


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class ChatPage:
    """The chat page as a person uses it; fails on script errors, and on requests to anywhere else."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: self.requests.append(request.url))

    async def open(self, address: str = "/") -> None:
        await self.page.goto(f"{self.url}{address}")
        await self.ready()

    async def ready(self) -> None:
        await expect(self.page.locator("#transcript[data-ready]")).to_be_attached()

    async def write(self, text: str) -> None:
        """Type a message and press Enter."""
        await self.page.fill("#composer-text", text)
        await self.page.press("#composer-text", "Enter")

    async def ask(self, text: str) -> str:
        """Send a message and return the text of its answer."""
        count = await self.page.locator(".bot:not(.live)").count()
        await self.write(text)
        answer = self.page.locator(".bot:not(.live)").nth(count)
        await expect(answer).to_be_visible()
        return await answer.locator(".prose").first.inner_text()

    @property
    def conversation(self) -> str:
        return self.page.url.partition("#")[2]

    def check(self, *, expected: str = "$^") -> None:
        """Nothing went wrong in the page, apart from what is expected, and nothing left for another host."""
        assert [text for text in self.complaints if not re.search(expected, text)] == []
        assert [url for url in self.requests if not url.startswith((self.url, "data:", "blob:"))] == []


@asynccontextmanager
async def chat_page(browser: Browser, url: str, **options: Any) -> AsyncIterator[ChatPage]:
    """Open the page as a new visitor, in English unless `locale` says otherwise."""
    context = await browser.new_context(**{"locale": "en-US", "viewport": {"width": 1200, "height": 800}, **options})
    try:
        yield await another_tab(context, url)
    finally:
        await context.close()


async def another_tab(context: BrowserContext, url: str, address: str = "/") -> ChatPage:
    """Open the page in one more tab of the same visitor."""
    chat = ChatPage(await context.new_page(), url)
    await chat.open(address)
    return chat
