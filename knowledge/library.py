"""All knowledge bases of a process: opened in the background, searched together, kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from knowledge.base import Embedder, Reranker, WordEmbedder
from knowledge.bases import Bases, synced
from knowledge.changes.changing import WAIT_S
from knowledge.changes.waiting import FOLLOWING_S, patiently
from knowledge.embeddings import CachedEmbedder
from knowledge.errors import (
    RerankUnavailable,
)
from knowledge.home import VectorHome
from knowledge.ingest.additions import Addition
from knowledge.ingest.progress import Progress, Report
from knowledge.opened import OpenBase
from knowledge.retrieval.answers import Annotation
from knowledge.retrieval.asking import parts, plain
from knowledge.retrieval.fusion import Fusion
from knowledge.retrieval.meanings import Words
from knowledge.retrieval.search import Asked
from knowledge.retrieval.words import words
from knowledge.threads import Threads
from knowledge.types import Coverage, Findings, Passage, Scope

if TYPE_CHECKING:
    from config.settings import ChromaSettings, KnowledgeBase

log = structlog.get_logger(__name__)

SURE = 0.1
"""How far above its base's threshold the best passage must score to count as "answered" and not as "partly"."""

_WORDS_MAX = 24  # words of a question that are looked at one by one
_WORDS_CACHED = 4096


