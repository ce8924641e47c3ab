"""Rows of cells as Markdown tables, and questions with answers as pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from knowledge.types import Block

_QUESTION = frozenset({"question", "q", "问题", "问", "提问", "問題", "标准问题"})
_ANSWER = frozenset({"answer", "a", "答案", "答", "回答", "回复", "标准答案"})
_GAP = re.compile(r"\s+")
_PADDED_MAX = 1_000_000  # cells; one long row among many short ones must not fill the memory


def cell(value: object) -> str:
    """Return a value as the text of a table's cell."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _GAP.sub(" ", str(value)).strip().replace("|", "\\|")


def table(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as a Markdown table, the first row as its head; empty rows and columns at the end are left out."""
    texts = [[cell(value) for value in row] for row in rows]
    texts = [row for row in texts if any(row)]
    width = max((max(at for at, value in enumerate(row, 1) if value) for row in texts), default=0)
    padded = width if width * len(texts) <= _PADDED_MAX else 0
    lines = ["| " + " | ".join((row + [""] * (padded - len(row)))[:width]) + " |" for row in texts]
    if lines:
        lines.insert(1, "|" + "---|" * width)
    return "\n".join(lines)


def pairs(head: Sequence[object], rows: Iterable[Sequence[object]]) -> list[Block] | None:
    """Return question-answer blocks where the head names both columns, else None."""
    names = [cell(value).lower() for value in head]
    question = next((at for at, name in enumerate(names) if name in _QUESTION), None)
    answer = next((at for at, name in enumerate(names) if name in _ANSWER), None)
    if question is None or answer is None:
        return None
    wide = max(question, answer)
    return [pair(str(row[question]), str(row[answer])) for row in rows if len(row) > wide and row[question]]


def pair(question: str, answer: str) -> Block:
    """Return one question with its answer."""
    return Block(text=answer.strip(), headings=(_GAP.sub(" ", question).strip(),), kind="pair")


def pair_of(entry: object) -> Block | None:
    """Return the pair that a mapping with a question and an answer holds; None for anything else."""
    if not isinstance(entry, dict):
        return None
    named = {str(key).lower(): value for key, value in entry.items()}
    question = next((named[key] for key in named if key in _QUESTION), None)
    answer = next((named[key] for key in named if key in _ANSWER), None)
    return pair(str(question), str(answer)) if question and answer else None
