"""Sites on a loopback server: what is taken from them, how politely, and what happens when they change."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web

from config.settings import WebSource
from knowledge.web.fetching import Fetcher
from knowledge.web.mirror import Mirror


class Site:
    """Pages by path; a change of text changes the ETag. Remembers what was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, str | bytes] = {}
        self.asked: list[tuple[str, int]] = []
        self.broken = False
        self.root = ""

    def html(self, path: str, *links: str, text: str = "") -> None:
        anchors = "".join(f'<a href="{link}">x</a>' for link in links)
        self.pages[path] = f"<html><title>{path}</title><main><p>Page {path} {text}</p>{anchors}</main></html>"

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path_qs
        status, page = (500, "") if self.broken else (200, self.pages.get(path))
        tag = f'"{hash(page)}"'
        if page is None:
            status = 404
        elif status == 200 and request.headers.get("If-None-Match") == tag:
            status = 304
        self.asked.append((path, status))
        if status != 200:
            return web.Response(status=status)
        body = page if isinstance(page, bytes) else str(page).encode()
        kind = "text/plain" if path.endswith(".txt") else "application/xml" if "xml" in path else "text/html"
        return web.Response(body=body, content_type=kind, headers={"ETag": tag})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.root = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def paths(site: Site, folder: Path, **source: object) -> tuple[list[str], list[str]]:
    given = WebSource.model_validate({"url": f"{site.root}/", "delay_s": 0, **source})
    async with Fetcher(allowed=[ip_network("127.0.0.1/32")]) as fetcher:
        found = await Mirror(folder, fetcher).update([given])
    assert all(file.path.exists() for file in found.files)
    unread = {"not a sitemap or feed", "larger than 60 MB when unpacked"}
    assert found.complete == (not site.broken and unread.isdisjoint(map(str, found.refused)))
    return [file.document.removeprefix(site.root) for file in found.files], [str(error) for error in found.refused]


async def test_a_crawl_follows_links_on_its_host_to_its_depth(site: Site, tmp_path: Path) -> None:
    site.html("/", "/a", "/a#part", "b", "http://elsewhere.test/", "mailto:x@y.z", "http://[bad")
    site.html("/a", "/a/deep")
    site.html("/b", "/")
    site.html("/a/deep", "/a/deeper")
    site.html("/a/deeper")
    assert await paths(site, tmp_path, kind="crawl", depth=2) == (["/", "/a", "/b", "/a/deep"], [])
    assert len(await paths(site, tmp_path, kind="crawl", depth=9, pages=2)) == 2


async def test_patterns_and_robots_keep_pages_out(site: Site, tmp_path: Path) -> None:
    site.pages["/robots.txt"] = "User-agent: *\nDisallow: /private\n"
    site.html("/", "/docs/a", "/docs/old/b", "/shop", "/private/x")
    for path in ("/docs/a", "/docs/old/b", "/shop", "/private/x"):
        site.html(path)
    found, refused = await paths(site, tmp_path, kind="crawl", include=["*/docs/*", "*/private/*"], exclude=["*/old/*"])
    assert found == ["/", "/docs/a"]
    assert refused == ["robots.txt does not allow it"]
    assert ("/private/x", 200) not in site.asked


async def test_a_sitemap_of_sitemaps_packed_or_not(site: Site, tmp_path: Path) -> None:
    inner = f"<urlset><url><loc>{site.root}/a</loc></url></urlset>"
    site.pages["/sitemap.xml"] = f"<sitemapindex><sitemap><loc>{site.root}/inner.xml.gz</loc></sitemap></sitemapindex>"
    site.pages["/inner.xml.gz"] = gzip.compress(inner.encode())
    site.html("/a")
    assert await paths(site, tmp_path, kind="sitemap", url=f"{site.root}/sitemap.xml") == (["/a"], [])


