"""Attaching files in the chat page, in a real browser."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect
from redis.asyncio import Redis

from config.loader import Configuration
from tests.browser import ChatPage, chat_page, needs_chromium, open_browser
from tests.unit.bot.web.conftest import Site, make_site
from tests.unit.bot.web.parrot import Lesson

pytestmark = [pytest.mark.asyncio(loop_scope="module"), *needs_chromium]

PDF = {"name": "报销制度.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 " * 100}
TEXT = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"some notes"}
DROP = """([selector, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const target = document.querySelector(selector);
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""
PASTE = """([name, text]) => {
  const data = new DataTransfer();
  if (name) data.items.add(new File(["pixels"], name, { type: "image/png" }));
  if (text) data.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.querySelector("#composer-text").dispatchEvent(event);
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(
    valkey_url: str, tmp_path_factory: pytest.TempPathFactory, configuration: Configuration
) -> AsyncIterator[Site]:
    redis: Redis = Redis.from_url(valkey_url, decode_responses=True)
    await redis.flushall()
    async with make_site(redis, tmp_path_factory.mktemp("site"), configuration) as site:
        site.trusted = True
        yield site
    await redis.aclose()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin_page(browser: Browser, site: Site) -> AsyncIterator[ChatPage]:
    async with chat_page(browser, site.url) as chat:
        yield chat


@pytest_asyncio.fixture(loop_scope="module")
async def chat(site: Site, admin_page: ChatPage) -> AsyncIterator[ChatPage]:
    """The page of an administrator, with a new conversation."""
    chat = admin_page
    site.trusted = True
    site.chat.lessons.clear()
    site.chat.received.clear()
    chat.complaints.clear()
    await chat.page.evaluate("localStorage.clear()")
    await chat.open(f"/?{secrets.token_hex(4)}")
    yield chat
    await chat.page.unroute_all()
    chat.check(expected="status of 4")


async def attach(page: Page, *files: Any) -> None:
    await page.set_input_files("#file-input", list(files))


async def test_attached_files_are_sent_with_the_message(site: Site, chat: ChatPage) -> None:
    page = chat.page
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach files").click()
    await (await chooser.value).set_files([PDF, TEXT])
    tray = page.get_by_role("list", name="Files to send")
    await expect(tray.locator(".file[data-state=ready]")).to_have_count(2)
    await expect(tray).to_contain_text("报销制度.pdf")
    await expect(tray).to_contain_text("900 B")
    await chat.write("/kb add")
    await expect(tray).to_be_hidden()
    await expect(page.locator(".bot .prose")).to_have_text("You said: /kb add")
    names = page.locator(".person .file-name")
    assert await names.all_text_contents() == ["报销制度.pdf", "notes.txt"]
    (message,) = site.chat.received
    assert site.chat.channel
    contents = [await site.chat.channel.download(one, size_max_bytes=10_000) for one in message.attachments]
    assert contents == [PDF["buffer"], TEXT["buffer"]]
    await page.reload()
    await chat.ready()
    assert await names.all_text_contents() == ["报销制度.pdf", "notes.txt"]


async def test_a_message_may_be_a_file_alone(site: Site, chat: ChatPage) -> None:
    send = chat.page.get_by_role("button", name="Send")
    await expect(send).to_be_disabled()
    await attach(chat.page, TEXT)
    await expect(send).to_be_enabled()
    await send.click()
    await expect(chat.page.locator(".person .file")).to_contain_text("notes.txt")
    await expect(chat.page.locator(".person p")).to_have_count(0)
    await expect(chat.page.locator("#conversations")).to_contain_text("notes.txt")
    await expect(chat.page.locator(".bot .prose")).to_be_visible()
    assert [len(message.attachments) for message in site.chat.received] == [1]


async def test_nothing_is_sent_while_a_file_is_under_way(site: Site, chat: ChatPage) -> None:
    page, arrived = chat.page, asyncio.Event()

    async def slowly(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    await page.route("**/files", slowly)
    await attach(page, TEXT)
    await chat.write("Look at this")
    await expect(page.get_by_role("progressbar", name="Uploading notes.txt")).to_be_visible()
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
    await expect(page.locator(".person")).to_have_count(0)
    arrived.set()
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()
    await page.press("#composer-text", "Enter")
    await expect(page.locator(".bot .prose")).to_have_text("You said: Look at this")
    assert len(site.chat.received[0].attachments) == 1


async def test_a_file_can_be_taken_away_again_by_keyboard(site: Site, chat: ChatPage) -> None:
    page = chat.page
    await attach(page, PDF, TEXT)
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(2)
    await page.get_by_role("button", name="Remove 报销制度.pdf").focus()
    async with page.expect_response(lambda response: response.request.method == "DELETE"):
        await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Remove notes.txt")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Attach files")).to_be_focused()
    await expect(page.locator("#tray")).to_be_hidden()
    await chat.ask("Hello")
    assert site.chat.received[0].attachments == ()


async def test_files_can_be_dropped_and_pasted(chat: ChatPage) -> None:
    page = chat.page
    await page.evaluate(DROP, ["#transcript", "dropped.md", "text"])
    await page.evaluate(PASTE, ["image.png", ""])
    await page.evaluate(PASTE, ["picture-of-the-text.png", "text"])
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(2)
    assert await page.locator("#tray .file-name").all_text_contents() == ["dropped.md", "image.png"]
    await expect(page.locator(".drop-hint")).to_be_hidden()


async def test_what_cannot_be_sent_says_why_in_both_languages(chat: ChatPage) -> None:
    page = chat.page
    large = {"name": "large.bin", "mimeType": "application/octet-stream", "buffer": bytes(1_000_001)}
    await attach(page, large)
    failed = page.locator("#tray .file[data-state=failed]")
    await expect(failed).to_contain_text(re.compile(r"Larger than 1(\.0)? MB"))
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
    await page.click("#toggle-language")
    await expect(failed).to_contain_text(re.compile(r"超过 1(\.0)? MB 的上限"))
    await page.get_by_role("button", name="移除 large.bin").click()
    await attach(page, *({**TEXT, "name": f"{number}.txt"} for number in range(11)))
    await expect(page.get_by_role("alert")).to_have_text("一次最多 10 个文件")
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(10)
    await page.click("#toggle-language")


async def test_an_upload_that_broke_off_can_be_tried_again(chat: ChatPage) -> None:
    page = chat.page
    await page.route("**/files", lambda route: route.abort())
    await attach(page, TEXT)
    await expect(page.locator("#tray .file")).to_contain_text("Upload failed")
    await page.unroute_all()
    await page.get_by_role("button", name="Upload notes.txt again").click()
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(1)
    chat.complaints.clear()


async def test_files_that_expired_can_be_attached_again(site: Site, chat: ChatPage) -> None:
    page = chat.page
    await attach(page, TEXT)
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(1)
    redis: Redis = site.feedback._redis
    for key in await redis.keys("*:file.*"):
        await redis.delete(key)
    await chat.write("Look")
    await expect(page.locator(".delivery.failed")).to_contain_text("expired")
    await page.get_by_role("button", name="Retry").click()
    await expect(page.locator("#composer-text")).to_have_value("Look")
    assert site.chat.received == []


async def test_files_move_along_into_another_conversation(site: Site, chat: ChatPage) -> None:
    page = chat.page
    await chat.ask("Hello")
    await attach(page, TEXT)
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(1)
    await page.click("#new-conversation")
    await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(1)
    await chat.ask("Look")
    assert len(site.chat.received[1].attachments) == 1
    assert site.chat.received[0].conversation != site.chat.received[1].conversation


async def test_who_may_not_send_files_sees_no_button_until_they_may(site: Site, chat: ChatPage) -> None:
    page = chat.page
    site.trusted = False
    await chat.open(f"/?{secrets.token_hex(4)}")
    button = page.get_by_role("button", name="Attach files")
    await expect(button).to_be_hidden()
    await page.evaluate(DROP, ["#welcome", "dropped.md", "text"])
    await expect(page.get_by_role("alert")).to_have_text("Only administrators may send files")
    site.trusted = True
    site.chat.lessons["/claim ABCD"] = Lesson(content="You are an owner now.", kind="notice")
    await chat.ask("/claim ABCD")
    await expect(button).to_be_visible()
    site.trusted = False
    await attach(page, TEXT)
    await expect(page.locator("#tray .file")).to_contain_text("Only administrators may send files")
    await expect(button).to_be_hidden()


async def test_a_phone_has_room_for_it(browser: Browser, site: Site, tmp_path: Path) -> None:
    site.trusted = True
    async with chat_page(browser, site.url, viewport={"width": 360, "height": 640}, has_touch=True) as chat:
        page = chat.page
        await page.reload()  # the cookie has come with the first page
        await chat.ready()
        long = {**TEXT, "name": "一份名字特别特别长的公司差旅与报销管理制度（2026 年修订版）.docx"}
        await attach(page, long, PDF)
        await expect(page.locator("#tray .file[data-state=ready]")).to_have_count(2)
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
        await chat.ask("/kb add")
        for locator in (page.locator(".person .file").first, page.get_by_role("button", name="Send")):
            box = await locator.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
        chat.check()


async def test_a_step_is_shown_until_the_next_one_and_the_reply(site: Site, chat: ChatPage) -> None:
    lesson = Lesson(pieces=[""], content="Done.", step="📥 3/12 报销制度.pdf", hold_after=0, kind="notice")
    site.chat.lessons["/kb add"] = lesson
    await chat.write("/kb add")
    status = chat.page.locator(".live .status")
    await expect(status).to_have_text("📥 3/12 报销制度.pdf")
    lesson.go_on.set()
    await expect(chat.page.locator(".bot.notice .prose")).to_have_text("Done.")
    await expect(status).to_have_count(0)
