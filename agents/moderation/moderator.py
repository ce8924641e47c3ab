"""Moderators: an assistant's word lists, compiled once and shared by all its turns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import structlog

from agents.errors import WordListUnreadable
from agents.moderation.filter import OutputFilter, PassThrough, PhraseFilter, verdict
from agents.moderation.phrases import Phrases, Rule
from agents.types import Verdict
from config.assistant import Moderation, WordList

log = structlog.get_logger(__name__)

K = TypeVar("K")
V = TypeVar("V")
Side = Literal["input", "output"]


class _Lists:
    """One side's lists: what is enforced on a text, and what is only noted."""

    __slots__ = ("_enforced", "_noted")

    def __init__(self, lists: Sequence[WordList]) -> None:
        self._enforced = Phrases(words for words in lists if words.action != "log")
        self._noted = Phrases(words for words in lists if words.action == "log")

    def __bool__(self) -> bool:
        return bool(self._enforced or self._noted)

    def filter(self, side: Side, mask: str) -> OutputFilter:
        """Return a filter for one text."""
        if not self:
            return PassThrough()
        note = partial(self._note, side) if self._noted else None
        return PhraseFilter(self._enforced, mask=mask, report=partial(_report, side), note=note)

    def check(self, side: Side, mask: str, text: str) -> Verdict:
        """Judge a whole text."""
        if not self._enforced.may_match(text):
            return verdict(self._note(side, text), text)
        phrases = self.filter(side, mask)
        phrases.push(text)
        phrases.finish()
        return phrases.verdict

    def _note(self, side: Side, text: str) -> Rule | None:
        """Return the first rule of action `log` that the text meets, and report all of them."""
        met: list[Rule] = []
        if self._noted.may_match(text):
            phrases = PhraseFilter(self._noted, mask="", report=met.append)
            phrases.push(text)
            phrases.finish()
        for rule in met:
            _report(side, rule)
        return next(iter(met), None)


def _report(side: Side, rule: Rule) -> None:
    log.info("moderation.matched", side=side, rule=rule.name, category=rule.category, action=rule.action)


class Moderator:
    """Applies one assistant's word lists. Their files are read when it is made.

    Raises:
        WordListUnreadable: a file is missing or is not UTF-8.
    """

    def __init__(self, moderation: Moderation) -> None:
        self._mask = moderation.mask
        self._input = _Lists(moderation.input)
        self._output = self._input if moderation.output == moderation.input else _Lists(moderation.output)

    def check_input(self, text: str) -> Verdict:
        """Judge what a person wrote."""
        return self._input.check("input", self._mask, text) if self._input else Verdict(action="allow", text=text)

    def check_output(self, text: str) -> Verdict:
        """Judge a whole text of the assistant's: the same as a filter that was given it in any pieces."""
        return self._output.check("output", self._mask, text) if self._output else Verdict(action="allow", text=text)

    def output_filter(self) -> OutputFilter:
        """Return a new filter for one answer; it costs nothing where no list is configured."""
        return self._output.filter("output", self._mask)


class Moderators:
    """Keeps the moderators of the last `capacity` configurations."""

    def __init__(self, *, capacity: int = 64) -> None:
        self._capacity = capacity
        self._by_object: OrderedDict[int, tuple[Moderation, Moderator]] = OrderedDict()
        self._by_content: OrderedDict[object, Moderator] = OrderedDict()
        self._building = asyncio.Lock()

    async def of(self, moderation: Moderation) -> Moderator:
        """Return the moderator of these settings, compiling it in a thread the first time.

        A new object with the same lists and unchanged files gets the moderator that is there.

        Raises:
            WordListUnreadable: a file is missing or is not UTF-8.
        """
        known = self._by_object.get(id(moderation))
        if known is not None:
            return known[1]
        async with self._building:
            content = (moderation, _stamps(moderation))
            moderator = self._by_content.get(content)
            if moderator is None:
                moderator = await asyncio.to_thread(Moderator, moderation)
                _keep(self._by_content, content, moderator, self._capacity)
        # Holding the settings keeps their id from being given to another object.
        _keep(self._by_object, id(moderation), (moderation, moderator), self._capacity)
        return moderator


def _keep(kept: OrderedDict[K, V], key: K, value: V, capacity: int) -> None:
    kept[key] = value
    if len(kept) > capacity:
        kept.popitem(last=False)


def _stamps(moderation: Moderation) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file of the lists does."""
    files = {words.file for words in (*moderation.input, *moderation.output) if words.file is not None}
    try:
        states = [(name, Path(name).stat()) for name in sorted(files)]
    except OSError as error:
        raise WordListUnreadable(f"a word list cannot be read: {error}") from error
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)
