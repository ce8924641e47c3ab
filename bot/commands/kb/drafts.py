"""What `/kb answer` is to store: read from its words, the message replied to, and what was said before. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.texts import TEXTS

if TYPE_CHECKING:
    from agents.types import RecalledMessage
    from knowledge.types import Access

PREFIX_MIN = 12
"""So many letters make two texts the same message where one of them was cut, or has its sources below it."""
_ARROW = re.compile(r"\s*(?:=>|＝＞|=＞|＝>|⇒)\s*")
_CITED = re.compile(r"[ \t]?\[\d{1,3}(?:\s*[,，、]\s*\d{1,3})*\](?!\()")
_QUESTION = re.compile(
    r"[?？]\s*$|^\s*(?:问|问题|Q|question)\s*[:：]|[吗呢]\s*$|什么|怎么|怎样|如何|多少|几[天个人次年月]|哪|谁|是否|为何"
    r"|^\s*(?:who|what|when|where|why|how|which|can|do|does|is|are|may|must|should)\b",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\s*(?:问题?|答案?|回答|Q|A|question|answer)\s*[:：]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A question with its answer, and the limits of what they were taken from."""

    question: str
    answer: str
    access: tuple[Access, ...] = ()


def drafted(
    text: str, quoted: str, messages: Sequence[RecalledMessage], *, earlier: tuple[Access, ...] = ()
) -> Draft | None:
    """Return what is to be stored; None where the question or the answer cannot be found.

    `earlier` are the limits of what was said before `messages`.
    """
    if pair := pair_of(text):
        return Draft(question=pair[0], answer=pair[1], access=_limits(messages, _same(pair[1], messages)))
    if quoted.strip():
        return _replied(text, quoted, messages, earlier)
    at = next((at for at in reversed(range(len(messages))) if messages[at].role == "assistant"), None)
    question = None if at is None else _question_before(at, messages)
    if at is None or question is None:
        return None
    answer = text or lasting(messages[at].text)
    return Draft(question=messages[question].text, answer=answer, access=_limits(messages, [question, at]))


def pair_of(text: str) -> tuple[str, str] | None:
    """Read `question => answer`, or a question on a line of its own with the answer below it."""
    parts = _ARROW.split(text, maxsplit=1)
    if len(parts) == 1:
        first, _, rest = text.strip().partition("\n")
        parts = [first, rest] if rest.strip() and _QUESTION.search(first) else []
    question, answer = (_LABEL.sub("", part).strip() for part in parts) if len(parts) == 2 else ("", "")
    return (question, answer) if question and answer else None


def lasting(text: str) -> str:
    """Return an answer as it may be given again: without [numbers], and without the note that no model wrote it."""
    for note in TEXTS["offline_note"].values():
        text = text.replace(note, "")
    return _CITED.sub("", text).strip()


def says_nothing(answer: str, not_found: str | None) -> bool:
    """Whether an answer only says that nothing was found: `not_found` is how the assistant itself puts it."""
    keys = ("not_found", "offline_not_found", "offline_no_base", "blocked")
    known = [_flat(text) for key in keys for text in TEXTS[key].values()]
    return _flat(answer) in [*known, _flat(not_found or "")]


def _replied(text: str, quoted: str, messages: Sequence[RecalledMessage], earlier: tuple[Access, ...]) -> Draft | None:
    same = _same(quoted, messages)
    if text:
        answer = lasting(messages[same[0]].text) if same else quoted.strip()
        # Where the words come from is not known: all that was said here counts.
        access = _limits(messages, same[:1]) if same else (*earlier, *_limits(messages, range(len(messages))))
        return Draft(question=text, answer=answer, access=tuple(dict.fromkeys(access)))
    at = next((at for at in same if messages[at].role == "assistant"), None)
    question = None if at is None else _question_before(at, messages)
    if at is None or question is None:
        return None
    return Draft(
        question=messages[question].text,
        answer=lasting(messages[at].text),
        access=_limits(messages, [question, at]),
    )


def _question_before(at: int, messages: Sequence[RecalledMessage]) -> int | None:
    return next((before for before in reversed(range(at)) if messages[before].role == "user"), None)


def _same(text: str, messages: Sequence[RecalledMessage]) -> list[int]:
    """Return the messages that are `text`, or that it is a part of; the best first, of equals the newest."""
    wanted = _flat(text)
    shared = {at: _shared(wanted, _flat(message.text)) for at, message in enumerate(messages)}
    return sorted((at for at in shared if shared[at]), key=lambda at: (-shared[at], -at))


def _shared(left: str, right: str) -> int:
    """Return how many letters two texts share if they are the same message, else 0."""
    if not left or not right:
        return 0
    if left == right:
        return len(left) + 1
    shorter = min(len(left), len(right))
    if shorter >= PREFIX_MIN and (left in right or right in left):
        return shorter
    return shorter if left.startswith(right) or right.startswith(left) else 0


def _flat(text: str) -> str:
    from channels.markup.markdown import parse_markdown

    return re.sub(r"[\W_]+", "", parse_markdown(text).text.casefold())


def _limits(messages: Sequence[RecalledMessage], sources: Sequence[int]) -> tuple[Access, ...]:
    return tuple(dict.fromkeys(access for at in sources for access in messages[at].access))
