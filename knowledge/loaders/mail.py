"""E-mail: subject, people, date and the text; attachments are named, never opened."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import PurePath

from knowledge.errors import DocumentRefused
from knowledge.loaders.markup import blocks_of
from knowledge.types import Block, Loaded

_HEADERS = ("From", "To", "Cc", "Date")


def load(data: bytes, *, name: str) -> Loaded:
    """Return a message as it is read by a person; the subject is the title."""
    try:
        message = BytesParser(EmailMessage, policy=policy.default).parsebytes(data)
        body = message.get_body(preferencelist=("plain", "html"))
        text = str(body.get_content()) if body is not None else ""
        attached = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
        headers = [f"{key}: {message[key]}" for key in _HEADERS if message[key]]
        subject = str(message["Subject"] or "")
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        raise DocumentRefused(f"damaged: {type(error).__name__}", document=name) from error
    blocks = [Block(text="\n".join(headers))]
    if body is not None and body.get_content_type() == "text/html":
        blocks += blocks_of(text)[1]
    else:
        blocks += [Block(text=part.strip()) for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    if attached:
        blocks.append(Block(text="Attachments: " + ", ".join(attached)))
    return Loaded(title=subject.strip() or PurePath(name).stem, blocks=tuple(blocks))
