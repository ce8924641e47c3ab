"""Plan an outbound message: rendered, split, and with its buttons on the last part. Pure."""

from __future__ import annotations

from typing import Any, Final

from channels.markup.markdown import parse_markdown
from channels.markup.styled import Span, StyledText, clean, is_link
from channels.telegram import buttons
from channels.telegram.html import render
from channels.types import Attachment, Citation, OutboundMessage, Part

TEXT_MAX_UTF16: Final = 4096
"""After entities were parsed. Source: https://core.telegram.org/bots/api#sendmessage"""
BUTTONS_MAX: Final = 8

_SOURCES = {"zh": "来源", "en": "Sources"}
_MORE = {"zh": "您还可以问：", "en": "You could also ask:"}


def plan(message: OutboundMessage) -> tuple[Part, ...]:
    """Return the requests that deliver `message`; none where there is nothing to show."""
    made = buttons.lay_out(message.actions, message.suggestions, buttons_max=BUTTONS_MAX)
    keyboard = buttons.payload(made) if made.rows else {}
    payloads = [_text(part) for part in body(message).split(TEXT_MAX_UTF16, "utf16")]
    if message.kind == "suggestions" and message.amends and keyboard and not payloads:
        payloads = [{"op": "buttons", "amends": message.amends, "html": _MORE[message.language]}]
    payloads += [_file(attachment) for attachment in message.attachments]
    if keyboard and not payloads:
        payloads = [_text(StyledText(_MORE[message.language]))]
    if not payloads:
        return ()
    payloads[0] |= {"turn": message.turn, "reply_to": message.in_reply_to}
    payloads[-1] |= keyboard
    if message.kind == "answer":
        payloads[-1]["known_as"] = message.id
    if _is_apart(message):
        payloads = [{**payload, "chat": message.audience, "reply_to": None, "turn": ""} for payload in payloads]
    return tuple(
        Part(conversation=message.conversation, message=message.id, ordinal=ordinal, payload=payload)
        for ordinal, payload in enumerate(payloads)
    )


def body(message: OutboundMessage) -> StyledText:
    """Return the answer with its sources below."""
    return parse_markdown(message.content).joined(_sources(message))


def _is_apart(message: OutboundMessage) -> bool:
    """Whether one member of a group is meant: they are written to privately, so that nobody else reads it."""
    return message.audience is not None and message.audience != message.conversation.chat


def _text(part: StyledText) -> dict[str, Any]:
    return {"op": "text", "html": render(part)}


def _file(attachment: Attachment) -> dict[str, Any]:
    return {"op": "file", "file": attachment.id, "kind": attachment.kind, "name": attachment.name}


def _sources(message: OutboundMessage) -> StyledText:
    if not message.citations:
        return StyledText()
    heading = _SOURCES[message.language]
    sources = StyledText(heading, (Span(0, len(heading), "bold"),))
    for citation in message.citations:
        sources = sources.joined(_source(citation), "\n")
    return sources


def _source(citation: Citation) -> StyledText:
    number = f"[{citation.number}] "
    title = clean(citation.title).replace("\n", " ").strip() or clean(citation.source)
    place = clean(citation.position).replace("\n", " ").strip()
    text = f"{number}{title}" + (f" · {place}" if place else "")
    linked = is_link(citation.source) and not citation.source.startswith("tg:")
    spans = (Span(len(number), len(number) + len(title), "link", citation.source),) if linked and title else ()
    return StyledText(text, spans)
