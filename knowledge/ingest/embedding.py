"""The vectors of a base: each text is embedded once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from knowledge.base import Embedder, WordEmbedder
from knowledge.catalogue.file import CatalogueFile
from knowledge.catalogue.ledger import Ledger
from knowledge.catalogue.meanings import Meanings
from knowledge.catalogue.vectors import VectorStore, key_of, packed_rows, unpacked_rows
from knowledge.ingest.facets import Facets, combined, facets_of
from knowledge.ingest.progress import Progress
from knowledge.retrieval.words import words
from knowledge.threads import Threads

_GROUP = 32  # documents whose texts are embedded together
_WORDS = 64  # words embedded at once: a question waits no longer behind them than behind texts
_PORTION = 256  # chunks whose vectors are in memory at a time


class Embedding:
    """Makes the vectors of one base with one model. The caller holds the base's lock."""

    def __init__(self, file: CatalogueFile, *, embedder: Embedder, model: str, threads: Threads) -> None:
        self._ledger = Ledger(file)
        self._vectors = VectorStore(file, model=model)
        self._meanings = Meanings(file, model=embedder.name)
        self._embedder = embedder
        self._threads = threads

    async def complete(self, versions: Sequence[str]) -> int:
        """Embed what versions lack; return how many texts that were.

        Raises:
            EmbeddingUnavailable: what was embedded is kept; a retry goes on from there.
        """
        wanted = list((await self._threads.write(self._wanted, versions)).items())
        portions = [dict(wanted[at : at + _PORTION]) for at in range(0, len(wanted), _PORTION)]
        return sum([await self._embed_portion(portion) for portion in portions])

    async def adopt(self, versions: Collection[str]) -> None:
        """Add what versions that came from another machine lack here: another model's vectors, and their words."""
        await self.complete(list(versions))
        await self._learn(await self._threads.write(self._words_of, versions))

    async def complete_visible(self, *, progress: Callable[[Progress], None] | None = None) -> int:
        """Embed what is visible but has no vectors of this model yet; return how many texts that were."""
        versions = await self._threads.write(self._vectors.unembedded)
        embedded = 0
        for at in range(0, len(versions), _GROUP):
            embedded += await self.complete(versions[at : at + _GROUP])
            if progress is not None:
                progress(Progress(done=min(at + _GROUP, len(versions)), total=len(versions), document=""))
        return embedded

    async def lacking(self) -> int:
        """Return how many texts `complete_visible` would embed."""
        keys: set[bytes] = set()
        versions = await self._threads.write(self._vectors.unembedded)
        for at in range(0, len(versions), _GROUP):
            keys |= await self._threads.write(self._unknown, versions[at : at + _GROUP])
        return len(keys)

    def _unknown(self, versions: Sequence[str]) -> set[bytes]:
        keys = {self._key(text) for facets in self._wanted(versions).values() for text in facets.texts}
        return keys - self._vectors.known(keys).keys()

    def forget_unused(self) -> None:
        """Forget the vectors that no kept chunk and no fixed answer needs. Blocking."""
        needed = set(map(self._key, self._vectors.annotated()))
        known: set[str] = set()
        for title, chunk in self._vectors.all_chunks():
            facets = facets_of(chunk, title)
            needed.update(map(self._key, facets.texts))
            known.update(words(facets.whole))
        self._vectors.keep_only(needed)
        self._meanings.keep_only(known)

    async def _embed_portion(self, wanted: Mapping[int, Facets]) -> int:
        """Embed the texts of some chunks; every batch is stored before the next is asked for."""
        texts = {self._key(text): text for facets in wanted.values() for text in facets.texts}
        known = await self._threads.write(self._vectors.known, texts)
        missing = [key for key in texts if key not in known]
        for at in range(0, len(missing), self._embedder.batch):
            part = missing[at : at + self._embedder.batch]
            vectors = await self._embedder.embed([texts[key] for key in part])
            fresh = dict(zip(part, packed_rows(vectors), strict=True))
            await self._threads.write(self._vectors.store_vectors, fresh)
            known |= fresh
        await self._learn({word for facets in wanted.values() for word in words(facets.whole)})
        await self._threads.write(self._combine, wanted, {text: known[key] for key, text in texts.items()})
        return len(missing)

    async def _learn(self, found: Collection[str]) -> None:
        """Embed the words that have no vector yet, where the embedder knows single words."""
        if not isinstance(self._embedder, WordEmbedder):
            return
        missing = await self._threads.write(self._meanings.unknown, sorted(found))
        for at in range(0, len(missing), _WORDS):
            part = missing[at : at + _WORDS]
            vectors = await self._embedder.embed_words(part)
            await self._threads.write(self._meanings.store, dict(zip(part, vectors, strict=True)))

    def _wanted(self, versions: Sequence[str]) -> dict[int, Facets]:
        """Return what is to be embedded for each chunk that has no vectors of this model yet."""
        wanted: dict[int, Facets] = {}
        for version in versions:
            if not self._vectors.complete(version):
                title = self._ledger.title(version)
                wanted |= {number: facets_of(chunk, title) for number, chunk in self._vectors.chunks_of(version)}
        return wanted

    def _combine(self, wanted: Mapping[int, Facets], held: Mapping[str, bytes]) -> None:
        places = {text: at for at, text in enumerate(held)}
        rows = combined(list(wanted.values()), places, unpacked_rows(list(held.values())))
        self._vectors.store_facets(dict(zip(wanted, map(packed_rows, rows), strict=True)))

    def _key(self, text: str) -> bytes:
        return key_of(self._embedder.name, text)

    def _words_of(self, versions: Collection[str]) -> set[str]:
        found: set[str] = set()
        for version in versions:
            title = self._ledger.title(version)
            found.update(
                word for _, chunk in self._vectors.chunks_of(version) for word in words(facets_of(chunk, title).whole)
            )
        return found
