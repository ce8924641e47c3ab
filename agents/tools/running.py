"""Calling a tool: its arguments checked, its effect done once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

from agents.base import Tool, ToolContext
from agents.errors import ToolFailed
from agents.tools.ledger import Done, Ledger

RESULT_MAX = 20_000
"""Longer results are cut: a model cannot read them."""

UNKNOWN_OUTCOME = (
    "This call was interrupted before its result was recorded. Whether it took effect is not known: it is not made "
    "again. Find out, or tell the person."
)


def problem_with(tool: Tool, arguments: Any) -> str:
    """Return what is wrong with a call's arguments, for the model; an empty text when nothing is."""
    error = best_match(Draft202012Validator(dict(tool.parameters)).iter_errors(arguments))
    if error is None:
        return ""
    where = ".".join(str(part) for part in error.absolute_path)
    said = f"{where}: {error.message}" if where else str(error.message)
    return f"The arguments are wrong: {said[:300]}. The schema is {_schema(tool)}"


async def call_tool(tool: Tool, arguments: Mapping[str, Any], context: ToolContext, ledger: Ledger | None) -> Done:
    """Call a tool, or return what an earlier run of the same call led to.

    `ledger` is None only for tools that read.
    """
    if problem := problem_with(tool, arguments):
        return Done(problem, failed=True)
    if tool.effect == "read" or ledger is None:
        return await _call(tool, arguments, context)
    first, done = await ledger.begin(context.key)
    if done is not None:
        return done
    if not first and not getattr(tool, "repeatable", False):
        return Done(UNKNOWN_OUTCOME, failed=True)
    done = await _call(tool, arguments, context)
    await ledger.finish(context.key, done)
    return done


async def _call(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Done:
    try:
        text = await tool.call(arguments, context)
    except ToolFailed as error:
        return Done(str(error)[:RESULT_MAX], failed=True)
    return Done(text if len(text) <= RESULT_MAX else f"{text[:RESULT_MAX]}\n[cut]")


def _schema(tool: Tool) -> str:
    return ", ".join(
        f"{name}: {rule.get('type', 'any')}" for name, rule in tool.parameters.get("properties", {}).items()
    )
