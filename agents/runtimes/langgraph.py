"""Assistants with tools: LangChain's `create_agent`, on LangGraph, with its middleware.

An agent is built once per configuration. Its thread is the turn. Where a tool has effects, the run is checkpointed
before each step, so that a turn that is run again after a crash goes on where it stood; what tools did is in the
ledger, should the crash have come between an effect and its checkpoint.
"""

from __future__ import annotations

import agents.strict  # noqa: F401 — before anything of langgraph

# isort: split

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config

from agents.checkpoints import Checkpoints
from agents.errors import KnowledgeFailed
from agents.limits import permitted, plain
from agents.models.catalog import Models
from agents.retrieval import scope_of
from agents.runtimes.building import Agent, build_agent
from agents.runtimes.middleware import LIMITS, AgentScope, Sources
from agents.runtimes.telling import RECALLED, Telling
from agents.texts import say
from agents.tools.ledger import Ledger
from agents.tools.toolbox import Toolbox
from agents.types import Prompt, RecalledMessage, RuntimeEvent, Turn, TurnContext
from config.assistant import Assistant

AGENTS_MAX = 64
_KINDS: dict[str, type[BaseMessage]] = {"user": HumanMessage, "assistant": AIMessage, "system": SystemMessage}


class LangGraphRuntime:
    """Answers with an agent that may call tools."""

    def __init__(self, *, models: Models, tools: Toolbox, checkpoints: Checkpoints) -> None:
        self._models = models
        self._tools = tools
        self._checkpoints = checkpoints
        self._agents: OrderedDict[tuple[Any, ...], Agent] = OrderedDict()

    async def run(self, prompt: Prompt, turn: Turn, context: TurnContext) -> AsyncGenerator[RuntimeEvent, None]:
        """Yield the answer; see `Runtime.run`."""
        # The turn's own graph must not take this one for its part: threads and checkpoints are the agent's alone.
        var_child_runnable_config.set(None)
        durable = self._tools.has_effects(turn.assistant.tools)
        agent = self._agent(turn.assistant, turn.conversation, durable=durable)
        config: RunnableConfig = {"configurable": {"thread_id": turn.id}}
        told = Telling(Sources(last=len(prompt.passages)), turn)
        told.know(prompt)
        begun: list[BaseMessage] = []
        if durable and context.attempt > 1:
            state = await agent.aget_state(config)
            begun = state.values.get("messages", [])
            events_before = list(told.again(begun))
            if not permitted(told.sources.limits.access, scope_of(turn, context)):
                raise KnowledgeFailed("what the turn had read before it broke off may not be seen now", retryable=False)
            for event in events_before:
                yield event
            if begun and not state.next:
                yield told.reply()
                return
        scope = AgentScope(
            prompt=prompt, turn=turn, context=context, sources=told.sources, ledger=self._ledger(turn, durable)
        )
        events = agent.astream(
            None if begun else {"messages": _conversation(prompt.messages)},
            config,
            context=scope,
            stream_mode=["messages", "updates"],
            durability="sync" if durable else None,
        )
        stream = cast("AsyncGenerator[tuple[str, Any], None]", events)
        try:
            async with aclosing(stream):
                async for mode, part in stream:
                    for event in told.streamed(*part) if mode == "messages" else told.updated(part):
                        yield event
        except ModelCallLimitExceededError:
            yield told.say(say("steps_exhausted", turn.language))
        yield told.reply()

    def _ledger(self, turn: Turn, durable: bool) -> Ledger | None:
        if not durable:
            return None
        key = self._checkpoints.ledger_key(turn.conversation, turn.id)
        return Ledger(self._checkpoints.redis, key, ttl_s=self._checkpoints.ttl_s)

    def _agent(self, assistant: Assistant, conversation: str, *, durable: bool) -> Agent:
        partition = self._checkpoints.partition(conversation) if durable else ""
        limits = assistant.limits
        key = (assistant.name, assistant.model, assistant.tools, limits.model_calls, limits.tool_calls, partition)
        agent = self._agents.get(key)
        if agent is None:
            saver = self._checkpoints.saver(conversation) if durable else None
            agent = self._agents[key] = build_agent(self._models, self._tools, assistant, saver)
            if len(self._agents) > AGENTS_MAX:
                self._agents.popitem(last=False)
        self._agents.move_to_end(key)
        return agent


def _conversation(messages: tuple[RecalledMessage, ...]) -> list[BaseMessage]:
    return [
        _KINDS[message.role](
            message.text,
            id=f"{RECALLED}{place}",
            additional_kwargs={LIMITS: plain(message.access)} if message.access else {},
        )
        for place, message in enumerate(messages)
    ]
