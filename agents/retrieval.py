"""What a turn looks up in the knowledge bases: a fixed answer, else passages; where the question says too little, with
the one before it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from agents.ellipsis import mentioning, whole
from agents.errors import KnowledgeFailed
from agents.rewriting import Rewriter
from agents.state import Looked
from agents.texts import courtesy
from agents.types import Recollection, Turn, TurnContext
from knowledge.base import Retriever
from knowledge.errors import KnowledgeError, UnknownBase
from knowledge.types import Annotation, Findings, Scope

FOLLOW_UP_MAX = 60
"""A longer question stands for itself; "and after five years?" does not."""
EARLIER_MAX = 200


class Lookup:
    """Searches an assistant's bases with the rights of whoever reads the answer."""

    def __init__(self, retriever: Retriever, rewriter: Rewriter) -> None:
        self._retriever = retriever
        self._rewriter = rewriter

    async def question(
        self, turn: Turn, context: TurnContext, question: str, recalled: Awaitable[Recollection]
    ) -> Looked:
        """Return what was found for a question; nothing for a courtesy. No model is asked where the answer is fixed.

        Raises:
            KnowledgeFailed: the bases cannot be searched.
        """
        if courtesy(question):
            return Looked()
        if annotation := await self._fixed(turn, context, question):
            return Looked(annotation=annotation)
        wanted = await self._rewriter.wanted(turn, question, recalled)
        rewritten = "" if wanted.question == question else wanted.question
        if rewritten and (annotation := await self._fixed(turn, context, rewritten)):
            return Looked(annotation=annotation)
        findings = await self._search(turn, context, wanted.question, wanted.also)
        return Looked(findings=findings, question=rewritten)

    async def follow_up(self, turn: Turn, context: TurnContext, question: str, recalled: Recollection) -> Findings:
        """Return what is found for a short question together with the one that it follows; raises like `question`."""
        earlier = next((one.text for one in reversed(recalled.messages) if one.role == "user"), "")
        if not earlier or len(question) > FOLLOW_UP_MAX or courtesy(question):
            return Findings()
        return await self._search(turn, context, f"{earlier[-EARLIER_MAX:]}\n{question}")

    async def elliptical(self, turn: Turn, context: TurnContext, looked: Looked, recalled: Recollection) -> Looked:
        """Return what is found for a question like "and for interns?" with the one before; else what was found already.

        Only passages count that name what is asked about now. Raises like `question`.
        """
        question = whole(turn.text, recalled)
        if not question:
            return looked
        findings = await self._search(turn, context, question)
        fitting = mentioning(turn.text, findings.passages)
        if not fitting:
            return looked
        return Looked(findings=Findings(passages=fitting, coverage=findings.coverage), question=question)

    async def _fixed(self, turn: Turn, context: TurnContext, question: str) -> Annotation | None:
        try:
            return await self._retriever.answer(
                question,
                bases=turn.assistant.knowledge.bases,
                scope=scope_of(turn, context),
                # An earlier run of the same turn has counted it.
                count=context.attempt == 1,
            )
        except KnowledgeError as error:
            raise _failed(error) from error

    async def _search(self, turn: Turn, context: TurnContext, query: str, also: Sequence[str] = ()) -> Findings:
        knowledge = turn.assistant.knowledge
        try:
            findings = await self._retriever.search(
                query, bases=knowledge.bases, limit=knowledge.passages, scope=scope_of(turn, context), also=also
            )
        except KnowledgeError as error:
            raise _failed(error) from error
        # What is not enough to answer from is not shown to a model: it would be made to fit.
        return findings if findings.coverage != "not_found" else Findings()


def scope_of(turn: Turn, context: TurnContext) -> Scope:
    """Return whose rights a search has; in a group, those that everyone who reads the answer has."""
    return Scope(
        roles=context.principal.roles,
        conversation=turn.conversation,
        audience_roles=frozenset() if turn.group else None,
    )


def _failed(error: KnowledgeError) -> KnowledgeFailed:
    return KnowledgeFailed(str(error), retryable=not isinstance(error, UnknownBase))
