"""What protects a browser and its owner: headers, the visitor's cookie, and same-origin checks."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "parley_visitor"
COOKIE_MAX_AGE_S = 400 * 86400
"""Browsers cap it there: RFC 6265bis section 5.5."""
COOKIE_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
VISITOR_LENGTH = 32

HEADERS = {
    # No inline script or style, nothing from elsewhere: also a Markdown image in an answer cannot call out.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds the headers to every response that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application below."""

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_protected if scope["type"] == "http" else send)


def visitor_of(request: Request) -> str | None:
    """Return the visitor's id: derived from the cookie, so that nothing stored or logged can be used as one."""
    cookie = request.cookies.get(COOKIE, "")
    return hashlib.sha256(cookie.encode()).hexdigest()[:VISITOR_LENGTH] if COOKIE_FORM.fullmatch(cookie) else None


def welcome(request: Request, response: Response, *, public_url: str | None) -> None:
    """Give a new visitor a cookie of 256 random bits, and an old one more time."""
    known = request.cookies.get(COOKIE, "")
    value = known if COOKIE_FORM.fullmatch(known) else secrets.token_urlsafe(32)
    public = urlsplit(public_url or "")
    # A proxy that ends TLS elsewhere is not always trusted to say so: then the public address tells.
    secure = request.url.scheme == "https" or (
        public.scheme == "https" and public.netloc == request.headers.get("host")
    )
    response.set_cookie(COOKIE, value, max_age=COOKIE_MAX_AGE_S, httponly=True, samesite="lax", secure=secure)


def require_same_origin(
    request: Request, *, public_url: str | None, loopback: bool, media_type: str = "application/json"
) -> None:
    """Refuse a state-changing request that a page of another site may have caused.

    `media_type`: what the body must be: one that no form can send.

    Raises:
        HTTPException: 403 for a foreign or hidden origin, 415 for a body that a form could have sent.

    Source: OWASP Cross-Site Request Forgery Prevention, "Fetch Metadata" and "Verifying Origin".
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise HTTPException(415, f"send {media_type}")
    public_host = urlsplit(public_url).netloc if public_url else None
    host = request.headers.get("host", "")
    if loopback and public_host is None and not _names_this_machine(host):
        # A name that resolves to 127.0.0.1 makes the browser believe that a foreign page is ours (DNS rebinding).
        raise HTTPException(403, f"this server does not know the name {host[:100]}: set http.public_url")
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    allowed = site == "same-origin" if site else bool(origin) and origin in (host, public_host)
    if not allowed:
        raise HTTPException(403, "this request comes from another site")


def _names_this_machine(host: str) -> bool:
    name = (urlsplit(f"//{host}").hostname or "").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
