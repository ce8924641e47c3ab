"""Measure text in a platform's unit, and pace sends by a platform's rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from channels.types import Rate, TextUnit

_ENCODINGS = {"utf16": ("utf-16-le", 2), "utf8_bytes": ("utf-8", 1)}
_CHATS_MAX = 10_000
"""Chats whose pace is remembered; the one longest unused is forgotten first."""

Clock = Callable[[], float]


def measure(text: str, unit: TextUnit) -> int:
    """Return the length of `text` in `unit`."""
    if unit == "characters" or text.isascii():
        return len(text)
    encoding, width = _ENCODINGS[unit]
    return len(text.encode(encoding, "surrogatepass")) // width


def fitting_end(text: str, start: int, limit: int, unit: TextUnit) -> int:
    """Return the largest index `end` such that `text[start:end]` is at most `limit` units long."""
    window = text[start : start + limit]
    if unit == "characters" or window.isascii():
        return start + len(window)
    encoding, width = _ENCODINGS[unit]
    encoded = window.encode(encoding, "surrogatepass")[: limit * width]
    return start + len(encoded.decode(encoding, "ignore"))


class TokenBucket:
    """A rate with a burst: `count` tokens at first, refilled evenly over `per_s` seconds.

    Tokens are taken ahead: `take` says how long to wait before using the one it gave.
    """

    def __init__(self, rate: Rate, *, clock: Clock = time.monotonic) -> None:
        self._capacity = float(rate.count)
        self._per_s = rate.count / rate.per_s
        self._clock = clock
        self._tokens = self._capacity
        self._at = clock()

    def take(self) -> float:
        """Take one token and return the seconds to wait before it may be used; 0 means at once."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self._per_s) + max(0.0, self._at - now)

    def pause(self, seconds: float) -> None:
        """Give nothing out for `seconds`, and start without a burst afterwards."""
        self._at = max(self._at, self._clock() + seconds)
        self._tokens = min(self._tokens, 1.0)


class Pacer:
    """When a part may be sent to a chat: free at first, at the documented rate once the platform complained.

    A platform's published rates are averages with unpublished bursts on top, so that keeping to them from the
    start would slow down an account that was never over its limit. The first "too many requests" of a chat engages
    that chat's bucket; two chats complaining within a second engage the account's; both are let go after `calm_s`
    without a complaint.
    """

    def __init__(
        self, *, chat_rate: Rate | None, account_rate: Rate | None, calm_s: float = 60.0, clock: Clock = time.monotonic
    ) -> None:
        self._chat_rate = chat_rate
        self._account_rate = account_rate
        self._calm_s = calm_s
        self._clock = clock
        self._chats: OrderedDict[str, tuple[TokenBucket, float]] = OrderedDict()
        self._account: tuple[TokenBucket, float] | None = None
        self._complaint: tuple[str, float] = ("", float("-inf"))

    def delay(self, chat: str) -> float:
        """Reserve a send to `chat`; return the seconds to wait before it."""
        if self._account is None and not self._chats:
            return 0.0
        return max(self._chat_delay(chat), self._account_delay())

    def slow_down(self, chat: str, retry_after_s: float) -> None:
        """Note that the platform refused a send to `chat` and asked to wait."""
        now = self._clock()
        until = now + retry_after_s + self._calm_s
        if self._chat_rate is not None:
            bucket = self._chats.pop(chat, (TokenBucket(self._chat_rate, clock=self._clock), 0.0))[0]
            bucket.pause(retry_after_s)
            self._chats[chat] = (bucket, until)
            if len(self._chats) > _CHATS_MAX:
                self._chats.popitem(last=False)
        complained, at = self._complaint
        if self._account_rate is not None and complained not in ("", chat) and now - at < 1.0:
            bucket = self._account[0] if self._account else TokenBucket(self._account_rate, clock=self._clock)
            bucket.pause(min(retry_after_s, 1.0))
            self._account = (bucket, until)
        self._complaint = (chat, now)

    def _chat_delay(self, chat: str) -> float:
        held = self._chats.get(chat)
        if held is None:
            return 0.0
        bucket, until = held
        if self._clock() >= until:
            del self._chats[chat]
            return 0.0
        return bucket.take()

    def _account_delay(self) -> float:
        if self._account is None:
            return 0.0
        bucket, until = self._account
        if self._clock() >= until:
            self._account = None
            return 0.0
        return bucket.take()
