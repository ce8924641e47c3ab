"""Read lanes: claim, run the work of each claim in a task of its own, renew the leases, drain.

Worker and delivery are both readers; they differ in the work. The turn supervisor that the design names
is `Reader._supervise`: whatever a piece of work raises ends there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import structlog
from redis.exceptions import RedisError

from bot.errors import LaneLost
from bot.lanes import Claim, Lanes
from bot.supervisor import CANCEL_AGAIN_S, together

log = structlog.get_logger()

CLAIM_MAX = 32
BACK_OFF_S = 1.0
Reason = Literal["", "stopped", "interrupted", "lost", "draining"]


@dataclass(slots=True, eq=False)
class Held:
    """A claimed lane while its work runs; `reason` says why the work is being cancelled."""

    claim: Claim
    task: asyncio.Task[None] | None = None
    reason: Reason = ""
    interruptible_by: str = ""
    """The person whose next message breaks this work off; empty where nobody's does."""

    ending: bool = False
    """Set by the work when its outcome is decided: it ends by itself, and is not cancelled any more."""

    def cancel(self, reason: Reason) -> None:
        """Tell the work to end, and why; the first reason counts."""
        if self.task and not self.reason and not self.ending:
            self.reason = reason
            self._cancel()

    def _cancel(self) -> None:
        """Cancel, and again while it has no effect: see `supervisor.end` on swallowed cancellations."""
        if self.task and not self.task.done() and not self.ending:
            self.task.cancel()
            asyncio.get_running_loop().call_later(CANCEL_AGAIN_S, self._cancel)


Work = Callable[[Held], Awaitable[None]]


class Reader:
    """Works through one family of lanes with at most `concurrency` lanes at a time."""

    def __init__(
        self,
        lanes: Lanes,
        work: Work,
        *,
        concurrency: int,
        rescue: Callable[[Held, Exception], Awaitable[None]] | None = None,
        repeatable: bool = True,
    ) -> None:
        """`repeatable=False`: work that was broken off must look like an attempt to whoever does it next."""
        self._lanes = lanes
        self._work = work
        self._rescue = rescue
        self._repeatable = repeatable
        self._concurrency = concurrency
        self._held: dict[str, Held] = {}
        self._changed = asyncio.Event()
        self._draining = False

    def held(self, conversation: str) -> Held | None:
        """Return the running work of a conversation, if it runs here."""
        return self._held.get(conversation)

    async def run(self) -> None:
        """Read until cancelled or drained. Leases of dead processes of this machine are taken over first."""
        recovered = await self._lanes.recover()
        if recovered:
            log.info("lanes.recovered", lanes=self._lanes.name, count=recovered)
        await together(self._renew(), *(self._claim(partition) for partition in self._lanes.partitions))

    async def drain(self, grace_s: float) -> None:
        """Take nothing new; let running work end for `grace_s` seconds, then give the rest back."""
        self._draining = True
        tasks = [held.task for held in self._held.values() if held.task]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for held in list(self._held.values()):
            held.cancel("draining")
        if tasks:
            await asyncio.wait(tasks, timeout=self._lanes.lease_s)

    async def _claim(self, partition: int) -> None:
        while not self._draining:
            free = self._concurrency - len(self._held)
            if free <= 0:
                self._changed.clear()
                await self._changed.wait()
                continue
            count = min(free, CLAIM_MAX)
            claims = await self._lanes.claim(partition, count=count)
            for claim in claims:
                self._start(claim)
            if len(claims) < count:
                # Nothing was left: whatever became ready since has left a wake-up.
                await self._lanes.wait(partition)

    def _start(self, claim: Claim) -> None:
        earlier = self._held.get(claim.conversation)
        if earlier:
            # Our own lease ran out while we stalled, and this very process has claimed the lane again.
            earlier.cancel("lost")
        held = Held(claim)
        self._held[claim.conversation] = held
        held.task = asyncio.create_task(self._supervise(held), name=f"{self._lanes.name}:{claim.conversation}")

    async def _supervise(self, held: Held) -> None:
        try:
            await self._work(held)
        except asyncio.CancelledError:
            held.ending = True
            if held.reason != "draining":
                if not held.reason:
                    raise
                return
            await self._give_back(held)
        except LaneLost:
            log.warning("lane.lost", lanes=self._lanes.name, conversation=held.claim.conversation)
        except (RedisError, OSError) as error:
            # The lane stays leased: when the store is back, the lease expires and the work is done again.
            log.warning("store.failed", lanes=self._lanes.name, error=repr(error))
        except Exception as error:
            log.exception("work.failed", lanes=self._lanes.name, conversation=held.claim.conversation)
            await self._rescued(held, error)
        finally:
            if self._held.get(held.claim.conversation) is held:
                del self._held[held.claim.conversation]
            self._changed.set()

    async def _rescued(self, held: Held, error: Exception) -> None:
        try:
            if self._rescue:
                await self._rescue(held, error)
            else:
                await self._lanes.put_back(held.claim, delay_s=BACK_OFF_S * 2**held.claim.attempt)
        except (LaneLost, RedisError, OSError) as failure:
            log.warning("work.not_rescued", lanes=self._lanes.name, error=repr(failure))

    async def _give_back(self, held: Held) -> None:
        try:
            await self._lanes.put_back(held.claim, count=not self._repeatable)
        except (LaneLost, RedisError, OSError) as error:
            log.warning("lane.not_given_back", conversation=held.claim.conversation, error=repr(error))

    async def _renew(self) -> None:
        while not (self._draining and not self._held):
            await asyncio.sleep(self._lanes.lease_s / 3)
            held = list(self._held.values())
            if not held:
                continue
            lost = {id(claim) for claim in await self._lanes.renew([item.claim for item in held])}
            for item in held:
                if id(item.claim) in lost:
                    item.cancel("lost")
