"""From an agent's graph to events: its text, its tool calls, what tools found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage

from agents.runtimes.building import MODEL_NODE
from agents.runtimes.middleware import Sources, limits_of, passages_of
from agents.types import Cited, Delta, Found, Prompt, Reply, RuntimeEvent, Step, ToolCall, Turn, Usage

RECALLED = "recalled-"
"""What the ids of recalled messages begin with: the others are this turn's own."""


@dataclass(slots=True)
class Telling:
    """Turns what an agent's graph streams into events, and remembers what one run has told so far."""

    sources: Sources
    turn: Turn
    texts: list[str] = field(default_factory=list)
    message: str | None = None
    """The id of the message that spoke last: another one begins a new paragraph."""
    usage: Usage = field(default_factory=Usage)
    model: str = ""

    def know(self, prompt: Prompt) -> None:
        """Take in the passages that the prompt numbers."""
        for number, passage in enumerate(prompt.passages, start=1):
            self.sources.restore(number, passage)

    def say(self, text: str, message: str | None = None) -> Delta:
        """Add to the text; what another message says begins a new paragraph."""
        if self.texts and message != self.message:
            text = f"\n\n{text}"
        self.message = message
        self.texts.append(text)
        return Delta(text=text)

    def streamed(self, message: AnyMessage, metadata: dict[str, Any]) -> Iterator[RuntimeEvent]:
        """Tell a piece of a message (stream mode `messages`)."""
        text = str(message.text) if isinstance(message, AIMessage) else ""
        if text and metadata.get("langgraph_node") == MODEL_NODE:
            yield self.say(text, message.id)

    def updated(self, update: dict[str, Any]) -> Iterator[RuntimeEvent]:
        """Tell what a step has led to (stream mode `updates`)."""
        for node, change in update.items():
            for message in (change or {}).get("messages", ()) if isinstance(change, dict) else ():
                if isinstance(message, ToolMessage):
                    yield from self._found(message)
                elif isinstance(message, AIMessage) and node == MODEL_NODE:
                    yield from self._called(message)

    def again(self, messages: list[BaseMessage]) -> Iterator[RuntimeEvent]:
        """Tell again what an earlier run of the turn told before it broke off."""
        for message in messages:
            self.sources.limits.add(limits_of(message))
            if isinstance(message, ToolMessage):
                yield from self._found(message)
            elif isinstance(message, AIMessage) and not (message.id or "").startswith(RECALLED):
                if text := str(message.text):
                    yield self.say(text, message.id)
                self._count(message)

    def reply(self) -> Reply:
        """Return everything that was told."""
        return Reply(text="".join(self.texts), usage=self.usage, model=self.model)

    def _called(self, message: AIMessage) -> Iterator[RuntimeEvent]:
        self._count(message)
        for call in message.tool_calls:
            yield ToolCall(id=call["id"] or "", name=call["name"], arguments=call["args"])
            if label := _LABELS.get(call["name"]):
                yield Step(text=label[self.turn.language == "en"])

    def _found(self, message: ToolMessage) -> Iterator[RuntimeEvent]:
        found = passages_of(message)
        for number, passage in found:
            self.sources.restore(number, passage)
        limits = limits_of(message)
        self.sources.limits.add(limits)
        if found or limits:
            cited = tuple(Cited(number=number, passage=passage) for number, passage in found)
            yield Found(passages=cited, access=limits)

    def _count(self, message: AIMessage) -> None:
        self.model = message.response_metadata.get("model_name", self.model)
        if counted := message.usage_metadata:
            self.usage = Usage(
                prompt_tokens=self.usage.prompt_tokens + counted["input_tokens"],
                completion_tokens=self.usage.completion_tokens + counted["output_tokens"],
            )


_LABELS = {
    "search_knowledge": ("正在查找知识库…", "Searching the knowledge base…"),
    "calculate": ("正在计算…", "Calculating…"),
    "take_note": ("正在记录…", "Taking a note…"),
}
