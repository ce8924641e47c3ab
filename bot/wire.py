"""The messages as JSON, the form in which they lie in Redis."""

from __future__ import annotations

from pydantic import TypeAdapter

from channels.types import InboundMessage, OutboundMessage, Progress

_inbound = TypeAdapter(InboundMessage)
_outbound = TypeAdapter(OutboundMessage)
_progress = TypeAdapter(list[Progress])


def encode_inbound(message: InboundMessage) -> str:
    """Return the message as JSON without its defaults."""
    return _inbound.dump_json(message, exclude_defaults=True).decode()


def decode_inbound(text: str) -> InboundMessage:
    """Read `encode_inbound`'s text."""
    return _inbound.validate_json(text)


def encode_outbound(message: OutboundMessage) -> str:
    """Return the message as JSON without its defaults."""
    return _outbound.dump_json(message, exclude_defaults=True).decode()


def decode_outbound(text: str) -> OutboundMessage:
    """Read `encode_outbound`'s text."""
    return _outbound.validate_json(text)


def encode_progress(items: list[Progress]) -> str:
    """Return a batch of progress as JSON."""
    return _progress.dump_json(items, exclude_defaults=True).decode()


def decode_progress(text: str) -> list[Progress]:
    """Read `encode_progress`'s text."""
    return _progress.validate_json(text)
