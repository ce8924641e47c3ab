"""The chat page and its files: small, read once, and revalidated by the browser."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.web.dependencies import dependencies
from bot.web.security import welcome

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
"""What `mimetypes` may get wrong where the machine has a registry of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file of the page."""

    body: bytes
    media_type: str
    etag: str


def load_files(folder: Path = FOLDER) -> Mapping[str, StaticFile]:
    """Read the page's files, by their path below the folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _load(path) for path in found}


async def page(request: Request) -> Response:
    """Answer the chat page, and give a new visitor their cookie."""
    given = dependencies(request)
    if given.chat is None:
        raise HTTPException(404, "the chat page is switched off")
    response = _respond(request, request.app.state.files["index.html"])
    welcome(request, response, public_url=given.configuration().settings.http.public_url)
    return response


async def static(request: Request) -> Response:
    """Answer one of the page's files."""
    file: StaticFile | None = request.app.state.files.get(request.path_params["path"])
    if file is None:
        raise HTTPException(404, "no such file")
    return _respond(request, file)


def _respond(request: Request, file: StaticFile) -> Response:
    # Revalidated each time, so that a page never mixes the modules of two versions.
    headers = {"etag": file.etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.body, headers={**headers, "content-type": file.media_type})


def _load(path: Path) -> StaticFile:
    body = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return StaticFile(body=body, media_type=media_type + charset, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')
