"""E-mail: subject, people, date and the text, and the attachments that a loader reads; the others are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import PurePath
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders.markup import blocks_of
from knowledge.loaders.table import loader_for
from knowledge.types import Access, Block, Loaded

_HEADERS = ("From", "To", "Cc", "Date")
_READ_MAX = 50
"""So many attachments are read."""
_MAIL = ".eml"


def load(data: bytes, *, name: str) -> Loaded:
    """Return a message as it is read by a person; the subject is the title.

    What stands in an attachment comes under its name. A message within a message, an archive, and an attachment that
    its loader refuses are only named.
    """
    try:
        message = BytesParser(EmailMessage, policy=policy.default).parsebytes(data)
        body = message.get_body(preferencelist=("plain", "html"))
        text = str(body.get_content()) if body is not None else ""
        attached = [(_name(part), _bytes(part)) for part in _attachments(message)]
        headers = [f"{key}: {message[key]}" for key in _HEADERS if message[key]]
        subject = str(message["Subject"] or "")
    except (LookupError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    blocks = [Block(text="\n".join(headers))]
    if body is not None and body.get_content_type() == "text/html":
        blocks += blocks_of(text)[1]
    else:
        blocks += [Block(text=part.strip()) for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    if attached:
        blocks.append(Block(text="Attachments: " + ", ".join(title for title, _ in attached)))
    blocks += [block for title, content in attached[:_READ_MAX] for block in _read(title, content)]
    return Loaded(title=subject.strip() or PurePath(name).stem, blocks=tuple(blocks))


def _attachments(part: Any) -> Iterator[Any]:
    """Yield what is not the text of the message, at any depth of its parts, but never what a message within it has."""
    if part.get_content_maintype() == "multipart":
        for inner in part.iter_parts():
            yield from _attachments(inner)
    elif part.is_attachment() or part.get_filename() or part.get_content_maintype() != "text":
        yield part


def _name(part: Any) -> str:
    given = str(part.get_filename() or "").replace("\\", "/").rpartition("/")[2].strip()
    return given or str(part.get_content_type())


def _bytes(part: Any) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _read(name: str, content: bytes) -> list[Block]:
    if PurePath(name).suffix.lower() == _MAIL:
        return []
    try:
        loaded = loader_for(name)(content, name=name)
    except DocumentRefused:
        return []
    # A part of a document cannot have other readers than the whole: what limits them is left out.
    if loaded.access != Access():
        return []
    return [replace(block, headings=(name, *block.headings)) for block in loaded.blocks]
