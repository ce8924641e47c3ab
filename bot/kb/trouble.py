"""Why something cannot be done, or could not be read, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any

from bot.errors import BotError
from bot.kb.wording import clean
from knowledge import errors

_ADVICE: tuple[tuple[str, str], ...] = (
    (r"is not a public address", "name its network under fetch_networks of the base, if it is yours"),
    (r"robots\.txt", "the site does not want it; ask its owner, or save the pages and add the files"),
    (r"^not reached|no answer in time", "look whether the site is up, then sync again"),
    (r"^status (401|403)", "the page needs a login; save it and add the file"),
    (r"^status 5\d\d|^status 429", "the site has trouble; sync again later"),
    (r"^status", "open the address in a browser; correct or remove it"),
    (r"sitemap or feed", "leave --sitemap or --feed out for a single page"),
    (r"larger than", "split it, or add only the part that is asked about"),
    (r"no loader reads", "convert it, for example to PDF, DOCX or Markdown"),
    (r"password|encrypted", "save it without a password"),
    (r"no text in it", "a scan? recognise its text first (OCR)"),
    (r"source does not exist", "correct the path, or mount the disk; nothing is removed meanwhile"),
    (r"[Pp]ermission denied", "let the user that runs Parley read it"),
    (r"binary file", "give it the suffix of what it is"),
    (r"time|memory", "split it, or convert it to plain text"),
    (r"damaged|not valid|broken", "open it in the program that made it, and save it again"),
)


def advice(reason: str) -> str:
    """Return what to do about a document that was refused for `reason`; empty where nothing is known to help."""
    return next((text for pattern, text in _ADVICE if re.search(pattern, reason)), "")


def explained(error: errors.KnowledgeError) -> str:
    """Return why a command could not do its work, and what to do."""
    text = str(error)
    match error:
        case errors.Busy():
            text = f"another process is changing the base {text}: try again when it is done"
        case errors.UnknownRevision():
            text = f"revision {text} is not kept; `parley kb revisions` shows those that are"
        case errors.UnknownDocument():
            close = f"did you mean {' or '.join(error.close)}?" if error.close else "`parley kb ls` shows them all"
            text = f"there is no document or addition {text}; {close}"
        case errors.DocumentRefused():
            hint = advice(text)
            text = f"{error.document}: {text}" + (f" ({hint})" if hint else "")
        case errors.EmbeddingUnavailable() | errors.IndexUnavailable():
            text = f"{text}. What was done is kept: with it back, the same command goes on from there"
    return clean(text)


async def translated(work: Coroutine[Any, Any, int | None]) -> int | None:
    """Do `work`.

    Raises:
        BotError: it cannot be done; the message says what to do.
    """
    try:
        return await work
    except errors.KnowledgeError as error:
        raise BotError(explained(error)) from error
