"""Whether the process lives, whether it is ready, and its figures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.web.dependencies import dependencies

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""
UNCACHED = {"cache-control": "no-store"}


async def healthz(request: Request) -> Response:
    """Answer as long as the event loop turns: restart the process when it does not."""
    return JSONResponse({"status": "alive"}, headers=UNCACHED)


async def readyz(request: Request) -> Response:
    """Answer 200 when traffic may be sent here, else 503, each with what is and is not there."""
    readiness = await dependencies(request).readiness()
    state = {
        "status": "ready" if readiness.ready else "not_ready",
        "store": "reachable" if readiness.store else "unreachable",
        "gateway": "accepting" if readiness.accepting else "not_accepting",
        "knowledge": dict(readiness.knowledge),
    }
    return JSONResponse(state, status_code=200 if readiness.ready else 503, headers=UNCACHED)


async def metrics(request: Request) -> Response:
    """Answer the figures in Prometheus' text format."""
    return Response(dependencies(request).metrics(), media_type=METRICS_TYPE, headers=UNCACHED)
