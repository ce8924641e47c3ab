"""YAML that is what it looks like: aliases, of which a few lines expand to gigabytes, and deep nesting are refused."""

from __future__ import annotations

from typing import Any

DEPTH_MAX = 40


def parsed(text: str) -> Any:
    """Return what a YAML text says.

    Raises:
        ValueError: it is not valid, has aliases, or is nested too deeply.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if event.__class__ is AliasEvent:
                raise ValueError("it has aliases")
            if depth > DEPTH_MAX:
                raise ValueError(f"nested deeper than {DEPTH_MAX}")
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, RecursionError) as error:
        raise ValueError("not valid YAML") from error
