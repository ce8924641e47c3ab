"""Fetching one address after the other, politely and with bounds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urldefrag, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from knowledge.errors import FetchRefused
from knowledge.web.addresses import CheckedResolver, Guard, Network

USER_AGENT = "Parley/0.1 (knowledge base)"
BODY_BYTES_MAX = 20_000_000
REDIRECTS_MAX = 5
TIMEOUT_S = 30.0
"""How long an address may take, with its body; a redirect begins anew."""
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer. `status` 304 has no body: what was fetched before still holds."""

    url: str
    """Where the body came from, after redirects."""
    status: int
    body: bytes = b""
    media_type: str = ""
    etag: str = ""
    modified: str = ""


class Fetcher:
    """Its own session, without proxies or cookies: no credentials of this machine go along.

    Use it as `async with Fetcher() as fetcher`.
    """

    def __init__(
        self,
        *,
        allowed: Collection[Network] = (),
        resolver: AbstractResolver | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._guard = Guard(allowed)
        self._resolver = resolver
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 3, sock_read=timeout_s / 2)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        resolver = CheckedResolver(self._guard, self._resolver or aiohttp.ThreadedResolver())
        connector = aiohttp.TCPConnector(
            resolver=resolver, use_dns_cache=False, socket_factory=self._guard.open_socket, limit=4
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            timeout=self._timeout,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def fetch(self, url: str, *, etag: str = "", modified: str = "") -> Fetched:
        """Return what is at `url`; with `etag` or `modified`, only if it has changed since.

        Raises:
            FetchRefused: not http(s), not public at any step, too many redirects, too large, or not answered.
        """
        headers = {"If-None-Match": etag} if etag else {}
        if modified:
            headers["If-Modified-Since"] = modified
        target = url
        try:
            for _ in range(REDIRECTS_MAX + 1):
                check_url(target)
                async with self._session.get(target, headers=headers, allow_redirects=False) as response:
                    location = response.headers.get("Location", "")
                    if response.status not in _MOVED or not location:
                        return await self._read(response, target)
                    target = urldefrag(urljoin(target, location))[0]
        except TimeoutError as error:  # is an OSError too
            raise FetchRefused("no answer in time", document=url) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error.__cause__, FetchRefused):
                raise FetchRefused(str(error.__cause__), document=url) from error
            raise FetchRefused(f"not reached: {type(error).__name__}", document=url) from error
        except FetchRefused as error:
            raise FetchRefused(str(error), document=url) from error
        raise FetchRefused(f"more than {REDIRECTS_MAX} redirects", document=url)

    async def _read(self, response: aiohttp.ClientResponse, url: str) -> Fetched:
        if (response.content_length or 0) > BODY_BYTES_MAX:
            raise FetchRefused(f"larger than {BODY_BYTES_MAX // 1_000_000} MB", document=url)
        body = bytearray()
        async for part in response.content.iter_chunked(65536):  # already decompressed: a bomb is cut off as well
            body += part
            if len(body) > BODY_BYTES_MAX:
                raise FetchRefused(f"larger than {BODY_BYTES_MAX // 1_000_000} MB", document=url)
        return Fetched(
            url=url,
            status=response.status,
            body=bytes(body),
            media_type=response.content_type,
            etag=response.headers.get("ETag", ""),
            modified=response.headers.get("Last-Modified", ""),
        )


def check_url(url: str) -> None:
    """Refuse an address that is not plain http or https.

    Raises:
        FetchRefused: another scheme, no host, or a user name in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchRefused("not a web address", document=url) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise FetchRefused("not a web address", document=url)
    if parts.username is not None or parts.password is not None:
        raise FetchRefused("an address with a user name in it", document=url)
