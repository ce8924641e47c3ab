"""The schema of a configuration file, walked by path: which keys there are and what each expects."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from config.problems import KeyPath

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": 'a mapping ("key: value" lines)',
}


class Outline:
    """The JSON Schema of a model, with its references followed."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._schema = model.model_json_schema()

    def at(self, path: KeyPath = ()) -> dict[str, Any]:
        """Return the schema of the value at `path`; empty where the schema knows no such place."""
        schema = self.follow(self._schema)
        for part in path:
            schema = self.follow(_below(schema, part))
        return schema

    def keys(self, path: KeyPath = ()) -> tuple[str, ...]:
        """Return the keys that may stand in the mapping at `path`."""
        return tuple(self.at(path).get("properties", ()))

    def secret(self, path: KeyPath) -> bool:
        """Whether what stands at `path` must never be shown."""
        return any(self.at(path[:length]).get("writeOnly", False) for length in range(1, len(path) + 1))

    def expected(self, path: KeyPath) -> str:
        """Return what belongs at `path`, for people: `a whole number from 0 to 65535`."""
        return self._expected(self.at(path))

    def _expected(self, schema: dict[str, Any]) -> str:
        options = _options(schema)
        if len(options) > 1:
            return " or ".join(self._expected(self.follow(option)) for option in options)
        if "enum" in schema:
            return "one of " + ", ".join(str(value) for value in schema["enum"])
        return _KINDS.get(schema.get("type", ""), "another value") + _bounds(schema)

    def follow(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema with its reference and its "or nothing" resolved; its own words win."""
        options = _options(schema)
        if len(options) == 1:
            return {**self.follow(options[0]), **schema}
        if "$ref" in schema:
            return {**self._schema["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
        return schema


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]


def _below(schema: dict[str, Any], part: str | int) -> dict[str, Any]:
    if isinstance(part, int):
        return dict(schema.get("items", {}))
    for values in (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")):
        if isinstance(values, dict):
            return values
    return dict(schema.get("properties", {}).get(part, {}))


def _bounds(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("exclusiveMinimum") is not None:
        return f" above {schema['exclusiveMinimum']:g}" + (f", at most {high}" if high is not None else "")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f", at least {low}" if low is not None else f", at most {high}" if high is not None else ""
