"""Checks a document against its schema, and says what is wrong in words for people."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.assistant import Section
from config.documents import Document, given
from config.outline import Outline
from config.problems import KeyPath, dotted, suggestion

SectionT = TypeVar("SectionT", bound=Section)

_NAME = (
    "a name is made of letters, digits, dots, hyphens and underscores, at most 64, and begins with a letter or digit"
)
_SHOWN_CHARACTERS = 40


def validated(document: Document, model: type[SectionT]) -> SectionT | None:
    """Return the document as `model`, or None after adding what is wrong to the document's problems."""
    try:
        return model.model_validate(given(document.data))
    except ValidationError as error:
        outline = Outline(model)
        known = {problem.path for problem in document.problems}
        for details in error.errors(include_url=False):
            path = tuple(part for part in details["loc"] if part != "[key]")
            if dotted(path) not in known:
                document.complain(path, _message(details, path, document, outline))
    return None


def _message(details: ErrorDetails, path: KeyPath, document: Document, outline: Outline) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {suggestion(str(path[-1]), outline.keys(path[:-1]))}"
    if kind == "missing":
        return f"is missing; expected {outline.expected(path)}"
    if kind == "string_pattern_mismatch":
        return f"is not a name: {_NAME}"
    if kind == "too_long":
        return f"has {details['ctx']['actual_length']} entries; expected at most {details['ctx']['max_length']}"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    found = _found(details["input"], path, document, outline)
    return f"expected {outline.expected(path)}, found {found}{_hint(details, path, outline)}"


def _found(value: Any, path: KeyPath, document: Document, outline: Outline) -> str:
    """Return what stands there: as it was written, never the value of a variable, a secret or a whole text."""
    mark = document.marks.get(path)
    if value is None or isinstance(value, dict | list):
        return {type(None): "nothing", dict: "a mapping", list: "a list"}[type(value)]
    if outline.secret(path):
        return "a value (not shown)"
    if mark is not None and mark.written is not None:
        return f"the value of {mark.written}"
    if outline.at(path).get("type") in ("array", "object"):
        return "one value"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else "a longer text"


def _hint(details: ErrorDetails, path: KeyPath, outline: Outline) -> str:
    value = details["input"]
    if details["type"] == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if details["type"] == "tuple_type" and not isinstance(value, dict):
        return '; write it as "- item" lines or [item, item]'
    near = suggestion(value, outline.at(path).get("enum", ())) if isinstance(value, str) else ""
    return f"; {near}" if near.startswith("did you mean") else ""
