"""What time it is, anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents.base import ToolContext
from agents.errors import ToolFailed
from agents.types import Effect


class CurrentTime:
    """Tells the date, the weekday and the time."""

    name = "current_time"
    description = "The current date, weekday and time, by default where the server is."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "timezone": {"type": "string", "description": "An IANA name such as Asia/Shanghai.", "maxLength": 64}
        },
        "additionalProperties": False,
    }
    effect: Effect = "read"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Return the time; see `Tool.call`."""
        now = self._clock()
        zone = arguments.get("timezone")
        if zone:
            try:
                now = now.astimezone(ZoneInfo(zone))
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ToolFailed(f"there is no timezone {zone!r}; use an IANA name such as Asia/Shanghai") from error
        return now.strftime("%A, %Y-%m-%d %H:%M:%S %Z (UTC%z)")
