"""Files in the chat page, in a real browser: what an administrator adds answers the next question."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import FilePayload, expect
from redis.asyncio import Redis

from tests.browser import another_tab, chat_page, needs_chromium, open_browser
from tests.scenarios.test_kb_chat import PARKING, PERMIT, house
from tests.simulators.llm import LLMSimulator
from tests.unit.knowledge.office import pdf

pytestmark = [*needs_chromium, pytest.mark.timeout(90)]


async def test_an_administrator_adds_a_document_watches_it_and_asks_about_it(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    content = pdf([[PARKING.splitlines()[2]]], title="Parking")
    async with (
        house(tmp_path, valkey_url, llm) as parley,
        open_browser() as browser,
        chat_page(browser, parley.url) as chat,
        chat_page(browser, parley.url) as other,
    ):
        page = chat.page
        attach = page.get_by_role("button", name="Attach files")
        await expect(attach).to_be_hidden()
        code = await parley.app.access.owner_code()
        assert "owner" in await chat.ask(f"/claim {code}")
        await expect(attach).to_be_visible()
        async with page.expect_file_chooser() as chooser:
            await attach.click()
        await (await chooser.value).set_files(
            FilePayload(name="parking.pdf", mimeType="application/pdf", buffer=content)
        )
        await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(1)
        await page.evaluate(WATCH)
        assert "Added to house" in await chat.ask("/kb add")
        assert "parking.pdf" in " ".join(await page.evaluate("window.steps"))
        await chat.ask(PERMIT)
        await expect(page.locator(".exchange").last.locator(".source")).to_contain_text("Parking")
        # The right is the visitor's own, also in another tab; nobody else has it.
        tab = await another_tab(page.context, parley.url)
        await expect(tab.page.get_by_role("button", name="Attach files")).to_be_visible()
        await expect(other.page.get_by_role("button", name="Attach files")).to_be_hidden()
        assert "administrators only" in await other.ask("/kb add https://example.com/a")
        chat.check()


WATCH = """() => {
  window.steps = [];
  const look = () => {
    for (const step of document.querySelectorAll(".live .status span:last-child")) window.steps.push(step.textContent);
  };
  new MutationObserver(look).observe(document.querySelector("#transcript"), { subtree: true, childList: true });
}"""
"""Notes whatever a running command says it is doing."""
