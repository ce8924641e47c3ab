"""Building an agent: LangChain's `create_agent`, its middleware, and ours."""

from __future__ import annotations

import agents.strict  # noqa: F401 — before anything of langgraph

# isort: split

from collections.abc import Iterable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelCallLimitMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.messages import MessageLikeRepresentation
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from agents.base import Tool
from agents.errors import ModelError
from agents.models.catalog import Models
from agents.models.chat import ChatModel
from agents.runtimes.middleware import AgentScope, ModelChain, ToolRunner, TurnPrompt
from agents.tools.toolbox import Toolbox
from config.assistant import Assistant

Agent = CompiledStateGraph[Any, AgentScope, Any, Any]

MODEL_NODE = "model"
KEEP_MESSAGES = 12
SUMMARISE_AT = 0.8
"""The part of the model's context at which a long run is summarised."""
TOOL_RETRIES = 2
TOOL_PAUSE_S = 0.2


def build_agent(
    models: Models, toolbox: Toolbox, assistant: Assistant, saver: BaseCheckpointSaver[Any] | None
) -> Agent:
    """Return the agent of an assistant.

    Raises:
        UnknownTool: a tool is not installed.
        UnknownModel: a model is not configured.
        ModelRefused: a model cannot be built.
    """
    tools = {name: toolbox.get(name) for name in assistant.tools}
    # An offline fallback cannot call tools.
    aliases = [alias for alias in models.chain(assistant.model) if not models.is_offline(alias)]
    chats = {alias: models.chat(alias) for alias in aliases}
    first = chats[assistant.model]
    context_tokens = models.settings(assistant.model).context_tokens
    limits = assistant.limits
    middleware: list[AgentMiddleware[Any, Any]] = [
        ModelCallLimitMiddleware(run_limit=limits.model_calls, exit_behavior="error"),
        ToolCallLimitMiddleware(run_limit=limits.tool_calls),
        SummarizationMiddleware(
            first,
            trigger=("tokens", int(context_tokens * SUMMARISE_AT)),
            keep=("messages", KEEP_MESSAGES),
            token_counter=estimated_tokens,
        ),
        TurnPrompt(),
        ModelChain(chats),
        *_retries(models, aliases),
        *_tool_failures(tools),
        ToolRunner(tools),
    ]
    agent: Agent = create_agent(
        first,
        [described(tool) for tool in tools.values()],
        middleware=middleware,
        context_schema=AgentScope,
        checkpointer=saver,
        name=assistant.name,
    )
    return agent


def described(tool: Tool) -> dict[str, Any]:
    """Return what a model is told of a tool."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def estimated_tokens(messages: Iterable[MessageLikeRepresentation]) -> int:
    """Return about how many tokens messages have: a CJK character is three bytes and a token, English less."""
    return sum(8 + len(str(getattr(message, "content", message)).encode()) // 3 for message in messages)


def _retries(models: Models, aliases: Sequence[str]) -> list[AgentMiddleware[Any, Any]]:
    """Our own models retry by themselves, and know when they may; other providers' packages differ."""
    if all(isinstance(models.chat(alias), ChatModel) for alias in aliases):
        return []
    retries = max(models.settings(alias).retries for alias in aliases)
    return [ModelRetryMiddleware(max_retries=retries, retry_on=_is_foreign_and_passing, on_failure="error")]


def _is_foreign_and_passing(error: Exception) -> bool:
    return not isinstance(error, ModelError) and bool(getattr(error, "is_retryable", False))


def _tool_failures(tools: dict[str, Tool]) -> list[AgentMiddleware[Any, Any]]:
    """A tool that breaks is tried again if it only reads; if not, the model learns that the outcome is unknown."""
    reading = [name for name, tool in tools.items() if tool.effect == "read"]
    writing = [name for name in tools if name not in reading]
    found: list[AgentMiddleware[Any, Any]] = []
    if reading:
        found.append(
            ToolRetryMiddleware(
                max_retries=TOOL_RETRIES, tools=list(reading), initial_delay=TOOL_PAUSE_S, on_failure=_broken
            )
        )
    if writing:
        found.append(_NoRetry(max_retries=0, tools=list(writing), on_failure=_unclear))
    return found


class _NoRetry(ToolRetryMiddleware):
    """The same middleware a second time needs a name of its own."""


def _broken(error: Exception) -> str:
    return f"The tool is broken at the moment ({type(error).__name__}). Do without it."


def _unclear(error: Exception) -> str:
    return (
        f"The tool broke ({type(error).__name__}) and may have taken effect or not. Do not call it again; find out, or "
        "tell the person."
    )
