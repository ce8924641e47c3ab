"""The web application: the chat page, the OpenAI-compatible API, webhooks, health and metrics."""

from __future__ import annotations

import time

import structlog
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.errors import StoreUnavailable
from bot.web import chat, files, health, openai, page, webhooks
from bot.web.dependencies import Readiness, WebDependencies
from bot.web.openai_request import ApiProblem
from bot.web.security import SecurityHeaders
from channels.errors import Unreachable

__all__ = ["Readiness", "WebDependencies", "create_app"]

log = structlog.get_logger()

CONVERSATION = "/api/chat/conversations/{conversation}"
ROUTES = (
    Route("/", page.page),
    Route("/static/{path:path}", page.static),
    Route("/api/chat/bootstrap", chat.bootstrap),
    Route(f"{CONVERSATION}/messages", chat.send, methods=["POST"]),
    Route(f"{CONVERSATION}/files", files.upload, methods=["POST"]),
    Route(f"{CONVERSATION}/files/{{file}}", files.discard, methods=["DELETE"]),
    Route(f"{CONVERSATION}/events", chat.events),
    Route(f"{CONVERSATION}/feedback", chat.rate, methods=["POST"]),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    Route("/metrics", health.metrics),
    Route("/v1/models", openai.models),
    Route("/v1/models/{model}", openai.model),
    Route("/v1/chat/completions", openai.chat_completions, methods=["POST"]),
    Route("/webhooks/{platform}/{account}", webhooks.webhook, methods=["GET", "POST"]),
)


def create_app(deps: WebDependencies) -> Starlette:
    """Return the ASGI application; it opens and closes nothing itself."""
    unavailable = {RedisError: _store_away, Unreachable: _store_away, StoreUnavailable: _store_away}
    app = Starlette(
        routes=list(ROUTES),
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: _refused, ApiProblem: _api_problem, Exception: _failed, **unavailable},
    )
    app.state.dependencies = deps
    app.state.files = page.load_files()
    app.state.started_at = int(time.time())
    return app


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/v1/")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if _is_api(request):
        return ApiProblem(error.status_code, error.detail, headers=headers).response()
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=headers)


async def _api_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiProblem):
        raise error
    return error.response()


async def _store_away(request: Request, error: Exception) -> Response:
    log.warning("web.store_unavailable", path=request.url.path, error=repr(error))
    problem = openai.unavailable("The store does not answer; try again.")
    if _is_api(request):
        return problem.response()
    return JSONResponse({"error": "the store does not answer"}, status_code=503, headers=problem.headers)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw; Starlette raises the error again for the server's log."""
    if _is_api(request):
        return ApiProblem(500, "Something went wrong on this server.", type_="server_error").response()
    return JSONResponse({"error": "something went wrong on this server"}, status_code=500)
