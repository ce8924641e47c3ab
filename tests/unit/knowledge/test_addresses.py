"""What fetching must never reach, whatever the address looks like."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from knowledge.errors import FetchRefused
from knowledge.web.addresses import Guard
from knowledge.web.fetching import BODY_BYTES_MAX, Fetcher, check_url

LOOPBACK = (ip_network("127.0.0.1/32"),)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(FetchRefused):
        Guard().check(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_pass(address: str) -> None:
    Guard().check(address)


def test_networks_of_ones_own_can_be_allowed() -> None:
    Guard([ip_network("10.1.0.0/16")]).check("10.1.2.3")
    with pytest.raises(FetchRefused):
        Guard([ip_network("10.1.0.0/16")]).check("10.2.2.3")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.com/x", "gopher://example.com", "data:text/html,x", "http://",
     "//example.com", "http://user@example.com/", "http://example.com:99999/", "http://[::1",
     "javascript:alert(1)", ""],
)  # fmt: skip
def test_only_plain_web_addresses_are_fetched(url: str) -> None:
    with pytest.raises(FetchRefused):
        check_url(url)


class Names(AbstractResolver):
    """Answers each look-up of a name with the next of its addresses, as a rebinding name server does."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        held = self._answers[host.partition(".")[0]]
        address = held.pop(0) if len(held) > 1 else held[0]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


Serve = Callable[..., Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(**routes: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> int:
        app = web.Application()
        for name, handler in routes.items():
            app.router.add_get(f"/{name}", handler)
        runner = web.AppRunner(app, access_log=None)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


async def text(request: web.Request) -> web.Response:
    return web.Response(text="hello", headers={"ETag": '"1"'})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]"]
)
async def test_loopback_in_every_spelling_is_refused(serve: Serve, host: str) -> None:
    port = await serve(x=text)
    async with Fetcher() as fetcher:
        with pytest.raises(FetchRefused):
            await fetcher.fetch(f"http://{host}:{port}/x")


async def test_a_name_that_resolves_to_loopback_is_refused(serve: Serve) -> None:
    port = await serve(x=text)
    async with Fetcher(resolver=Names(evil=["127.0.0.1"])) as fetcher:
        with pytest.raises(FetchRefused, match="public"):
            await fetcher.fetch(f"http://evil.test:{port}/x")


async def test_a_name_that_changes_its_address_after_the_check_reaches_nothing(serve: Serve) -> None:
    """First answer public, second loopback: there is no second look-up, the checked address is the one used."""
    port = await serve(x=text)
    names = Names(rebind=["203.0.113.7", "127.0.0.1"], fine=["127.0.0.1"])
    async with Fetcher(resolver=names) as fetcher:
        with pytest.raises(FetchRefused):
            async with asyncio.timeout(2):
                await fetcher.fetch(f"http://rebind.test:{port}/x")
        with pytest.raises(FetchRefused):
            await fetcher.fetch(f"http://rebind.test:{port}/x")
    assert names.asked == ["rebind.test", "rebind.test"]


async def test_a_redirect_into_the_own_network_is_refused(serve: Serve) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://inner.test:{request.url.port}/x"})

    async def local(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "file:///etc/passwd"})

    port = await serve(away=away, local=local, x=text)
    names = Names(outer=["127.0.0.1"], inner=["127.0.0.2"])
    async with Fetcher(resolver=names, allowed=LOOPBACK) as fetcher:
        for path in ("away", "local"):
            with pytest.raises(FetchRefused):
                await fetcher.fetch(f"http://outer.test:{port}/{path}")


async def test_redirects_end_somewhere(serve: Serve) -> None:
    async def again(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/loop"})

    port = await serve(loop=again)
    async with Fetcher(allowed=LOOPBACK) as fetcher:
        with pytest.raises(FetchRefused, match="redirects"):
            await fetcher.fetch(f"http://127.0.0.1:{port}/loop")


async def test_a_body_that_is_too_large_is_cut_off_packed_or_not(serve: Serve) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(BODY_BYTES_MAX // 1_000_000 + 2):
            await response.write(bytes(1_000_000))
        return response

    async def bomb(request: web.Request) -> web.Response:
        response = web.Response(body=bytes(BODY_BYTES_MAX + 1))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    port = await serve(large=large, bomb=bomb)
    async with Fetcher(allowed=LOOPBACK) as fetcher:
        for path in ("large", "bomb"):
            with pytest.raises(FetchRefused, match="larger"):
                await fetcher.fetch(f"http://127.0.0.1:{port}/{path}")


async def test_an_allowed_page_is_fetched_and_only_again_when_it_changed(serve: Serve) -> None:
    async def conditional(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return await text(request)

    port = await serve(x=conditional)
    async with Fetcher(allowed=LOOPBACK) as fetcher:
        first = await fetcher.fetch(f"http://127.0.0.1:{port}/x")
        assert (first.status, first.body, first.etag) == (200, b"hello", '"1"')
        assert (await fetcher.fetch(f"http://127.0.0.1:{port}/x", etag=first.etag)).status == 304
