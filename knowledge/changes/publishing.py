"""Making changes of a base visible: the vectors before, the catalogue at once, what is no longer needed after.

Where several machines share the base, a change becomes an entry of the log first (`changes.exchange`); a machine
that was not the first takes the other entry in, and offers its own again behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowledge.catalogue.file import CatalogueFile
from knowledge.catalogue.ledger import Ledger
from knowledge.changes.exchange import Entry, Exchange
from knowledge.changes.indexing import Indexing
from knowledge.changes.operations import Operation, Operations
from knowledge.errors import IndexUnavailable
from knowledge.ingest.embedding import Embedding
from knowledge.threads import Threads


class Publisher:
    """Publishes the changes of one base, and follows those of others. The caller holds the base's lock."""

    def __init__(
        self,
        file: CatalogueFile,
        *,
        embedding: Embedding,
        indexing: Indexing | None,
        exchange: Exchange | None,
        threads: Threads,
    ) -> None:
        self._ledger = Ledger(file)
        self._operations = Operations(file)
        self._embedding = embedding
        self._indexing = indexing
        self._exchange = exchange
        self._threads = threads

    async def publish(
        self, changes: Mapping[str, str | None], *, note: str = "", operations: Sequence[Operation] = ()
    ) -> None:
        """Make staged versions visible at once, and do the operations; nothing happens where nothing would change.

        Raises:
            IndexUnavailable: the vector store cannot be reached; nothing was changed.
        """
        if self._indexing is not None:
            versions = [version for version in changes.values() if version is not None]
            await self._threads.write(self._indexing.add, versions)
        if self._exchange is None:
            await self._threads.write(self._apply, changes, note, operations, 0)
        else:
            await self._announced(self._exchange, changes, note, operations)
        if self._indexing is not None:
            await self._threads.write(self._indexing.reconcile)

    async def forget(self, keep: int) -> int:
        """Forget all but the last `keep` revisions; return how many versions nothing shows any more."""
        gone = await self._threads.write(self._ledger.forget, keep)
        if self._exchange is not None:
            await self._threads.write(self._exchange.discard, gone)
        return len(gone)

    async def behind(self) -> bool:
        """Tell whether another machine has published something since; costs one question.

        Raises:
            IndexUnavailable: the server cannot be reached; a retry is safe.
        """
        exchange = self._exchange
        return exchange is not None and await self._threads.write(exchange.behind)

    async def follow(self) -> None:
        """Take in what other machines have published since.

        Raises:
            IndexUnavailable: the server cannot be reached; a retry is safe.
        """
        if self._exchange is None:
            return
        if not self._exchange.attached:
            await self._attach(self._exchange)
        await self._caught_up(self._exchange)

    async def _announced(
        self, exchange: Exchange, changes: Mapping[str, str | None], note: str, operations: Sequence[Operation]
    ) -> None:
        while True:
            await self.follow()
            current = await self._threads.write(self._ledger.current)
            fresh = {document: version for document, version in changes.items() if current.get(document) != version}
            if not fresh and not operations:
                return
            await self._threads.write(exchange.store, [version for version in fresh.values() if version is not None])
            revision = await self._threads.write(self._ledger.revision) + 1 if fresh else 0
            entry = Entry(changes=fresh, note=note, revision=revision, operations=operations)
            number = await self._threads.write(exchange.offer, entry)
            if number:
                await self._threads.write(self._apply, fresh, note, operations, revision)
                await self._threads.write(exchange.reached, number)
                return

    async def _caught_up(self, exchange: Exchange) -> None:
        """Take entries in one by one; those whose texts are gone already count together with the next ones."""
        carried: dict[str, str | None] = {}
        operations: list[Operation] = []
        for number, entry in await self._threads.write(exchange.entries):
            carried |= entry.changes
            operations += entry.operations
            versions = {version for version in carried.values() if version is not None}
            if await self._threads.write(exchange.fetch, versions):
                continue
            if self._indexing is not None:
                await self._threads.write(self._indexing.adopt, versions)
            await self._embedding.adopt(versions)
            await self._threads.write(self._apply, carried, entry.note, operations, entry.revision)
            if self._indexing is not None:
                await self._threads.write(self._indexing.left)
            await self._threads.write(exchange.reached, number)
            carried, operations = {}, []
        if carried:
            raise IndexUnavailable(f"the server has lost the text of {len(carried)} documents; sync where they are")

    async def _attach(self, exchange: Exchange) -> None:
        """Begin to share: what the log says counts, and what only this catalogue has is published behind it."""
        first = await self._threads.write(exchange.head) == 0
        operations = await self._threads.write(self._operations.all, numbered=first)
        before = await self._threads.write(self._ledger.current)
        if not first:
            await self._threads.write(self._operations.clear)
        await self._threads.write(exchange.reached, 0)
        named: set[str] = set()
        while True:
            entries = await self._threads.write(exchange.entries)
            named.update(document for _, entry in entries for document in entry.changes)
            await self._caught_up(exchange)
            if before and not first:
                newest = max(entry.revision for _, entry in entries) if entries else 0
                await self._threads.write(self._ledger.begin, newest)
            own = {document: version for document, version in before.items() if document not in named}
            if await self._joined(exchange, own, operations):
                return
            first = False

    async def _joined(self, exchange: Exchange, own: Mapping[str, str], operations: Sequence[Operation]) -> bool:
        if not own and not operations:
            return True
        if self._indexing is not None:
            await self._threads.write(self._indexing.add, list(own.values()))
        await self._threads.write(exchange.store, list(own.values()))
        revision = await self._threads.write(self._ledger.revision)
        entry = Entry(changes=own, note="joined", revision=revision, operations=operations)
        number = await self._threads.write(exchange.offer, entry)
        if number:
            await self._threads.write(self._operations.apply, operations)
            await self._threads.write(exchange.reached, number)
        return bool(number)

    def _apply(
        self, changes: Mapping[str, str | None], note: str, operations: Sequence[Operation], revision: int
    ) -> None:
        self._operations.apply(operations)
        self._ledger.publish(changes, note=note, least=revision)
