"""JSON, JSON lines and YAML: question-answer pairs as such, anything else as "key: value" lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePath

from knowledge.errors import DocumentRefused
from knowledge.loaders import plain_yaml
from knowledge.loaders.encoding import decode
from knowledge.loaders.tabular import cell, pair, pair_of
from knowledge.types import Block, Loaded

_DEPTH_MAX = 40
_ENTRIES_MAX = 200_000
_YAML_BYTES_MAX = 5_000_000


def load_json(data: bytes, *, name: str) -> Loaded:
    """Return a JSON document; each entry of a list at the top is a block of its own."""
    try:
        return _loaded(json.loads(decode(data, name=name)), name)
    except (ValueError, RecursionError) as error:
        raise DocumentRefused(f"not valid JSON: {error}", document=name) from error


def load_lines(data: bytes, *, name: str) -> Loaded:
    """Return JSON lines, one block for each."""
    entries = []
    for number, line in enumerate(decode(data, name=name).splitlines(), 1):
        if line.strip():
            try:
                entries.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise DocumentRefused(f"line {number} is not valid JSON", document=name) from error
        if len(entries) > _ENTRIES_MAX:
            break
    return _loaded(entries, name)


def load_yaml(data: bytes, *, name: str) -> Loaded:
    """Return a YAML document; a mapping of questions to answers is taken as pairs."""
    if len(data) > _YAML_BYTES_MAX:
        raise DocumentRefused(f"larger than {_YAML_BYTES_MAX // 1_000_000} MB", document=name)
    try:
        return _loaded(plain_yaml.parsed(decode(data, name=name)), name)
    except ValueError as error:
        raise DocumentRefused(str(error), document=name) from error


def _loaded(content: object, name: str) -> Loaded:
    entries = content if isinstance(content, list) else [content]
    if len(entries) > _ENTRIES_MAX:
        raise DocumentRefused(f"more than {_ENTRIES_MAX} entries", document=name)
    blocks = [block for at, entry in enumerate(entries, 1) if (block := _block(entry, at, len(entries), name))]
    if isinstance(content, dict) and len(content) > 1 and all(isinstance(value, str) for value in content.values()):
        blocks = [pair(str(key), value) for key, value in content.items()] if _asks(content) else blocks
    return Loaded(title=PurePath(name).stem, blocks=tuple(blocks))


def _asks(content: dict[object, object]) -> bool:
    """Tell whether most keys are questions."""
    return sum(str(key).rstrip().endswith(("?", "？")) for key in content) * 2 > len(content)


def _block(entry: object, at: int, count: int, name: str) -> Block | None:
    found = pair_of(entry)
    if found is not None:
        return found
    text = "\n".join(_lines(entry, "", name, 0))
    return Block(text=text, place=f"#{at}" if count > 1 else "") if text.strip() else None


def _lines(value: object, path: str, name: str, depth: int) -> Iterator[str]:
    if depth > _DEPTH_MAX:
        raise DocumentRefused(f"nested deeper than {_DEPTH_MAX}", document=name)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{path}.{key}" if path else str(key), name, depth + 1)
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for at, inner in enumerate(value, 1):
            yield from _lines(inner, f"{path}[{at}]", name, depth + 1)
    elif isinstance(value, list):
        yield f"{path}: {', '.join(map(cell, value))}"
    elif value is not None:
        yield f"{path}: {value}" if path else str(value)
