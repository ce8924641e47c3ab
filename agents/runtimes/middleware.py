"""What Parley adds to LangChain's agent: its prompt, its models' fallbacks, and its tools."""

from __future__ import annotations

import agents.strict  # noqa: F401 — before anything of langgraph

# isort: split

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import structlog
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import AgentState
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langgraph.types import Command

from agents.base import Tool, ToolContext
from agents.errors import ModelError
from agents.limits import Limits, plain, restored, union
from agents.models.chat import BAD_JSON
from agents.models.failures import ForeignFailures
from agents.tools.ledger import Ledger
from agents.tools.running import call_tool
from agents.types import Prompt, Turn, TurnContext
from knowledge.types import Access, Passage

log = structlog.get_logger(__name__)

LIMITS = "limits"
"""Where messages of an agent's run keep the limits of what they say."""


@dataclass(slots=True)
class Sources:
    """The passages of one run, by the numbers that the model is told."""

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    last: int = 0
    limits: Limits = field(default_factory=Limits)
    """Those of the passages, and of what else tools brought."""

    def number(self, passage: Passage) -> tuple[int, bool]:
        """Return a passage's number, and whether it is new."""
        place = (passage.base, passage.chunk)
        known = self.numbers.get(place)
        if known:
            return known, False
        self.last += 1
        self.numbers[place] = self.last
        self.limits.add(passage.access)
        return self.last, True

    def restore(self, number: int, passage: Passage) -> None:
        """Take over a number that an earlier run gave."""
        self.numbers[(passage.base, passage.chunk)] = number
        self.last = max(self.last, number)
        self.limits.add(passage.access)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentScope:
    """One run of an agent."""

    prompt: Prompt
    turn: Turn
    context: TurnContext
    sources: Sources
    ledger: Ledger | None


Answer = ModelResponse[Any] | AIMessage
CallModel = Callable[[ModelRequest[AgentScope]], Awaitable[ModelResponse[Any]]]
CallTool = Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]


class TurnPrompt(AgentMiddleware[AgentState[Any], AgentScope]):
    """Puts the turn's own prompt and sampling in front of every model call."""

    async def awrap_model_call(self, request: ModelRequest[AgentScope], handler: CallModel) -> Answer:
        """Call the model with them."""
        scope = request.runtime.context
        return await handler(
            request.override(system_message=SystemMessage(scope.prompt.system), model_settings=dict(scope.turn.options))
        )


class ModelChain(AgentMiddleware[AgentState[Any], AgentScope]):
    """Tries the fallbacks of a model, as long as nothing was shown.

    LangChain's own fallback middleware also starts over after half an answer was streamed, and after faults of the
    program.
    """

    def __init__(self, models: Mapping[str, BaseChatModel]) -> None:
        super().__init__()
        self._models = models

    async def awrap_model_call(self, request: ModelRequest[AgentScope], handler: CallModel) -> Answer:
        """Call the first model that answers."""
        for place, (alias, model) in enumerate(self._models.items(), start=1):
            try:
                with ForeignFailures(alias):
                    return await handler(request.override(model=model))
            except ModelError as error:
                if error.shown or place == len(self._models):
                    raise
                log.warning(
                    "model.fallback", trace=request.runtime.context.context.trace, alias=alias, error=repr(error)
                )
        raise AssertionError("a chain has at least one model")


class ToolRunner(AgentMiddleware[AgentState[Any], AgentScope]):
    """Runs Parley's tools in the place of LangChain's: checked, recorded, and with their passages attached."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        super().__init__()
        self._tools = tools

    async def awrap_tool_call(self, request: ToolCallRequest, handler: CallTool) -> ToolMessage | Command[Any]:
        """Return the tool's result as the message that the model reads."""
        call = request.tool_call
        name, id = call["name"], call["id"] or ""
        tool = self._tools.get(name)
        if tool is None:
            return _refusal(name, id, f"There is no tool `{name}`; there are: {', '.join(self._tools)}.")
        if BAD_JSON in call["args"]:
            return _refusal(name, id, "The arguments are not valid JSON. Send one JSON object.")
        found: list[dict[str, Any]] = []
        scope = cast("AgentScope", request.runtime.context)
        context = ToolContext(
            key=f"{scope.turn.id}:{id}",
            turn=scope.turn,
            context=scope.context,
            cite=_citing(scope.sources, found),
            access=union(scope.prompt.access, scope.sources.limits.access),
            limit=_limiting(scope.sources, found),
        )
        done = await call_tool(tool, call["args"], context, scope.ledger)
        return ToolMessage(
            content=done.text,
            name=name,
            tool_call_id=id,
            status="error" if done.failed else "success",
            artifact=found or None,
        )


def passages_of(message: BaseMessage) -> list[tuple[int, Passage]]:
    """Return the passages that a tool's result brought, with their numbers."""
    return [
        (item["number"], Passage(**{**item["passage"], "access": restored(item["passage"].get("access", ()))}))
        for item in _artifact(message)
        if "passage" in item
    ]


def limits_of(message: BaseMessage) -> tuple[Access, ...]:
    """Return the limits of a recalled message, or of what a tool's result brought beside its passages."""
    told = [item[LIMITS] for item in _artifact(message) if LIMITS in item]
    return union(*(restored(limits) for limits in (*told, message.additional_kwargs.get(LIMITS, ()))))


def _artifact(message: BaseMessage) -> list[dict[str, Any]]:
    return (message.artifact if isinstance(message, ToolMessage) else None) or []


def _citing(sources: Sources, found: list[dict[str, Any]]) -> Callable[[Passage], int]:
    def cite(passage: Passage) -> int:
        number, is_new = sources.number(passage)
        if is_new:
            # Plain lists: a checkpoint holds no type of ours.
            found.append({"number": number, "passage": {**asdict(passage), "access": plain(passage.access)}})
        return number

    return cite


def _limiting(sources: Sources, found: list[dict[str, Any]]) -> Callable[[Iterable[Access]], None]:
    def limit(access: Iterable[Access]) -> None:
        if limits := union(access):
            sources.limits.add(limits)
            found.append({LIMITS: plain(limits)})

    return limit


def _refusal(name: str, id: str, text: str) -> ToolMessage:
    return ToolMessage(content=text, name=name, tool_call_id=id, status="error")
