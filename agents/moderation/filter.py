"""Let a stream of text through without ever showing a part of a forbidden phrase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agents.moderation.phrases import Phrases, Rule
from agents.moderation.scanner import Match, Scanner
from agents.types import Verdict

Report = Callable[[Rule], None]
"""Is told each rule that is met, once a text."""
Note = Callable[[str], Rule | None]
"""Is given the whole text when it has ended; returns a rule that only wants to be logged."""


class OutputFilter(Protocol):
    """Moderates one text that arrives in pieces. How it is cut makes no difference to what comes out."""

    def push(self, delta: str) -> str:
        """Return what may be shown now: text that can no longer become part of a forbidden phrase."""

    def finish(self) -> str:
        """The text has ended: return the rest of what may be shown."""

    @property
    def verdict(self) -> Verdict:
        """What was decided so far; `block` ends the text, and nothing more comes out. Final after `finish`."""


def verdict(rule: Rule | None, text: str) -> Verdict:
    """Return what `rule` makes of a text that it left as `text`."""
    if rule is None:
        return Verdict(action="allow", text=text)
    action = "allow" if rule.action == "log" else rule.action
    return Verdict(action=action, text=text, category=rule.category, rule=rule.name)


class PassThrough:
    """Nothing is forbidden."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def push(self, delta: str) -> str:
        """Return it."""
        self._pieces.append(delta)
        return delta

    def finish(self) -> str:
        """Nothing was held back."""
        return ""

    @property
    def verdict(self) -> Verdict:
        """Everything is allowed."""
        return Verdict(action="allow", text="".join(self._pieces))


class PhraseFilter:
    """Redacts and blocks. What overlapping matches cover is replaced by one mask."""

    __slots__ = (
        "_base",
        "_blocked",
        "_held",
        "_mask",
        "_note",
        "_pieces",
        "_read",
        "_report",
        "_rule",
        "_rules",
        "_scanner",
        "_spans",
        "_taken",
    )

    def __init__(self, phrases: Phrases, *, mask: str, report: Report, note: Note | None = None) -> None:
        self._scanner = Scanner(phrases)
        self._mask = mask
        self._report = report
        self._note = note
        self._read: list[str] = []
        self._held = ""
        self._base = 0
        """Where `_held` begins in the kept text."""
        self._taken = 0
        self._spans: list[tuple[int, int]] = []
        self._pieces: list[str] = []
        self._rule: Rule | None = None
        """The rule that the verdict names."""
        self._rules: set[Rule] = set()
        self._blocked = False

    def push(self, delta: str) -> str:
        """Return what may be shown now."""
        if self._blocked:
            return ""
        if self._note is not None:
            self._read.append(delta)
        self._held += self._scanner.read(delta)
        return self._release()

    def finish(self) -> str:
        """Return the rest."""
        if self._blocked:
            return ""
        self._scanner.finish()
        text = self._release()
        if self._note is not None:
            self._meet(self._note("".join(self._read)))
        return text

    @property
    def verdict(self) -> Verdict:
        """The strongest rule that matched, and everything that was let through."""
        return verdict(self._rule, "".join(self._pieces))

    def _release(self) -> str:
        scanner = self._scanner
        if len(scanner.matches) > self._taken:
            for match in scanner.matches[self._taken :]:
                self._meet(match.rule)
                self._cover(match)
            self._taken = len(scanner.matches)
        settled = scanner.settled
        if scanner.blocked is not None:
            settled = min(settled, scanner.blocked.start)
            self._blocked = True
            self._rule = scanner.blocked.rule
        text = self._masked(settled)
        if text:
            self._pieces.append(text)
        if self._blocked:
            self._held = ""
        return text

    def _meet(self, rule: Rule | None) -> None:
        if rule is None or rule in self._rules:
            return
        self._rules.add(rule)
        self._rule = self._rule or rule
        self._report(rule)

    def _cover(self, match: Match) -> None:
        """Matches become certain in the order of their ends: an overlap can only be with the last spans."""
        if match.rule.action == "block":
            return
        start, end = match.start, match.end
        while self._spans and self._spans[-1][1] > start:
            last_start, last_end = self._spans.pop()
            start, end = min(start, last_start), max(end, last_end)
        self._spans.append((start, end))

    def _masked(self, settled: int) -> str:
        """Take the text before `settled` out of what is held, masked; a span that reaches beyond stays."""
        if not self._spans and settled - self._base == len(self._held):
            text, self._held, self._base = self._held, "", settled
            return text
        pieces: list[str] = []
        while self._spans and self._spans[0][0] < settled:
            start, end = self._spans[0]
            if end > settled:
                settled = start
                break
            pieces += (self._held[: start - self._base], self._mask)
            self._held = self._held[end - self._base :]
            self._base = end
            del self._spans[0]
        pieces.append(self._held[: settled - self._base])
        self._held = self._held[settled - self._base :]
        self._base = settled
        return "".join(pieces)
