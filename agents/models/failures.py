"""The one place where a model's failures become our errors. Keys and prompts never enter a message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

from agents.errors import ModelError, ModelRefused, ModelUnauthorized, ModelUnavailable

_SECRET = re.compile(r"\b(?:sk|pk|rk|key|ak)-[\w*.\-]{4,}|\b[A-Za-z0-9_\-]{32,}\b", re.IGNORECASE)
_RETRYABLE = frozenset({408, 409, 425, 429})
_UNAUTHORISED = frozenset({401, 403})
REASON_MAX = 200


def failure(
    alias: str, status: int, *, reason: str = "", headers: Mapping[str, str] | None = None, secret: str = ""
) -> ModelError:
    """Return the error for an HTTP status; `reason` is the endpoint's word and is cleaned of keys."""
    if status in _UNAUTHORISED:
        # The endpoint's word often repeats a part of the key.
        return ModelUnauthorized(
            f"model `{alias}`: the endpoint refused the key ({status})", alias=alias, status=status
        )
    said = f": {clean(reason, secret)}" if reason else ""
    message = f"model `{alias}` answered {status}{said}"
    if status in _RETRYABLE or status >= 500:
        return ModelUnavailable(message, alias=alias, status=status, retry_after_s=retry_after_s(headers or {}))
    return ModelRefused(message, alias=alias, status=status)


def clean(reason: str, secret: str = "") -> str:
    """Return an endpoint's words, shortened and without anything that looks like a key."""
    if secret:
        reason = reason.replace(secret, "***")
    return _SECRET.sub("***", " ".join(reason.split()))[:REASON_MAX]


def reason_of(body: Any) -> str:
    """Return what an error body says, in the forms that compatible endpoints use."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error.get("code") or ""
    return error if isinstance(error, str) else ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, a number or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    with suppress(ValueError):
        return max(0.0, float(value))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


class ForeignFailures:
    """A context in which exceptions of a provider's own package become our errors.

    Packages share no base class; they share `status_code` (HTTP) or LangChain's `is_retryable`. Anything
    without either is a fault of the program and passes through.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None or isinstance(error, ModelError) or not isinstance(error, Exception):
            return
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            raise failure(self._alias, status, reason=str(error)) from error
        retryable = getattr(error, "is_retryable", None)
        if retryable or isinstance(error, (OSError, TimeoutError)):
            raise ModelUnavailable(
                f"model `{self._alias}` failed: {type(error).__name__}", alias=self._alias
            ) from error
        if retryable is False:
            raise ModelRefused(f"model `{self._alias}` failed: {clean(str(error))}", alias=self._alias) from error
