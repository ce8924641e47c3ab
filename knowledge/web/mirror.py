"""The pages of a base as files: fetched again only where they changed, kept where their site is down."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from config.settings import WebSource
from knowledge.errors import DocumentRefused, FetchRefused
from knowledge.ingest.sources import Gathered, SourceFile
from knowledge.web.fetching import USER_AGENT, Fetched, Fetcher
from knowledge.web.links import normal, of_feed, of_page, of_sitemap, wanted

_SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_GONE = frozenset({404, 410})
_SITEMAPS_MAX = 50


@dataclass(slots=True, kw_only=True)
class Page:
    """What is known of an address."""

    file: str
    etag: str = ""
    modified: str = ""


class Mirror:
    """A folder of fetched pages with a table of them. One run at a time."""

    def __init__(self, folder: Path, fetcher: Fetcher, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep):
        self._folder = folder
        self._fetcher = fetcher
        self._sleep = sleep
        self._table = folder / "pages.json"
        self._pages: dict[str, Page] = {}
        self._robots: dict[str, RobotFileParser] = {}
        self._asked: dict[str, float] = {}
        self._seen: dict[str, SourceFile] = {}
        self._refused: list[DocumentRefused] = []
        self._unreached = False
        self._fetched: Callable[[str], None] = lambda _: None

    def forget(self, urls: Collection[str]) -> None:
        """Remove what was fetched from these addresses."""
        if not self._table.exists():
            return
        self._pages = {url: Page(**page) for url, page in json.loads(self._table.read_text("utf-8")).items()}
        for url in urls:
            page = self._pages.pop(url, None)
            if page is not None:
                (self._folder / page.file).unlink(missing_ok=True)
        self._save()

    async def update(
        self, sources: Sequence[WebSource], *, fetched: Callable[[str], None] = lambda _: None
    ) -> Gathered:
        """Bring the folder up to date; return the pages as files. Each address is told to `fetched` when it is here.

        A page that is gone (404, 410) is left out; one that could not be reached keeps what was fetched before.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._seen, self._refused, self._unreached = {}, [], False
        self._fetched = fetched
        if self._table.exists():
            self._pages = {url: Page(**page) for url, page in json.loads(self._table.read_text("utf-8")).items()}
        complete = True
        for source in sources:
            try:
                await self._source(source)
            except FetchRefused as error:
                self._refused.append(error)
                complete = False
        self._save()
        complete = complete and not self._unreached
        return Gathered(files=list(self._seen.values()), refused=self._refused, complete=complete)

    def _save(self) -> None:
        part = self._table.with_suffix(".part")
        part.write_text(json.dumps({url: asdict(page) for url, page in self._pages.items()}), "utf-8")
        os.replace(part, self._table)

    async def _source(self, source: WebSource) -> None:
        start = normal(source.url)
        match source.kind:
            case "page":
                await self._page(start, source)
            case "feed":
                await self._listed(of_feed((await self._polite(start, source)).body, start), source)
            case "sitemap":
                await self._listed(await self._sitemap(start, source), source)
            case "crawl":
                await self._crawl(start, source)

    async def _listed(self, urls: Sequence[str], source: WebSource) -> None:
        for url in [url for url in urls if wanted(url, source)][: source.pages]:
            await self._page(url, source)

    async def _sitemap(self, start: str, source: WebSource) -> list[str]:
        waiting, pages = deque([start]), list[str]()
        for _ in range(_SITEMAPS_MAX):
            if not waiting or len(pages) >= source.pages:
                break
            url = waiting.popleft()
            listed, further = of_sitemap((await self._polite(url, source)).body, url)
            pages += listed
            waiting += further
        return pages

    async def _crawl(self, start: str, source: WebSource) -> None:
        host, known = urlsplit(start).netloc, {start}
        waiting = deque([(start, 0)])
        fetched = 0
        while waiting and fetched < source.pages:
            url, depth = waiting.popleft()
            path = await self._page(url, source)
            fetched += 1
            if path is None or path.suffix != ".html" or depth >= source.depth:
                continue
            for link in of_page(path.read_bytes(), url):
                if link not in known and urlsplit(link).netloc == host and wanted(link, source):
                    known.add(link)
                    waiting.append((link, depth + 1))

    async def _page(self, url: str, source: WebSource) -> Path | None:
        """Bring one page up to date; return its file."""
        before = self._pages.get(url)
        try:
            fetched = await self._polite(url, source, before)
        except FetchRefused as error:
            self._refused.append(error)
            self._unreached = self._unreached or before is not None
            return self._keep(url, before)
        if fetched.status in _GONE:
            self._pages.pop(url, None)
            return None
        if fetched.status == 304 and before is not None:
            return self._keep(url, before)
        if fetched.status != 200:
            self._unreached = True  # its links are not known now
            self._refused.append(FetchRefused(f"status {fetched.status}", document=url))
            return self._keep(url, before)
        return self._keep(url, self._stored(url, fetched))

    def _stored(self, url: str, fetched: Fetched) -> Page | None:
        suffix = _SUFFIXES.get(fetched.media_type) or Path(urlsplit(url).path).suffix.lower()
        if suffix not in _SUFFIXES.values():
            self._refused.append(FetchRefused(f"no loader reads {fetched.media_type}", document=url))
            return None
        page = Page(file=sha256(url.encode()).hexdigest()[:32] + suffix, etag=fetched.etag, modified=fetched.modified)
        part = self._folder / f"{page.file}.part"
        part.write_bytes(fetched.body)
        os.replace(part, self._folder / page.file)
        self._pages[url] = page
        return page

    def _keep(self, url: str, page: Page | None) -> Path | None:
        if page is None or not (self._folder / page.file).exists():
            return None
        path = self._folder / page.file
        self._seen[url] = SourceFile(url, path)
        self._fetched(url)
        return path

    async def _polite(self, url: str, source: WebSource, before: Page | None = None) -> Fetched:
        """Fetch an address if robots.txt lets us, and not sooner than the pause after the last on this host."""
        host = urlsplit(url).netloc
        if host not in self._robots:
            self._robots[host] = await self._robots_of(url)
        if not self._robots[host].can_fetch(USER_AGENT, url):
            raise FetchRefused("robots.txt does not allow it", document=url)
        delay = max(source.delay_s, min(float(self._robots[host].crawl_delay(USER_AGENT) or 0), 30.0))
        pause = self._asked.get(host, 0.0) + delay - time.monotonic()
        if pause > 0:
            await self._sleep(pause)
        self._asked[host] = time.monotonic()
        held = before is not None and (self._folder / before.file).exists()
        if before is None or not held:
            return await self._fetcher.fetch(url)
        return await self._fetcher.fetch(url, etag=before.etag, modified=before.modified)

    async def _robots_of(self, url: str) -> RobotFileParser:
        """Return a host's rules; where there are none everything is allowed, where it fails nothing is (RFC 9309)."""
        rules = RobotFileParser()
        try:
            fetched = await self._fetcher.fetch(urljoin(url, "/robots.txt"))
        except FetchRefused as error:
            raise FetchRefused(str(error), document=url) from error
        text = fetched.body.decode("utf-8", "replace") if fetched.status == 200 else ""
        rules.parse(["User-agent: *", "Disallow: /"] if fetched.status >= 500 else text.splitlines())
        return rules
