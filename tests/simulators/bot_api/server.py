"""The HTTP side of the simulated Bot API: raw aiohttp, fast enough for load tests."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import orjson
from aiohttp import web

from tests.simulators.bot_api.faults import Fault, Faults
from tests.simulators.bot_api.methods import BotApi, Params
from tests.simulators.bot_api.updates import Updates
from tests.simulators.bot_api.world import ApiError

_PATH = re.compile(r"/(file/)?bot([^/]+)/(.+)$")
CALLS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived; `at` is monotonic."""

    method: str
    params: Params
    at: float


class Server:
    """Answers the Bot API for one token; other paths go to `fallback`."""

    def __init__(
        self,
        token: str,
        api: BotApi,
        updates: Updates,
        faults: Faults,
        fallback: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        record: bool = True,
    ) -> None:
        self._token = token
        self._api = api
        self._updates = updates
        self._faults = faults
        self._fallback = fallback
        self._record = record
        self.calls: list[Call] = []
        self.counts: Counter[str] = Counter()
        self.url = ""
        self._runner: web.ServerRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    async def start(self, host: str, port: int) -> None:
        self._http = aiohttp.ClientSession()
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)  # type: ignore[arg-type]
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        actual = self._runner.addresses[0][1]
        self.url = f"http://{host}:{actual}"

    async def stop(self) -> None:
        await self._updates.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        match = _PATH.match(request.path)
        if match is None:
            return await self._fallback(request)
        is_file, token, name = match.groups()
        if token != self._token:
            known_form = re.match(r"\d+:.", token)
            return _error(ApiError(401, "Unauthorized") if known_form else ApiError(404, "Not Found"))
        if is_file:
            return self._download(name)
        params = await _params(request)
        self.counts[name.lower()] += 1
        if self._record and len(self.calls) < CALLS_MAX:
            self.calls.append(Call(name, params, monotonic()))
        fault = self._faults.take(name, _chat(params))
        if fault is not None and fault.kind != "drop_after":
            return await self._fail(request, fault)
        try:
            result = await self._call(name, params)
        except ApiError as error:
            return _error(error)
        if fault is not None:
            return _broken(request)
        return _json({"ok": True, "result": result})

    async def _call(self, name: str, params: Params) -> Any:
        match name.lower():
            case "getupdates":
                return await self._updates.get(
                    offset=params.number("offset", 0),
                    limit=params.number("limit", 100),
                    timeout=min(50, params.number("timeout", 0)),
                    allowed=params.data("allowed_updates"),
                )
            case "setwebhook":
                assert self._http is not None
                allowed = params.data("allowed_updates")
                self._updates.set_webhook(params.get("url", ""), params.get("secret_token", ""), allowed, self._http)
                return True
            case "deletewebhook":
                self._updates.delete_webhook(drop=params.flag("drop_pending_updates"))
                return True
            case "getwebhookinfo":
                info = {"url": self._updates.url, "pending_update_count": self._updates.pending}
                return info | {"has_custom_certificate": False, "last_error_message": self._updates.last_error}
        return self._api.call(name, params)

    async def _fail(self, request: web.BaseRequest, fault: Fault) -> web.StreamResponse:
        if fault.kind == "error":
            return _error(fault.error())
        if fault.kind == "garbage":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        return _broken(request)

    def _download(self, path: str) -> web.Response:
        content = self._api.world.content(path)
        return _error(ApiError(404, "Not Found")) if content is None else web.Response(body=content)


def _json(data: Any, status: int = 200) -> web.Response:
    try:
        body = orjson.dumps(data)
    except TypeError:  # half a surrogate pair, which Telegram's JSON may hold as an escape
        body = json.dumps(data).encode()
    return web.Response(body=body, status=status, content_type="application/json")


def _error(error: ApiError) -> web.Response:
    data: dict[str, Any] = {"ok": False, "error_code": error.status, "description": error.description}
    if error.parameters:
        data["parameters"] = error.parameters
    return _json(data, error.status)


def _broken(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _chat(params: Params) -> int | None:
    try:
        return int(params["chat_id"])
    except (KeyError, TypeError, ValueError):
        return None


async def _params(request: web.BaseRequest) -> Params:
    params = Params(parse_qsl(request.query_string))
    if request.method != "POST" or not request.can_read_body:
        return params
    kind = request.content_type
    if kind == "application/json":
        params.update(orjson.loads(await request.read()))
    elif kind == "application/x-www-form-urlencoded":
        params.update(parse_qsl((await request.read()).decode(), keep_blank_values=True))
    elif kind == "multipart/form-data":
        await _read_multipart(request, params)
    return Params({key: value for key, value in params.items() if value is not None and value != ""})


async def _read_multipart(request: web.BaseRequest, params: Params) -> None:
    """Read the fields; a file takes the place of the field that refers to it by `attach://`."""
    files: dict[str, tuple[str, bytes]] = {}
    async for part in await request.multipart():
        assert isinstance(part, aiohttp.BodyPartReader)
        if part.filename is None:
            params[part.name or ""] = await part.text()
        else:
            files[part.name or ""] = (part.filename, bytes(await part.read()))
    for name, value in list(params.items()):
        if isinstance(value, str) and value.startswith("attach://"):
            filename, content = files[value.removeprefix("attach://")]
            params[name] = content
            params[f"{name}.filename"] = filename
