"""YAML files as plain data that remembers where each value was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.interpolation import interpolate
from config.problems import KeyPath, Problem, dotted

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {_TAG + kind for kind in ("str", "timestamp", "value", "merge")}
"""`2024-01-01` and `=` are text here: no setting is a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a value was written; `written` is its text before interpolation, where it refers to variables."""

    file: Path
    line: int
    column: int
    written: str | None = None


@dataclass(slots=True, kw_only=True)
class Document:
    """A file's content. `data` is None where it could not be read at all; `problems` say why."""

    file: Path
    data: dict[str, Any] | None = None
    marks: dict[KeyPath, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: KeyPath, message: str) -> None:
        """Add a problem, at the nearest place above `path` that is known."""
        mark = self.mark(path)
        self.problems.append(
            Problem(file=mark.file, line=mark.line, column=mark.column, path=dotted(path), message=message)
        )

    def mark(self, path: KeyPath) -> Mark:
        """Return where `path` was written, or where the nearest place above it was."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.marks:
                return self.marks[path[:length]]
        return Mark(file=self.file, line=1, column=1)

    def find(self, pattern: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
        """Yield every value whose path fits the pattern, in which "*" stands for any key or index."""
        yield from _find(self.data, pattern, ())

    def replace(self, path: KeyPath, value: object) -> None:
        """Put another value where `find` found one."""
        place: Any = self.data
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value


def read_document(text: str, *, file: Path, environment: Mapping[str, str]) -> Document:
    """Read a YAML file that holds one mapping; its mistakes are in the document's `problems`."""
    document = Document(file=file)
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except YAMLError as error:
        document.problems.append(_syntax_problem(error, file))
        return document
    if isinstance(node, MappingNode):
        document.data = _Reading(document, yaml, environment).mapping(node, ())
    else:
        message = 'is empty; expected "key: value" lines' if node is None else 'expected "key: value" lines'
        document.problems.append(Problem(file=file, line=None if node is None else 1, message=message))
    return document


def overlay(base: Document, over: Document) -> Document:
    """Return `over` laid over `base`: mappings are merged, the rest is replaced; an empty key changes no mapping."""
    return Document(
        file=over.file,
        data=_overlay(base.data or {}, over.data or {}),
        marks={**base.marks, **over.marks},
        problems=[*base.problems, *over.problems],
    )


def given(value: Any) -> Any:
    """Return the data without its empty keys: `key:` with nothing after it is as good as not written."""
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items() if item is not None}
    return [given(item) for item in value] if isinstance(value, list) else value


class _Reading:
    """The walk over a file's YAML nodes."""

    def __init__(self, document: Document, yaml: YAML, environment: Mapping[str, str]) -> None:
        self._document = document
        self._construct = {
            _TAG + "null": lambda _: None,
            _TAG + "bool": yaml.constructor.construct_yaml_bool,
            _TAG + "int": yaml.constructor.construct_yaml_int,
            _TAG + "float": yaml.constructor.construct_yaml_float,
        }
        self._environment = environment
        self._within: list[Node] = []

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        """Return the mapping; a key that stands twice is a problem and its first value counts."""
        result: dict[str, Any] = {}
        inherited: list[tuple[ScalarNode, Node]] = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._complain(path, "a key must be one word", key)
            elif key.tag == _TAG + "merge":
                inherited.extend(_inherited(value))
            elif key.value in result:
                self._complain((*path, key.value), "this key stands twice in the same mapping", key)
            else:
                result[key.value] = self._value(value, (*path, key.value), key)
        for key, value in inherited:
            if key.value not in result:
                result[key.value] = self._value(value, (*path, key.value), key)
        return result

    def _value(self, node: Node, path: KeyPath, place: Node) -> Any:
        written = node.value if isinstance(node, ScalarNode) and "${" in node.value else None
        line, column = place.start_mark.line + 1, place.start_mark.column + 1
        self._document.marks[path] = Mark(file=self._document.file, line=line, column=column, written=written)
        if any(node is outer for outer in self._within):
            return self._complain(path, "an alias may not contain itself", place)
        self._within.append(node)
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            if isinstance(node, SequenceNode):
                return [self._value(item, (*path, index), item) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._within.pop()

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        if node.tag in self._construct:
            return self._construct[node.tag](node)
        if node.tag not in _TEXT_TAGS:
            return self._complain(path, "YAML tags (a word after !) are not supported", node)
        text, complaints = interpolate(node.value, self._environment)
        for complaint in complaints:
            self._complain(path, complaint, node)
        return text

    def _complain(self, path: KeyPath, message: str, node: Node) -> None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self._document.problems.append(
            Problem(file=self._document.file, line=line, column=column, path=dotted(path), message=message)
        )


def _inherited(value: Node, within: tuple[Node, ...] = ()) -> Iterator[tuple[ScalarNode, Node]]:
    """Yield what `<<` merges in, also over several steps."""
    for source in value.value if isinstance(value, SequenceNode) else [value]:
        if not isinstance(source, MappingNode) or any(source is outer for outer in within):
            continue
        for key, item in source.value:
            if isinstance(key, ScalarNode) and key.tag != _TAG + "merge":
                yield key, item
        for key, item in source.value:
            if key.tag == _TAG + "merge":
                yield from _inherited(item, (*within, source))


def _syntax_problem(error: YAMLError, file: Path) -> Problem:
    """Say what is wrong without quoting the file: the place may hold a secret."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Problem(file=file, message="is not YAML: it holds a control character")
    problem = str(error.problem)
    if "'\\t'" in problem:
        problem = "a tab stands where YAML expects spaces"
    elif problem.startswith("found undefined alias"):
        problem = "a value that begins with * must stand in quotes"
    elif problem.startswith("mapping values are not allowed"):
        problem = "unexpected colon; put a text that holds a colon in quotes, or check the indentation"
    elif "another document" in problem:
        problem = "--- begins a second document; expected one"
    elif problem.endswith("got '{'"):
        problem = "inside [ ] or { } a text that holds a brace must stand in quotes"
    mark = error.problem_mark
    return Problem(file=file, line=mark.line + 1, column=mark.column + 1, message=f"is not valid YAML: {problem}")


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            result[key] = _overlay(below, value)
        elif not (isinstance(below, dict) and value is None):
            result[key] = value
    return result


def _find(value: Any, pattern: KeyPath, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if not pattern:
        yield path, value
    elif pattern[0] == "*":
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            yield from _find(item, pattern[1:], (*path, key))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _find(value[pattern[0]], pattern[1:], (*path, pattern[0]))
