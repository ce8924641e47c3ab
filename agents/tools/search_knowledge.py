"""A second look into the knowledge bases, with words of the model's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.base import ToolContext
from agents.errors import ToolFailed
from agents.prompts import numbered
from agents.retrieval import scope_of
from agents.types import Effect
from knowledge.base import Retriever
from knowledge.errors import KnowledgeError


class SearchKnowledge:
    """Searches the assistant's knowledge bases; what it finds can be cited."""

    name = "search_knowledge"
    description = (
        "Searches the knowledge base for passages about something, in any language. Use it when the passages at hand "
        "do not answer the question. Cite what you use by its number, like [3]."
    )
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for.", "minLength": 1, "maxLength": 500}
        },
        "required": ["query"],
        "additionalProperties": False,
    }
    effect: Effect = "read"

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Return the passages as numbered data; see `Tool.call`."""
        knowledge = context.turn.assistant.knowledge
        if not knowledge.bases:
            raise ToolFailed("this assistant has no knowledge base")
        scope = scope_of(context.turn, context.context)
        try:
            findings = await self._retriever.search(
                arguments["query"], bases=knowledge.bases, limit=knowledge.passages, scope=scope
            )
        except KnowledgeError as error:
            raise ToolFailed(f"the knowledge base cannot be searched: {error}") from error
        if not findings.passages:
            return "Nothing was found."
        # Also those that the prompt has already: a run that goes on after a crash may begin without them.
        context.limit(access for passage in findings.passages for access in passage.access)
        if context.cite is None:
            return numbered(findings.passages)
        return "\n".join(numbered((passage,), context.cite(passage)) for passage in findings.passages)
