"""Word lists, compiled once into what a text can be searched for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
from ahocorasick_rs import AhoCorasick

from agents.errors import WordListUnreadable
from agents.moderation.normalise import KINDS, TABLE, Kind, letters, may_hold_stray_marks, regional_forms, visible
from config.assistant import WordList

log = structlog.get_logger(__name__)

_COMMENT = re.compile(r"(^|\s)#.*")
_STRONGER = {"log": 0, "redact": 1, "block": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a word list says of its phrases."""

    name: str
    action: Literal["block", "redact", "log"]
    category: str = ""


class Ranked:
    """Normalised phrases in order, so that all that begin alike stand together.

    A phrase that is being read letter by letter is a range of it, which `narrowed` makes smaller.
    """

    __slots__ = ("_automaton", "firsts", "keys", "rules")

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.keys: Sequence[str] = sorted(rules)
        self.rules: Sequence[Rule] = [rules[key] for key in self.keys]
        self.firsts: Mapping[str, tuple[int, int]] = _ranges_by_first(self.keys)
        self._automaton = AhoCorasick(self.keys, store_patterns=False) if self.keys else None

    def occurs_in(self, found: str) -> bool:
        """Whether any phrase is part of normalised text, borders aside."""
        return self._automaton is not None and bool(self._automaton.find_matches_as_indexes(found))


def _ranges_by_first(keys: Sequence[str]) -> dict[str, tuple[int, int]]:
    ranges: dict[str, tuple[int, int]] = {}
    for index, key in enumerate(keys):
        low, _ = ranges.get(key[0], (index, index))
        ranges[key[0]] = (low, index + 1)
    return ranges


class Phrases:
    """The phrases of some word lists.

    `plain` are those of letters alone: they match whatever stands between their letters. `literal` are those whose
    symbols matter ("$hit", "c++", an emoji): they match with spaces and punctuation between, symbols as written.
    """

    __slots__ = ("dull", "literal", "plain")

    def __init__(self, lists: Iterable[WordList]) -> None:
        plain: dict[str, Rule] = {}
        literal: dict[str, Rule] = {}
        for words in lists:
            rule = Rule(words.name, words.action, words.category)
            phrases = list(dict.fromkeys(_phrases_of(words)))
            for phrase, forms in zip(phrases, regional_forms(phrases), strict=True):
                is_literal = _is_literal(phrase)
                keys = {visible(form) if is_literal else letters(form) for form in forms} - {""}
                if not keys:
                    log.warning("moderation.phrase_without_letters", rule=words.name)
                for key in keys:
                    _keep(literal if is_literal else plain, key, rule)
        self.plain = Ranked(plain)
        self.literal = Ranked(literal)
        self.dull = _Dull({*self.plain.firsts, *self.literal.firsts})
        """Character → its last unit where no phrase begins with any of its units, else None."""

    def __bool__(self) -> bool:
        return bool(self.plain.keys or self.literal.keys)

    def may_match(self, text: str) -> bool:
        """Whether it is worth scanning the text; False is certain, True is not."""
        found = letters(text)
        if self.plain.occurs_in(found) or may_hold_stray_marks(found):
            return True
        return bool(self.literal.keys) and self.literal.occurs_in(visible(text))


class _Dull(dict[str, str | None]):
    """Characters that matter only to a phrase that has begun: most of a text, for most lists."""

    def __init__(self, firsts: set[str]) -> None:
        super().__init__()
        self._firsts = firsts

    def __missing__(self, character: str) -> str | None:
        found = TABLE[character]
        is_dull = found and all(unit not in self._firsts and KINDS[unit] is not Kind.MORE for unit in found)
        unit = self[character] = found[-1] if is_dull else None
        return unit


def _keep(rules: dict[str, Rule], key: str, rule: Rule) -> None:
    """The strongest action wins where two lists have the same phrase."""
    known = rules.get(key)
    if known is None or _STRONGER[rule.action] > _STRONGER[known.action]:
        rules[key] = rule


def _is_literal(phrase: str) -> bool:
    """Symbols matter unless the phrase is Chinese enough without them ("加微信!")."""
    if phrase.isalnum():
        return False
    kinds = [KINDS[unit] for unit in visible(phrase)]
    return Kind.SYMBOL in kinds and kinds.count(Kind.IDEOGRAPH) < 2


def _phrases_of(words: WordList) -> Iterator[str]:
    yield from words.words
    if words.file is None:
        return
    try:
        text = Path(words.file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WordListUnreadable(f"the word list {words.name!r} cannot be read from {words.file}: {error}") from error
    for line in text.splitlines():
        if phrase := _COMMENT.sub("", line).strip():
            yield phrase
