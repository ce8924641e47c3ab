"""The rest of the application: health, metrics, webhooks, files and headers."""

from __future__ import annotations

import dataclasses

import aiohttp
import pytest

from bot.web.app import Readiness, create_app
from bot.web.page import FOLDER
from channels.base import WebhookRequest, WebhookResponse
from channels.errors import BadRequest
from tests.unit.bot.web.conftest import Site


@pytest.fixture
async def http(site: Site) -> aiohttp.ClientSession:
    async with aiohttp.ClientSession(site.url) as session:
        yield session


async def test_a_living_process_says_so(site: Site, http: aiohttp.ClientSession) -> None:
    site.readiness = Readiness(store=False, accepting=False)
    async with http.get("/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "alive"})


@pytest.mark.parametrize(
    ("readiness", "status", "word"),
    [
        (Readiness(store=True, accepting=True, knowledge={"handbook": "indexing 3/9"}), 200, "ready"),
        (Readiness(store=False, accepting=True), 503, "not_ready"),
        (Readiness(store=True, accepting=False), 503, "not_ready"),
    ],
)
async def test_readiness_follows_the_store_and_the_gateway(
    site: Site, http: aiohttp.ClientSession, readiness: Readiness, status: int, word: str
) -> None:
    site.readiness = readiness
    async with http.get("/readyz") as response:
        answer = await response.json()
    assert (response.status, answer["status"]) == (status, word)
    assert answer["knowledge"] == readiness.knowledge


async def test_metrics_are_prometheus_text(http: aiohttp.ClientSession) -> None:
    async with http.get("/metrics") as response:
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert await response.text() == "parley_up 1\n"


class Echoing:
    async def handle(self, request: WebhookRequest) -> WebhookResponse:
        if request.headers.get("x-signature") != "right":
            raise BadRequest("the signature is wrong", status=403)
        body = f"{request.method} {request.query} {request.body.decode()}".encode()
        return WebhookResponse(status=201, body=body, media_type="application/xml")


async def test_a_webhook_is_handed_to_its_channel(site: Site, http: aiohttp.ClientSession) -> None:
    site.webhooks["telegram", "main"] = Echoing()
    path, headers = "/webhooks/telegram/main?nonce=%E5%A5%BD", {"X-Signature": "right"}
    async with http.post(path, data="hello", headers=headers) as response:
        assert response.status == 201
        assert response.headers["content-type"] == "application/xml"
        assert await response.text() == "POST {'nonce': '好'} hello"
    async with http.get(path, headers=headers) as response:
        assert await response.text() == "GET {'nonce': '好'} "


async def test_a_forged_webhook_gets_the_status_of_its_channel(site: Site, http: aiohttp.ClientSession) -> None:
    site.webhooks["telegram", "main"] = Echoing()
    async with http.post("/webhooks/telegram/main", data="hello") as response:
        assert response.status == 403
    async with http.post("/webhooks/telegram/main", data="x" * 60_000) as response:
        assert response.status == 413


async def test_a_webhook_of_nobody_is_not_found(http: aiohttp.ClientSession) -> None:
    async with http.post("/webhooks/telegram/nobody", data="hello") as response:
        assert response.status == 404


async def test_every_response_protects_the_browser(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/static/app.js", "/nothing", "/healthz", "/v1/models"):
        async with http.get(path) as response:
            policy = response.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["referrer-policy"] == "no-referrer"


async def test_files_are_served_with_their_type_and_revalidated(http: aiohttp.ClientSession) -> None:
    for name, media_type in (("app.js", "text/javascript"), ("app.css", "text/css"), ("icon.svg", "image/svg+xml")):
        async with http.get(f"/static/{name}") as response:
            assert response.status == 200
            assert response.headers["content-type"].startswith(media_type)
            etag = response.headers["etag"]
        async with http.get(f"/static/{name}", headers={"If-None-Match": etag}) as response:
            assert response.status == 304


@pytest.mark.parametrize("path", ["..%2Fapp.py", "../app.py", "%2e%2e/chat.py", "nothing.js", ""])
async def test_nothing_outside_the_folder_is_served(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(f"/static/{path}") as response:
        assert response.status == 404


async def test_the_page_can_be_switched_off(site: Site) -> None:
    app = create_app(dataclasses.replace(site.deps, chat=None))
    statuses = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    for path in ("/", "/api/chat/bootstrap", "/healthz"):
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "app": app}
        await app(scope, receive, send)  # type: ignore[arg-type]
    assert statuses == [404, 404, 200]


def test_no_script_of_the_page_can_turn_text_into_markup() -> None:
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "DOMParser")
    for file in FOLDER.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert [word for word in forbidden if word in text] == [], file.name
    assert "<script>" not in (FOLDER / "index.html").read_text(encoding="utf-8")
