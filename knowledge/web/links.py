"""What a page, a sitemap or a feed points to."""

from __future__ import annotations

import gzip
import io
import zlib
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from config.settings import WebSource
from knowledge.errors import FetchRefused

_UNPACKED_MAX = 60_000_000


def normal(url: str) -> str:
    """Return an address in the form by which it is known: without fragment, host in lower case, a path at least "/"."""
    parts = urlsplit(urldefrag(url.strip())[0])
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=parts.path or "/").geturl()


def wanted(url: str, source: WebSource) -> bool:
    """Tell whether the source's patterns let an address through."""
    if source.include and not any(fnmatchcase(url, pattern) for pattern in source.include):
        return False
    return not any(fnmatchcase(url, pattern) for pattern in source.exclude)


def of_page(body: bytes, url: str) -> list[str]:
    """Return the addresses that a page links to, in order; links marked nofollow are left out."""
    import lxml.html

    if not body.strip():
        return []
    root = lxml.html.document_fromstring(body, parser=lxml.html.HTMLParser(no_network=True))
    base = urljoin(url, next((node.get("href", "") for node in root.iter("base")), ""))
    links = [node for node in root.iter("a") if node.get("href") and "nofollow" not in (node.get("rel") or "")]
    found = (normal(urljoin(base, node.get("href"))) for node in links if _joinable(node.get("href")))
    return list(dict.fromkeys(link for link in found if link.startswith(("http://", "https://"))))


def _joinable(href: str) -> bool:
    try:
        urlsplit(href)
    except ValueError:
        return False
    return True


def of_sitemap(body: bytes, url: str) -> tuple[list[str], list[str]]:
    """Return the pages and the further sitemaps that a sitemap lists (sitemaps.org); it may be gzipped.

    Raises:
        FetchRefused: it is no sitemap, or an unsafe one.
    """
    root = _xml(_unpacked(body, url), url)
    found = [normal(node.text) for node in root.iter() if _local(node) == "loc" and node.text]
    return ([], found) if _local(root) == "sitemapindex" else (found, [])


def of_feed(body: bytes, url: str) -> list[str]:
    """Return the pages that an RSS or Atom feed lists.

    Raises:
        FetchRefused: it is no feed, or an unsafe one.
    """
    found: list[str] = []
    for entry in _xml(body, url).iter():
        if _local(entry) in {"item", "entry"}:
            links = [node for node in entry if _local(node) == "link" and node.get("rel", "alternate") == "alternate"]
            found += [normal(urljoin(url, (node.get("href") or node.text or "").strip())) for node in links[:1]]
    return list(dict.fromkeys(found))


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def _xml(body: bytes, url: str) -> Any:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise FetchRefused("not a sitemap or feed", document=url) from error


def _unpacked(body: bytes, url: str) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        with gzip.open(io.BytesIO(body)) as packed:
            text = packed.read(_UNPACKED_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FetchRefused("damaged", document=url) from error
    if len(text) > _UNPACKED_MAX:
        raise FetchRefused("larger than 60 MB when unpacked", document=url)
    return text
