"""Lanes: durable queues, one per conversation, each with one reader at a time.

A lane is a list in Redis plus a hash {state, fence, attempts, note}. It is in one of three states:
`ready` (in the ready list), `leased` (a reader holds it until its lease expires) or absent (empty).
A claim raises the partition's fence; every later change must show the lane's fence, so a reader that
stalled past its lease changes nothing. A lease that expires, or a lane put back with a delay, returns
to the ready list when its time in the `leased` set has come.

The same structure carries what comes in (`in`), what must not wait behind a running turn (`control`)
and what goes out (`out.<channel>.<account>`).

Source of fencing: Kleppmann, "How to do distributed locking", 2016,
https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis.commands.core import AsyncScript

from bot.errors import LaneLost
from bot.process import is_dead, process_name
from bot.scripts import load_scripts
from bot.store import Store

Write = tuple[str | bytes | int, ...]
"""One Redis command on keys of the lane's own partition."""

WAKE_S = 1.0
"""How long a reader sleeps at most: the bound on noticing an expired lease when no wake-up came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One reader's right to a lane, until its lease expires."""

    lanes: str
    conversation: str
    partition: int
    fence: int
    attempt: int
    """1 for the first run of this head; it counts claims since the last finish."""
    payload: str
    """The head of the queue."""
    note: str
    """What an earlier reader of the same head left with `note`; empty at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of an appended payload; `leased` says that a reader holds the lane at this moment."""

    acceptance: Literal["accepted", "duplicate", "busy"]
    leased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A payload for another family of lanes, appended in the same transaction as a finish."""

    lanes: str
    payload: str


class Lanes:
    """One family of lanes over all partitions."""

    def __init__(self, store: Store, name: str, *, lease_s: float) -> None:
        self.name = name
        self.lease_s = lease_s
        self._redis = store.redis
        self._keys = store.keys
        self._scripts = load_scripts(store.redis)

    @property
    def partitions(self) -> range:
        """The partitions that a reader has to watch."""
        return range(self._keys.partitions)

    async def append(self, conversation: str, payload: str, *, once: str, remember_s: float, depth: int) -> Appended:
        """Append `payload` unless `once` was seen within `remember_s` seconds or `depth` payloads wait already.

        A `depth` of 0 sets no cap.
        """
        partition = self._keys.partition_of(conversation)
        status, leased = await self._run(
            "append", partition, self.name, conversation, payload, once, int(remember_s), depth
        )
        return Appended(acceptance=status, leased=bool(leased))

    async def claim(self, partition: int, *, count: int) -> list[Claim]:
        """Lease up to `count` ready lanes, the longest waiting first; none when none is ready."""
        rows = await self._run("claim", partition, self.name, self._lease_ms, count, process_name())
        return [
            Claim(
                lanes=self.name,
                conversation=conversation,
                partition=partition,
                fence=fence,
                attempt=attempt,
                payload=payload,
                note=note,
            )
            for conversation, fence, attempt, payload, note in rows
        ]

    async def recover(self) -> int:
        """Expire the leases of readers on this machine that died, and return how many there were."""
        recovered = 0
        for partition in self.partitions:
            dead = [reader for reader in await self._run("readers", partition, self.name) if is_dead(reader)]
            if dead:
                recovered += await self._run("recover", partition, self.name, *dead)
        return recovered

    async def wait(self, partition: int) -> None:
        """Return when a lane became ready, or after `WAKE_S` in any case."""
        await self._redis.blpop([f"{self._keys.base(partition)}:{self.name}:wake"], timeout=WAKE_S)

    async def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        """Extend the leases and return the claims that were lost meanwhile."""
        lost: list[Claim] = []
        for partition in {claim.partition for claim in claims}:
            held = [claim for claim in claims if claim.partition == partition]
            pairs = [item for claim in held for item in (claim.conversation, claim.fence)]
            alive = await self._run("renew", partition, self.name, self._lease_ms, *pairs)
            lost += [claim for claim, kept in zip(held, alive, strict=True) if not kept]
        return lost

    async def note(self, claim: Claim, text: str) -> None:
        """Leave a note for whoever reads this head after a crash.

        Raises:
            LaneLost: the lane belongs to another reader now.
        """
        self._check(claim, await self._run("note", claim.partition, self.name, claim.conversation, claim.fence, text))

    def key(self, partition: int, suffix: str) -> str:
        """Return the name of a key in a partition's slot, for `writes` of a finish."""
        return f"{self._keys.base(partition)}:{self.name}:{suffix}"

    async def value(self, partition: int, suffix: str) -> str:
        """Return what a finish has written under `key`; empty where nothing is there."""
        return str(await self._redis.get(self.key(partition, suffix)) or "")

    async def peek(self, claim: Claim, count: int) -> list[str]:
        """Return the first `count` payloads of the claimed lane, the head first."""
        queue = f"{self._keys.base(claim.partition)}:{self.name}:queue:{claim.conversation}"
        return [str(payload) for payload in await self._redis.lrange(queue, 0, count - 1)]

    async def finish(
        self,
        claim: Claim,
        *,
        taken: int = 1,
        outgoing: Sequence[Outgoing] = (),
        writes: Sequence[Write] = (),
        dead: str | None = None,
    ) -> None:
        """Take `taken` payloads off the lane and do everything that belongs to it, all or nothing.

        `outgoing` is appended to its lanes, `writes` are run, `dead` is kept in the dead-letter list.

        Raises:
            LaneLost: the lane belongs to another reader now; nothing was changed.
        """
        arguments: list[Any] = [claim.conversation, claim.fence, taken, dead or "", len(outgoing)]
        for item in outgoing:
            arguments += [item.lanes, item.payload]
        for write in writes:
            arguments += [len(write), *write]
        self._check(claim, await self._run("finish", claim.partition, self.name, *arguments))

    async def put_back(self, claim: Claim, *, delay_s: float = 0, count: bool = True) -> None:
        """Give the lane back with its head; `count=False` forgets that this attempt was made.

        Raises:
            LaneLost: the lane belongs to another reader now.
        """
        delay_ms = int(delay_s * 1000)
        self._check(
            claim,
            await self._run(
                "put_back", claim.partition, self.name, claim.conversation, claim.fence, delay_ms, int(count)
            ),
        )

    async def depth(self, conversation: str) -> tuple[int, bool]:
        """Return how many payloads wait in a lane, its head included, and whether a reader holds it."""
        base = self._keys.base(self._keys.partition_of(conversation))
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.llen(f"{base}:{self.name}:queue:{conversation}")
            pipeline.hget(f"{base}:{self.name}:lane:{conversation}", "state")
            waiting, state = await pipeline.execute()
        return int(waiting), state == "leased"

    async def dead_letters(self, *, limit: int = 100) -> list[str]:
        """Return the newest dead letters of all partitions."""
        letters: list[str] = []
        for partition in self.partitions:
            key = self.key(partition, "dead")
            letters += [str(letter) for letter in await self._redis.lrange(key, 0, limit - 1)]
        return letters[:limit]

    async def revive(self, letter: str, conversation: str, payload: str) -> bool:
        """Put a dead letter's payload back into its lane; False where somebody else has taken the letter away."""
        partition = self._keys.partition_of(conversation)
        return bool(await self._run("revive", partition, self.name, letter, conversation, payload))

    async def bury(self) -> int:
        """Forget all dead letters and return how many there were."""
        buried = 0
        for partition in self.partitions:
            async with self._redis.pipeline() as pipeline:
                pipeline.llen(self.key(partition, "dead"))
                pipeline.delete(self.key(partition, "dead"))
                buried += (await pipeline.execute())[0]
        return buried

    async def counts(self) -> dict[str, int]:
        """Return how many lanes are ready and leased, and how many dead letters there are."""
        totals = {"ready": 0, "leased": 0, "dead": 0}
        for partition in self.partitions:
            base = f"{self._keys.base(partition)}:{self.name}"
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.llen(f"{base}:ready")
                pipeline.zcard(f"{base}:leased")
                pipeline.llen(f"{base}:dead")
                for state, number in zip(totals, await pipeline.execute(), strict=True):
                    totals[state] += number
        return totals

    @property
    def _lease_ms(self) -> int:
        return int(self.lease_s * 1000)

    async def _run(self, script: str, partition: int, *arguments: Any) -> Any:
        function: AsyncScript = self._scripts[script]
        return await function(keys=[self._keys.base(partition)], args=arguments)

    @staticmethod
    def _check(claim: Claim, kept: int) -> None:
        if not kept:
            raise LaneLost(f"the lane {claim.conversation} belongs to another reader now")
