"""Take the README's picture of the web chat: `python -m docs.screenshot http://127.0.0.1:8080`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "images" / "web-chat.png"
QUESTIONS = ("年假有多少天？", "How do I hand in a receipt?")
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTLE_MS = 2500


def main(url: str) -> int:
    """Ask both questions of a running Parley and keep what the page shows; returns the exit code."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 850}, device_scale_factor=2, locale="en-US")
        page.goto(url)
        for number, question in enumerate(QUESTIONS):
            page.locator("#composer-text").fill(question)
            page.locator("#composer-text").press("Enter")
            page.locator(".bot .sources").nth(number).wait_for()
            page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=PICTURE)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