class Library:
    """Implements `Retriever`. The embedders stay the caller's, to close after this.

    A base that was built with one of the `previous` embedders goes on serving with it while its vectors are made
    anew with `embedder`, which then takes over. With `chroma.url` the vectors are on a server.
    """

    def __init__(
        self,
        bases: Mapping[str, KnowledgeBase],
        *,
        data_dir: Path,
        root: Path,
        embedder: Embedder,
        previous: Sequence[Embedder] = (),
        chroma: ChromaSettings | None = None,
        reranker: Reranker | None = None,
        resident: bool = True,
        embedded: bool = True,
    ) -> None:
        """`resident=False`: for one command; a base is opened as it is, without a sync, and nothing runs beside.

        `embedded=False`: Chroma's folder in `data_dir` is left to the process that runs.
        """
        self._reranker = reranker
        self._settings = dict(bases)
        self._threads = Threads()
        embedders = (*previous, embedder)
        self._questions = {one.name: CachedEmbedder(one) for one in embedders}
        self._words = {
            one.name: CachedEmbedder(Words(one, name=one.name), size=_WORDS_CACHED)
            for one in embedders
            if isinstance(one, WordEmbedder)
        }
        home = VectorHome(data_dir, chroma, self._threads, embedded=embedded)
        self._bases = opened = Bases(
            self._settings,
            folder=data_dir / "knowledge",
            root=root,
            home=home,
            embedder=embedder,
            previous=previous,
            threads=self._threads,
            resident=resident,
        )
        self.open, self.base, self.status, self.close = opened.open, opened.get, opened.status, opened.close
        self.successor, self.take_over = opened.successor, opened.take_over

    async def search(
        self,
        query: str,
        *,
        bases: Sequence[str],
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
        also: Sequence[str] = (),
    ) -> Findings:
        """Return at most `limit` passages above the bases' thresholds, best first.

        `also` are other wordings of the question (a rewriting from the conversation, several queries of a model): what
        fits one of them counts a little less than what fits the question itself.

        Waits while a base is being opened for the first time.

        Raises:
            IndexUnavailable, EmbeddingUnavailable: a retry is safe.
            UnknownBase: a base of that name is not configured.
        """
        count = max(limit, self._reranker.candidates) if self._reranker else limit
        found = await self.ranked(query, bases=bases, limit=count, scope=scope, tags=tags, also=also)
        enough = [one for one in found if one.score >= self._settings[one.base].threshold]
        coverage = self._coverage(enough)
        return Findings(passages=tuple((await self._reranked(query, enough))[:limit]), coverage=coverage)

    async def _reranked(self, query: str, passages: list[Passage]) -> list[Passage]:
        if self._reranker is None or len(passages) < 2:
            return passages
        try:
            return await self._reranker.rerank(query, passages)
        except RerankUnavailable as error:
            log.warning("knowledge.not_reranked", reason=str(error))
            return passages

    async def ranked(
        self,
        query: str,
        *,
        bases: Sequence[str],
        limit: int,
        scope: Scope,
        tags: Collection[str] = (),
        how: Fusion = "hybrid",
        also: Sequence[str] = (),
    ) -> list[Passage]:
        """Return the `limit` best passages whatever their score, with all scores: for people and measurements."""
        opened = [await self.base(name) for name in dict.fromkeys(bases)]
        if not opened or not query.strip():
            return []
        question = plain(query)
        texts = list(dict.fromkeys([question, *also, *parts(question)]))
        found: list[Passage] = []
        for base in opened:
            asked = await self._asked(texts, base.embedder, how)
            found += await base.search(asked, limit=limit, scope=scope, tags=tags, how=how)
        return sorted(found, key=lambda one: -one.score)[:limit]

    async def _asked(self, texts: Sequence[str], embedder: str, how: Fusion) -> list[Asked]:
        vectors = await self._questions[embedder].embed(texts)
        if how != "hybrid" or embedder not in self._words:
            return [Asked(text=text, vector=vector) for text, vector in zip(texts, vectors, strict=True)]
        single = [words(text)[:_WORDS_MAX] for text in texts]
        known = list(dict.fromkeys(word for own in single for word in own))
        meant = dict(zip(known, await self._words[embedder].embed(known), strict=True))
        return [
            Asked(text=text, vector=vector, words={word: meant[word] for word in own})
            for text, vector, own in zip(texts, vectors, single, strict=True)
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """The configured bases."""
        return tuple(self._settings)

    async def sync(
        self, name: str, *, progress: Callable[[Progress], None] | None = None, wait_s: float = FOLLOWING_S
    ) -> Report:
        """Bring a base up to date with its sources, waiting up to `wait_s` seconds for another who is at it.

        Raises:
            Busy: another process is at it.
            IndexUnavailable, EmbeddingUnavailable: a retry is safe, and goes on where this stopped.
            UnknownBase: a base of that name is not configured.
        """
        return await patiently(partial(self.base, name), lambda base: synced(base, progress), wait_s, progress)

    async def add(
        self,
        name: str,
        addition: Addition,
        *,
        data: bytes | None = None,
        progress: Callable[[Progress], None] | None = None,
        wait_s: float = WAIT_S,
    ) -> Report:
        """Take in what a person adds (`OpenBase.add`), waiting for a running sync.

        Raises:
            Busy: another sync still runs after `wait_s` seconds.
            DocumentRefused, IndexUnavailable, EmbeddingUnavailable, UnknownBase: as for `sync`.
        """
        return await patiently(
            partial(self.base, name), lambda base: base.add(addition, data=data, progress=progress), wait_s, progress
        )

    async def remove(self, name: str, document: str, *, wait_s: float = WAIT_S) -> tuple[str, ...]:
        """Take an addition or a document out (`OpenBase.remove`), waiting for a running sync.

        Raises:
            UnknownDocument: there is none of that name.
            Busy, UnknownBase: as for `add`.
        """
        return await patiently(partial(self.base, name), lambda base: base.remove(document), wait_s, None)

    async def restore(self, name: str, document: str, *, wait_s: float = WAIT_S) -> Report:
        """Let a document that was removed or rolled back in again, and look at the sources; raises as `add`."""

        async def restored(base: OpenBase) -> Report:
            await base.block(document, blocked=False)
            return await synced(base, None)

        return await patiently(partial(self.base, name), restored, wait_s, None)

    async def answer(self, query: str, *, bases: Sequence[str], scope: Scope, count: bool = True) -> Annotation | None:
        """Return the fixed answer to nearly the same question, if there is one that `scope` may see.

        It counts as given unless `count` is False. Costs next to nothing where no base has fixed answers.

        Raises:
            IndexUnavailable, EmbeddingUnavailable: a retry is safe.
            UnknownBase: a base of that name is not configured.
        """
        opened = [await self.base(name) for name in dict.fromkeys(bases) if query.strip()]
        found = [await base.answer(query, self._questions[base.embedder], scope=scope) for base in opened]
        best = max((one for one in found if one is not None), key=lambda one: one.score, default=None)
        if best is not None and count:
            await (await self.base(best.base)).given(best.number)
        return best

    def _coverage(self, passages: Sequence[Passage]) -> Coverage:
        if not passages:
            return "not_found"
        best = passages[0]
        return "answered" if best.score >= self._settings[best.base].threshold + SURE else "partly"
