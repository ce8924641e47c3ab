"""Reading a file of questions; every mistake is reported with its line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from config.assistant import Section
from config.documents import Document, Mark, read_document
from config.problems import KeyPath, Problem
from config.validation import validated
from knowledge.embeddings import language
from knowledge.errors import KnowledgeError
from knowledge.evaluation.questions import Expected, Question
from knowledge.types import Scope

_EXPECTED: tuple[str, ...] = ("document", "position", "text")
_SEVERAL = ("text", "tags", "roles")  # in CSV separated by |
_YES = frozenset({"1", "true", "yes", "y", "是"})


class QuestionsInvalid(KnowledgeError):
    """A file of questions holds mistakes; `str()` gives a line for each, with file and line number."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class _Expected(Section):
    document: str = Field(min_length=1)
    position: str = ""
    text: Texts = ()


class _Shared(Section):
    kind: str | None = None
    language: str | None = None
    tags: Texts | None = None
    roles: Texts | None = None
    conversation: str | None = None
    unanswerable: bool | None = None


class _Question(_Shared):
    question: str = Field(min_length=1)
    expects: tuple[_Expected, ...] = ()


class _Group(_Shared):
    questions: tuple[_Question, ...]


class _File(Section):
    questions: tuple[_Question, ...] = ()
    groups: tuple[_Group, ...] = ()


def read_questions(path: Path) -> list[Question]:
    """Return the questions of a `.yaml`, `.yml`, `.jsonl` or `.csv` file, in order.

    Raises:
        QuestionsInvalid: with every mistake of the file, or why it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise QuestionsInvalid([Problem(file=path, message=str(reason))]) from error
    document = _document(path, text)
    file = None if document.problems else validated(document, _File)
    questions = list(_questions(file, document)) if file else []
    if not questions and not document.problems:
        document.complain((), "holds no question")
    if document.problems:
        raise QuestionsInvalid(document.problems)
    return questions


def _document(path: Path, text: str) -> Document:
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return _from_lines(path, text)
        case ".csv":
            return _from_table(path, text)
        case _:
            return read_document(text, file=path, environment={})


def _from_lines(path: Path, text: str) -> Document:
    document, entries = Document(file=path), list[Any]()
    for line, written in enumerate(text.splitlines(), 1):
        if not written.strip():
            continue
        document.marks["questions", len(entries)] = Mark(file=path, line=line, column=1)
        try:
            entries.append(json.loads(written))
        except ValueError as error:
            document.complain(("questions", len(entries)), f"is not JSON: {error}")
    document.data = {"questions": entries}
    return document


def _from_table(path: Path, text: str) -> Document:
    """A row holds a question and one expected passage; the next rows with the same question hold further ones."""
    document, entries = Document(file=path), list[dict[str, Any]]()
    document.data = {"questions": entries}
    reader = csv.DictReader(io.StringIO(text), restkey="more than the head names")
    for row in reader:
        given = {str(name).strip().lower(): value.strip() for name, value in row.items() if isinstance(value, str)}
        given = {name: value for name, value in given.items() if value}
        given |= {str(name): "" for name in row if name is None or isinstance(row[name], list)}
        if not given:
            continue
        expected = {name: given.pop(name) for name in _EXPECTED if name in given}
        again = entries and entries[-1].get("question") == given.get("question")
        if not again:
            document.marks["questions", len(entries)] = Mark(file=path, line=reader.line_num, column=1)
            entries.append(_typed(given))
        if expected:
            held = entries[-1].setdefault("expects", [])
            place = ("questions", len(entries) - 1, "expects", len(held))
            document.marks[place] = Mark(file=path, line=reader.line_num, column=1)
            held.append(_typed(expected))
    return document


def _typed(cells: dict[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = dict(cells)
    for name in _SEVERAL:
        if name in cells:
            typed[name] = [part.strip() for part in cells[name].split("|")]
    if "unanswerable" in cells:
        typed["unanswerable"] = cells["unanswerable"].lower() in _YES
    return typed


def _questions(file: _File, document: Document) -> Iterator[Question]:
    for at, entry in enumerate(file.questions):
        yield _question(entry, _Shared(), ("questions", at), document)
    for number, group in enumerate(file.groups):
        for at, entry in enumerate(group.questions):
            yield _question(entry, group, ("groups", number, "questions", at), document)


def _question(entry: _Question, group: _Shared, path: KeyPath, document: Document) -> Question:
    def own(name: str) -> Any:
        value = getattr(entry, name)
        return getattr(group, name) if value is None else value

    if own("unanswerable") and entry.expects:
        document.complain(path, "is unanswerable, and yet expects a passage")
    if not own("unanswerable") and not entry.expects:
        document.complain(path, "expects no passage; write `unanswerable: true` if there is none")
    return Question(
        text=entry.question,
        expects=tuple(Expected(document=one.document, position=one.position, text=one.text) for one in entry.expects),
        language=own("language") or language(entry.question),
        kind=own("kind") or ("unanswerable" if own("unanswerable") else ""),
        tags=frozenset(own("tags") or ()),
        scope=Scope(roles=frozenset(own("roles") or ()), conversation=own("conversation") or ""),
    )
