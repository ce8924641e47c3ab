"""Questions that say only what is different: "and for interns?", 那实习生呢？ For use where no model can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.types import Recollection
from knowledge.retrieval.words import terms
from knowledge.types import Passage

_ENGLISH = re.compile(r"\W*(?:and|but|or|what about|how about)\b(.{1,60}?)\?\W*", re.IGNORECASE)
_CHINESE = re.compile(r"\W*(?:(?:那么?|还有|以及|而|换成|如果是)(.{1,16}?)呢?|(.{1,12}?)呢)\W*")
_EARLIER_MAX = 200
_MENTIONED = 0.5
"""The share of the new words that a passage must have."""


def news(question: str) -> str:
    """Return what an elliptical question asks about instead; an empty text where it stands for itself."""
    found = _ENGLISH.fullmatch(question) or _CHINESE.fullmatch(question)
    return next((group.strip() for group in found.groups() if group), "") if found else ""


def whole(question: str, recalled: Recollection) -> str:
    """Return an elliptical question behind the one that it follows; an empty text where there is none or no need."""
    if not news(question):
        return ""
    asked = (one.text for one in reversed(recalled.messages) if one.role == "user")
    earlier = next((text for text in asked if not news(text)), "")
    return f"{earlier[-_EARLIER_MAX:]} {question}" if earlier else ""


def mentioning(question: str, passages: Iterable[Passage]) -> tuple[Passage, ...]:
    """Return the passages that name what an elliptical question asks about; the others fit the one before it only."""
    wanted = set(terms(news(question)))

    def share(passage: Passage) -> float:
        return len(wanted & set(terms(f"{passage.title} {passage.position} {passage.text}"))) / len(wanted)

    return tuple(passage for passage in passages if wanted and share(passage) >= _MENTIONED)
