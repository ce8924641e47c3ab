from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from config.documents import Document, given, overlay, read_document

FILE = Path("parley.yaml")


def read(text: str, **environment: str) -> Document:
    return read_document(text, file=FILE, environment=environment)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("8080", 8080),
        ("1.5", 1.5),
        ("true", True),
        ("~", None),
        ("", None),
        ("2026-01-01", "2026-01-01"),
        ("off", "off"),
        ("'8080'", "8080"),
        ("${PORT}", "9000"),
        ("$${PORT}", "${PORT}"),
    ],
)
def test_scalars(written: str, read_as: object) -> None:
    document = read(f"key: {written}", PORT="9000")
    assert document.data == {"key": read_as}
    assert not document.problems


def test_a_variable_cannot_add_keys() -> None:
    assert read("key: ${A}", A="x\nother: y").data == {"key": "x\nother: y"}
    assert read("key: ${A}", A="{a: [1, 2]}").data == {"key": "{a: [1, 2]}"}


def test_every_value_knows_its_line_and_column() -> None:
    document = read("a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert (document.mark(("a", "b")).line, document.mark(("a", "b")).column) == (2, 3)
    assert document.mark(("a", "c", 1)).line == 5
    assert document.mark(("a", "c", 1, "unknown")).line == 5
    assert document.mark(("elsewhere",)).line == 1


def test_anchors_and_merge_keys() -> None:
    document = read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: {<<: [*a, {z: 4}]}\n")
    assert document.data == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 2},
        "d": {"x": 1, "y": 2, "z": 4},
    }


def test_merge_keys_over_several_steps_and_in_a_circle() -> None:
    document = read("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, x: 3}\nd: &d {<<: *d, z: 1}\n")
    assert document.data is not None
    assert document.data["c"] == {"x": 3, "y": 2}
    assert document.data["d"] == {"z": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]", "parley.yaml:1: a[0]: an alias may not contain itself"),
        ("a: !env X", "parley.yaml:1: a: YAML tags (a word after !) are not supported"),
        ("? [a, b]\n: 1", "parley.yaml:1: a key must be one word"),
        ("a: *secret", "parley.yaml:1: is not valid YAML: a value that begins with * must stand in quotes"),
        ("a: [${X}]", "parley.yaml:1: is not valid YAML: inside [ ] or { } a text that holds a brace must stand in"),
        ("a: 1\n---\nb: 2", "parley.yaml:2: is not valid YAML: --- begins a second document; expected one"),
        ("a: \x07", "parley.yaml: is not YAML: it holds a control character"),
    ],
)
def test_what_yaml_allows_or_not(text: str, message: str) -> None:
    (problem,) = read(text).problems
    assert str(problem).startswith(message)


DATA = st.recursive(
    st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), DATA, max_size=3)


def leaves(data: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(data, dict) or (path and not data):
        return {path: data}
    return {key: value for name, item in data.items() for key, value in leaves(item, (*path, name)).items()}


def laid(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return overlay(Document(file=FILE, data=base), Document(file=FILE, data=over)).data or {}


@for_all(MAPPINGS, MAPPINGS)
def test_merging_keeps_all_that_is_written_above_and_what_it_leaves_untouched_below(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    merged = leaves(laid(base, over))
    above, below = leaves(over), leaves(base)
    for path, value in above.items():
        if value not in (None, {}):
            assert merged[path] == value
    for path, value in below.items():
        if not any(path[: len(other)] == other or other[: len(path)] == path for other in above):
            assert merged.get(path) == value


@for_all(MAPPINGS)
def test_merging_with_nothing_or_itself_changes_nothing(data: dict[str, Any]) -> None:
    assert laid(data, {}) == laid({}, data) == laid(data, data) == data


def test_an_empty_key_leaves_a_mapping_and_unsets_a_value() -> None:
    merged = laid({"http": {"host": "a", "port": 1}}, {"http": None})
    assert merged == {"http": {"host": "a", "port": 1}}
    assert given(laid({"http": {"host": "a", "port": 1}}, {"http": {"host": None}})) == {"http": {"port": 1}}
