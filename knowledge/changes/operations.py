"""The small changes of a base beside its documents, as data: each machine that shares the base applies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from knowledge.catalogue.additions import Additions, read_addition, written_addition
from knowledge.catalogue.file import CatalogueFile
from knowledge.catalogue.ledger import Ledger
from knowledge.ingest.additions import Addition
from knowledge.retrieval.answers import annotate, unannotate

Operation = tuple[str, Any]
"""Its name and its JSON value."""


def block(document: str, *, blocked: bool) -> Operation:
    """Keep a document out of every sync, or let it in again."""
    return ("block", [document, blocked])


def hold(versions: Mapping[str, str | None]) -> Operation:
    """Hold back what a rollback went away from."""
    return ("hold", dict(versions))


def release(documents: Sequence[str]) -> Operation:
    """Hold back nothing of these documents any more."""
    return ("release", list(documents))


def record(addition: Addition) -> Operation:
    """Write an addition down."""
    return ("record", written_addition(addition))


def forget(value: str) -> Operation:
    """Forget an addition."""
    return ("forget", value)


def attribute(documents: Sequence[str], value: str) -> Operation:
    """Note that documents come from an addition."""
    return ("attribute", [list(documents), value])


def answer(question: str, text: str, *, label: str, author: str, at: float, number: int = 0) -> Operation:
    """Fix the answer to a question, under a number of its own or the next one."""
    return ("answer", [question, text, label, author, at, number])


def unanswer(number: int) -> Operation:
    """Forget a fixed answer."""
    return ("unanswer", number)


class Operations:
    """Applies operations to a catalogue. Blocking; each may be applied again without harm."""

    def __init__(self, file: CatalogueFile) -> None:
        ledger, additions = Ledger(file), Additions(file)
        self._file, self._ledger, self._additions = file, ledger, additions
        self._apply: Mapping[str, Callable[[Any], object]] = {
            "block": lambda value: ledger.block(value[0], blocked=value[1]),
            "hold": ledger.hold,
            "release": ledger.release,
            "record": lambda value: additions.record(read_addition(value)),
            "forget": additions.forget,
            "attribute": lambda value: additions.attribute(value[0], value[1]),
            "answer": lambda value: annotate(
                file, value[0], value[1], label=value[2], author=value[3], at=value[4], number=value[5]
            ),
            "unanswer": lambda value: unannotate(file, value),
        }

    def all(self, *, numbered: bool) -> list[Operation]:
        """Return what makes another catalogue's small things equal to this one's; answers keep numbers on request."""
        origins: dict[str, list[str]] = {}
        for document, value in self._additions.origins().items():
            origins.setdefault(value, []).append(document)
        answers = self._file.db.execute("SELECT question, answer, label, author, at, number FROM answers").fetchall()
        held = self._ledger.held()
        return [
            *(block(document, blocked=True) for document in sorted(self._ledger.blocked())),
            *([hold(held)] if held else []),
            *(record(addition) for addition in self._additions.all()),
            *(attribute(documents, value) for value, documents in origins.items()),
            *(("answer", [*row[:5], row[5] if numbered else 0]) for row in answers),
        ]

    def clear(self) -> None:
        """Forget all of it, to take over what others have."""
        with self._file.writing():
            for table in ("blocked", "held", "additions", "added", "answers"):
                self._file.db.execute(f"DELETE FROM {table}")  # noqa: S608 - fixed names

    def apply(self, operations: Sequence[Operation]) -> None:
        """Apply them in order; those of a newer Parley that are not known here are passed over."""
        for name, value in operations:
            if name in self._apply:
                self._apply[name](value)
