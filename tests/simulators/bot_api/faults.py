"""What goes wrong: flood control, and failures on command."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Literal

from tests.simulators.bot_api.world import ApiError

FaultKind = Literal["error", "drop", "drop_after", "hang", "garbage"]


@dataclass(slots=True)
class Fault:
    """A failure of the next `times` calls of a method (`*` for all), in one chat or in any.

    error: the status and description are answered. drop: the connection breaks before anything happened. drop_after: it
    happened, but the answer is lost. hang: no answer for `seconds`, then the connection breaks. garbage: an HTML page.
    """

    method: str
    kind: FaultKind = "error"
    times: int = 1
    chat: int | None = None
    status: int = 500
    description: str = "Internal Server Error"
    seconds: float = 60.0
    parameters: dict[str, Any] | None = None

    def error(self) -> ApiError:
        return ApiError(self.status, self.description, **(self.parameters or {}))


class Faults:
    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._planned.append(fault)

    def take(self, method: str, chat: int | None) -> Fault | None:
        for fault in self._planned:
            if fault.method.lower() in ("*", method.lower()) and fault.chat in (None, chat):
                fault.times -= 1
                if fault.times <= 0:
                    self._planned.remove(fault)
                return fault
        return None

    @property
    def left(self) -> int:
        return sum(fault.times for fault in self._planned)


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests in so many seconds."""

    count: int
    per_s: float


class Flood:
    """Flood control as Telegram has it: over the limit, everything is refused until the time it names has passed."""

    def __init__(
        self, *, private: Allowance | None = None, group: Allowance | None = None, overall: Allowance | None = None
    ) -> None:
        self._private, self._group, self._overall = private, group, overall
        self._times: dict[int, deque[float]] = defaultdict(deque)
        self._blocked: dict[int, float] = {}
        self.refusals = 0

    def check(self, chat: int) -> None:
        """Count a request to `chat`.

        Raises:
            ApiError: 429, with the seconds to wait.
        """
        allowance = self._private if chat > 0 else self._group
        if allowance is None and self._overall is None:
            return
        now = time.monotonic()
        self._check(0, self._overall, now)
        self._check(chat, allowance, now)
        self._times[0].append(now)
        self._times[chat].append(now)

    def _check(self, key: int, allowance: Allowance | None, now: float) -> None:
        if allowance is None:
            return
        times = self._times[key]
        while times and times[0] <= now - allowance.per_s:
            times.popleft()
        wait = self._blocked.get(key, 0.0) - now
        if wait <= 0 and len(times) >= allowance.count:
            wait = max(1.0, times[0] + allowance.per_s - now)
            self._blocked[key] = now + wait
        if wait > 0:
            self.refusals += 1
            seconds = math.ceil(wait)
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
