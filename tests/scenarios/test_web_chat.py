"""The chat page in a real browser, over the whole durable path and the shipped assistant."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from redis.asyncio import Redis

from config.loader import DEFAULTS
from tests.browser import chat_page, needs_chromium, open_browser
from tests.running import PLAIN, running
from tests.simulators.llm import LLMSimulator, fail, say

pytestmark = [*needs_chromium, pytest.mark.timeout(90)]

SHIPPED = (DEFAULTS / "assistants" / "assistant.yaml").read_text(encoding="utf-8")
FOLLOWED = PLAIN.replace("follow_ups: {enabled: false}", "follow_ups: {enabled: true, count: 1}")


async def test_the_first_run_answers_in_both_languages_with_the_right_source(tmp_path: Path) -> None:
    async with (
        running(tmp_path, assistants={"assistant": SHIPPED}) as parley,
        open_browser() as browser,
        chat_page(browser, parley.url) as chat,
    ):
        page = chat.page
        expect.set_options(timeout=60_000)  # the first question waits for the knowledge base
        await chat.ask("How many days of annual leave do I get?")
        await page.locator(".bot .prose button.cite").first.click()
        chosen = page.locator("#source-list > .chosen")
        await expect(chosen).to_contain_text("annual-leave.md")
        await expect(chosen.locator(".excerpt")).not_to_be_empty()
        await page.keyboard.press("Escape")
        answer = await chat.ask("年假有几天？")
        assert "年假" in answer
        await expect(page.locator(".exchange").nth(1).locator(".source").first).to_contain_text("年假")
        chat.check()


async def test_streaming_stopping_and_commands(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley,
        open_browser() as browser,
        chat_page(browser, parley.url) as chat,
    ):
        page = chat.page
        assert await chat.ask("hello") == "echo: hello"
        llm.chunk_delay_s = 0.2
        await chat.write("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen")
        await expect(page.locator(".live .prose")).to_contain_text("echo: one")
        await page.get_by_role("button", name="Stop answering").click()
        await expect(page.locator(".bot.notice")).to_contain_text("Stopped")
        await expect(page.get_by_role("button", name="Stop answering")).to_be_hidden()
        llm.chunk_delay_s = 0
        await chat.write("/help")
        await expect(page.locator(".exchange").last.locator(".bot.notice")).to_contain_text("/new")
        await page.reload()
        await expect(page.locator(".exchange")).to_have_count(3)
        chat.check()


async def test_follow_ups_and_failures(tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator) -> None:
    llm.script(say("An answer."), say('["What about tomorrow?"]'), fail(400, "no"))
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url, assistants={"plain": FOLLOWED}) as parley,
        open_browser() as browser,
        chat_page(browser, parley.url) as chat,
    ):
        page = chat.page
        await chat.ask("Question")
        await page.get_by_role("button", name="What about tomorrow?").click()
        await expect(page.locator(".bot.failure")).to_contain_text("refused")
        llm.script(say("Now it works."), say("[]"))
        await page.get_by_role("button", name="Retry").click()
        await expect(page.locator(".exchange").last.locator(".prose")).to_have_text("Now it works.")
        chat.check()


async def test_two_quick_messages_are_each_answered_below_themselves(
    tmp_path: Path, redis: Redis, valkey_url: str, llm: LLMSimulator
) -> None:
    llm.delay_s = 0.2
    async with (
        running(tmp_path, valkey_url=valkey_url, model_url=llm.base_url) as parley,
        open_browser() as browser,
        chat_page(browser, parley.url) as chat,
    ):
        await chat.write("first")
        await chat.write("second")
        for number, text in enumerate(("first", "second")):
            exchange = chat.page.locator(".exchange").nth(number)
            await expect(exchange.locator(".person p")).to_have_text(text)
            await expect(exchange.locator(".bot .prose")).to_have_text(f"echo: {text}")
        chat.check()