@pytest.mark.parametrize(
    "feed",
    [
        "<rss><channel><link>/</link><item><link>{root}/news</link></item></channel></rss>",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry>'
        '<link rel="self" href="/x"/><link href="/news"/></entry></feed>',
    ],
)
async def test_feeds_give_their_entries(site: Site, tmp_path: Path, feed: str) -> None:
    site.pages["/feed.xml"] = feed.format(root=site.root)
    site.html("/news")
    assert (await paths(site, tmp_path, kind="feed", url=f"{site.root}/feed.xml"))[0] == ["/news"]


@pytest.mark.parametrize("kind", ["sitemap", "feed"])
@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE u [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><link>&x;</link></item><loc>&x;</loc></rss>',
        '<!DOCTYPE u [<!ENTITY % x SYSTEM "{root}/x.dtd"> %x;]><rss><loc>/a</loc></rss>',
        '<!DOCTYPE u SYSTEM "{root}/x.dtd"><rss><loc>/a</loc></rss>',
        '<!DOCTYPE u [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss><loc>&b;</loc></rss>',
        "<rss><loc>torn",
        "\0\0\0",
    ],
)
async def test_a_sitemap_or_feed_with_entities_is_refused(site: Site, tmp_path: Path, kind: str, document: str) -> None:
    site.pages["/s.xml"] = document.replace("{root}", site.root)
    assert await paths(site, tmp_path, kind=kind, url=f"{site.root}/s.xml") == ([], ["not a sitemap or feed"])
    assert {path for path, _ in site.asked} == {"/robots.txt", "/s.xml"}


async def test_a_sitemap_that_unpacks_to_more_than_it_may_is_refused(site: Site, tmp_path: Path) -> None:
    site.pages["/s.xml.gz"] = gzip.compress(bytes(61_000_000), 1)
    _, refused = await paths(site, tmp_path, kind="sitemap", url=f"{site.root}/s.xml.gz")
    assert refused == ["larger than 60 MB when unpacked"]


async def test_addresses_inside_that_a_sitemap_or_a_page_names_are_not_fetched(site: Site, tmp_path: Path) -> None:
    inside = ["http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://10.0.0.1/", "file:///etc/passwd"]
    site.pages["/s.xml"] = f"<urlset>{''.join(f'<url><loc>{one}</loc></url>' for one in inside)}</urlset>"
    found, refused = await paths(site, tmp_path, kind="sitemap", url=f"{site.root}/s.xml")
    assert (found, len(refused)) == ([], len(inside))
    site.html("/", *inside)
    assert (await paths(site, tmp_path, kind="crawl", depth=3))[0] == ["/"]


async def test_what_did_not_change_is_not_sent_again_and_what_is_gone_leaves(site: Site, tmp_path: Path) -> None:
    site.html("/", "/a", "/b")
    site.html("/a")
    site.html("/b")
    await paths(site, tmp_path, kind="crawl")
    site.asked.clear()
    site.html("/a", text="new")
    del site.pages["/b"]
    assert (await paths(site, tmp_path, kind="crawl"))[0] == ["/", "/a"]
    assert [(path, status) for path, status in site.asked if "robots" not in path] == [
        ("/", 304),
        ("/a", 200),
        ("/b", 404),
    ]


async def test_a_site_that_is_down_keeps_its_pages(site: Site, tmp_path: Path) -> None:
    site.html("/")
    await paths(site, tmp_path)
    site.broken = True
    found, refused = await paths(site, tmp_path)
    assert found == ["/"]
    assert len(refused) == 1


async def test_requests_to_a_host_are_paced(site: Site, tmp_path: Path) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    site.html("/", "/a")
    site.html("/a")
    async with Fetcher(allowed=[ip_network("127.0.0.1/32")]) as fetcher:
        given = WebSource(url=f"{site.root}/", kind="crawl", delay_s=5)
        await Mirror(tmp_path, fetcher, sleep=sleep).update([given])
    assert len(pauses) == 1
    assert 4 < pauses[0] <= 5
