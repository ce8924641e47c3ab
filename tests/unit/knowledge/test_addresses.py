"""What fetching must never reach, whatever the address looks like."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
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
     "javascript:alert(1)", "http://user:secret@example.com/", "http://@example.com/", "http://example.com:0/",
     "http://example.com:-1/", "http://example.com:x/", "unix:///run/docker.sock", "dict://127.0.0.1:11211/", "ws://a.b",
     "ldap://127.0.0.1/", "blob:http://a/b", "http:/\\\\", ""],
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

    async def start(
        host: str = "127.0.0.1", at: int = 0, **routes: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> int:
        app = web.Application()
        for name, handler in routes.items():
            app.router.add_get(f"/{name}", handler)
        runner = web.AppRunner(app, access_log=None)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, host, at)
        await site.start()
        return int(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


async def text(request: web.Request) -> web.Response:
    return web.Response(text="hello", headers={"ETag": '"1"'})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "017700000001",
     "127.1", "127.0.0.1.", "0", "0.0.0.0", "①②⑦.0.0.1", "127。0。0。1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
     "[::1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::]"],
)  # fmt: skip
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
    """First answer public (127.0.0.1 stands for that), second not: what was checked is what is connected to."""
    reached: list[str] = []

    async def again(request: web.Request) -> web.Response:
        reached.append("outside")
        response = web.Response(status=302, headers={"Location": f"http://rebind.test:{request.url.port}/x"})
        response.force_close()
        return response

    async def inside(request: web.Request) -> web.Response:
        reached.append("inside")
        return await text(request)

    port = await serve(x=text, again=again)
    await serve(host="127.0.0.2", at=port, x=inside, again=inside)
    names = Names(rebind=["127.0.0.1", "127.0.0.2"])
    async with Fetcher(resolver=names, allowed=LOOPBACK) as fetcher:
        with pytest.raises(FetchRefused, match=r"127\.0\.0\.2 is not a public address"):
            await fetcher.fetch(f"http://rebind.test:{port}/again")
    assert names.asked == ["rebind.test", "rebind.test"], "one look-up for each request"
    assert reached == ["outside"]


async def test_a_name_with_one_address_inside_is_refused_as_a_whole(serve: Serve) -> None:
    class Both(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            return [*await super().resolve(host, port, family), *await super().resolve(host, port, family)]

    port = await serve(x=text)
    async with Fetcher(resolver=Both(mixed=["127.0.0.1", "127.0.0.2"]), allowed=LOOPBACK) as fetcher:
        with pytest.raises(FetchRefused, match="public"):
            await fetcher.fetch(f"http://mixed.test:{port}/x")


@pytest.mark.parametrize(
    "location",
    ["http://inner.test:{port}/x", "//inner.test:{port}/x", "http://127.0.0.2:{port}/x", "http://2130706434:{port}/x",
     "http://[::ffff:127.0.0.2]:{port}/x", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
     "http://10.0.0.1/", "http://0.0.0.0:{port}/x", "file:///etc/passwd", "gopher://127.0.0.1:{port}/x",
     "http://user:secret@outer.test:{port}/x",  # pragma: allowlist secret
     "ftp://127.0.0.1/x", "http://outer.test:99999/"],
)  # fmt: skip
async def test_a_redirect_into_the_own_network_or_out_of_the_web_is_refused(serve: Serve, location: str) -> None:
    reached: list[str] = []

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location.format(port=request.url.port)})

    async def inside(request: web.Request) -> web.Response:
        reached.append(request.path)
        return await text(request)

    port = await serve(away=away, x=inside)
    await serve(host="127.0.0.2", at=port, x=inside)
    names = Names(outer=["127.0.0.1"], inner=["127.0.0.2"])
    async with Fetcher(resolver=names, allowed=LOOPBACK) as fetcher:
        with pytest.raises(FetchRefused):
            await fetcher.fetch(f"http://outer.test:{port}/away")
    assert reached == []


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


@pytest.mark.parametrize("where", ["head", "body"])
async def test_an_answer_that_drips_is_given_up(serve: Serve, where: str) -> None:
    dripped: list[bool] = []

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await asyncio.sleep(0 if where == "body" else 1)
        with suppress(ConnectionError):
            await response.prepare(request)
            for _ in range(500):
                await response.write(b"x")
                dripped.append(True)
                await asyncio.sleep(0.01)
        return response

    port = await serve(drip=drip)
    async with Fetcher(allowed=LOOPBACK, timeout_s=0.4) as fetcher:
        with pytest.raises(FetchRefused, match="no answer in time"):
            async with asyncio.timeout(3):
                await fetcher.fetch(f"http://127.0.0.1:{port}/drip")
    assert len(dripped) < 100


async def test_neither_cookies_nor_the_proxy_of_this_machine_go_along(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def cookie(request: web.Request) -> web.Response:
        seen.extend(name for name in ("Cookie", "Authorization", "Proxy-Authorization") if name in request.headers)
        return web.Response(text="hello", headers={"Set-Cookie": "a=b"})

    port = await serve(x=cookie)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:1")  # pragma: allowlist secret
    async with Fetcher(allowed=LOOPBACK) as fetcher:
        for _ in range(2):
            assert (await fetcher.fetch(f"http://127.0.0.1:{port}/x")).body == b"hello"
    assert seen == []
