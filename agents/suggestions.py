"""Questions that may follow an answer: from a model, or from the headings of what else was found."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from contextlib import aclosing

from agents.models.catalog import Models
from agents.moderation.moderator import Moderators
from agents.texts import say
from agents.types import Answer, Language, Turn
from config.assistant import FollowUps

LENGTH_MAX = 60
SECONDS = 20.0
EXCERPT = 1500

_PROMPTS: dict[Language, str] = {
    "zh": "根据下面的一问一答，站在提问者的角度写出 {count} 个最可能的后续问题。每个不超过 25 个字，彼此不同，"
    "不要重复已经回答过的内容。只输出一个 JSON 字符串数组，不要任何别的文字。",
    "en": "From the exchange below, write the {count} questions the person is most likely to ask next, in their words. "
    "At most 10 words each, all different, none already answered. Output one JSON array of strings and nothing else.",
}
_LINE_MARK = re.compile(r"^\s*(?:[-*+•]|\d+\s*[.)、:：]|[qQ]\d*\s*[.:：])?\s*")
_ARRAY = re.compile(r"\[.*\]", re.DOTALL)
_MARKUP = re.compile(r"[\s*_`#>]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_FENCE = "```"


class Suggester:
    """Finds follow-up questions."""

    def __init__(self, models: Models, moderators: Moderators) -> None:
        self._models = models
        self._moderators = moderators

    async def suggest(self, turn: Turn, answer: Answer) -> tuple[str, ...]:
        """Return up to the configured number of questions, each of at most 60 characters.

        Raises:
            ModelError: the model failed.
        """
        wanted = turn.assistant.follow_ups
        if not wanted.enabled or answer.outcome != "answered":
            return ()
        alias = wanted.model or turn.assistant.model
        if self._models.is_offline(alias):
            found = from_headings(turn, answer)
        else:
            found = parse(await self._ask(alias, wanted, turn, answer))
        moderator = await self._moderators.of(turn.assistant.moderation)
        allowed = (question for question in found if moderator.check_output(question).action == "allow")
        return chosen(allowed, question=answer.question or turn.text, count=wanted.count)

    async def _ask(self, alias: str, wanted: FollowUps, turn: Turn, answer: Answer) -> str:
        system = _PROMPTS[turn.language].format(count=wanted.count)
        if wanted.prompt:
            system = f"{wanted.prompt}\n\n{system}"
        exchange = f"<question>\n{(answer.question or turn.text)[:EXCERPT]}\n</question>\n"
        exchange += f"<answer>\n{answer.text[:EXCERPT]}\n</answer>"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": exchange}]
        said: list[str] = []
        try:
            async with (
                asyncio.timeout(SECONDS),
                aclosing(self._models.model(alias).stream(messages)) as chunks,
            ):
                async for chunk in chunks:
                    said.append(chunk.text)
        except TimeoutError:
            return ""
        return "".join(said)


def parse(text: str) -> list[str]:
    """Return the questions in a model's words: a JSON array, or else one a line, with or without marks."""
    array = _ARRAY.search(text)
    if array:
        try:
            items = json.loads(array[0])
        except ValueError:
            items = None
        if isinstance(items, list):
            return [_text_of(item) for item in items]
    lines = (_LINE_MARK.sub("", line, count=1) for line in text.splitlines())
    return [line.strip().strip('",[]') for line in lines if not line.startswith(_FENCE)]


def chosen(candidates: Iterable[str], *, question: str, count: int) -> tuple[str, ...]:
    """Return the first `count` usable candidates: one line each, short, and none the question or twice the same.

    What begins with a slash is left out: pressed, it would be a command, and a model gives none.
    """
    seen = {_bare(question)}
    kept: list[str] = []
    for candidate in candidates:
        text = " ".join(candidate.split())
        bare = _bare(text)
        usable = bare and len(text) <= LENGTH_MAX and not text.startswith(("/", "／"))
        if len(kept) < count and usable and bare not in seen:
            seen.add(bare)
            kept.append(text)
    return tuple(kept)


def from_headings(turn: Turn, answer: Answer) -> list[str]:
    """Return a question for the heading of each passage that the answer did not use, in the turn's language."""
    used = {_heading(cited.passage.position, cited.passage.title) for cited in answer.citations}
    headings = dict.fromkeys(_heading(passage.position, passage.title) for passage in answer.uncited)
    return [
        say("about", turn.language, heading=heading)
        for heading in headings
        if heading and heading not in used and bool(_HAN.search(heading)) == (turn.language == "zh")
    ]


def _heading(position: str, title: str) -> str:
    last = re.split(r"\s*[>›»/]\s*", position)[-1]
    return _MARKUP.sub(" ", last or title).strip()


def _text_of(item: object) -> str:
    if isinstance(item, dict):
        item = next((value for value in item.values() if isinstance(value, str)), "")
    return item if isinstance(item, str) else ""


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
