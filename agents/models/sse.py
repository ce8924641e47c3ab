"""Server-sent events, as far as the OpenAI protocol uses them: the `data` of each event."""

from __future__ import annotations

EVENT_MAX_BYTES = 4 * 2**20
"""A longer event is not an answer but a fault of the endpoint."""


class EventTooLong(ValueError):
    """The endpoint sent an event that does not end."""


class EventStream:
    """Cuts bytes, however they arrive, into the data of events.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """Return the data of the events that `received` completes.

        Raises:
            EventTooLong: the endpoint sent an event without an end.
        """
        lines = (self._rest + received).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > EVENT_MAX_BYTES:
            raise EventTooLong
        events: list[bytes] = []
        for line in lines:
            self._line(line.removesuffix(b"\r"), events)
        return events

    def finish(self) -> list[bytes]:
        """Return what the end of the stream completes: some servers leave out the last empty line."""
        events: list[bytes] = []
        self._line(self._rest.removesuffix(b"\r"), events)
        self._line(b"", events)
        self._rest = b""
        return events

    def _line(self, line: bytes, events: list[bytes]) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].strip())
        elif not line and self._data:
            events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
            self._data.clear()
