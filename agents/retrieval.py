"""What a turn looks up in the knowledge bases: the question, and where that says too little, the one before it too."""

from __future__ import annotations

from agents.errors import KnowledgeFailed
from agents.texts import courtesy
from agents.types import Recollection, Turn, TurnContext
from knowledge.base import Retriever
from knowledge.errors import KnowledgeError, UnknownBase
from knowledge.types import Findings, Scope

FOLLOW_UP_MAX = 60
"""A longer question stands for itself; "and after five years?" does not."""
EARLIER_MAX = 200


class Lookup:
    """Searches an assistant's bases with the rights of whoever reads the answer."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever

    async def question(self, turn: Turn, context: TurnContext, question: str) -> Findings:
        """Return what was found for a question; nothing for a courtesy.

        Raises:
            KnowledgeFailed: the bases cannot be searched.
        """
        return Findings() if courtesy(question) else await self._search(turn, context, question)

    async def follow_up(self, turn: Turn, context: TurnContext, question: str, recalled: Recollection) -> Findings:
        """Return what is found for a short question together with the one that it follows; raises like `question`."""
        earlier = next((one.text for one in reversed(recalled.messages) if one.role == "user"), "")
        if not earlier or len(question) > FOLLOW_UP_MAX or courtesy(question):
            return Findings()
        return await self._search(turn, context, f"{earlier[-EARLIER_MAX:]}\n{question}")

    async def _search(self, turn: Turn, context: TurnContext, query: str) -> Findings:
        knowledge = turn.assistant.knowledge
        try:
            findings = await self._retriever.search(
                query, bases=knowledge.bases, limit=knowledge.passages, scope=scope_of(turn, context)
            )
        except KnowledgeError as error:
            raise KnowledgeFailed(str(error), retryable=not isinstance(error, UnknownBase)) from error
        # What is not enough to answer from is not shown to a model: it would be made to fit.
        return findings if findings.coverage != "not_found" else Findings()


def scope_of(turn: Turn, context: TurnContext) -> Scope:
    """Return whose rights a search has; in a group, those that everyone who reads the answer has."""
    return Scope(
        roles=context.principal.roles,
        conversation=turn.conversation,
        audience_roles=frozenset() if turn.group else None,
    )
