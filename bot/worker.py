"""The worker: reads the lanes of inbound messages and answers them; stops and interrupts running turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.answering import Answering
from bot.control import Control, Signal
from bot.lanes import Lanes
from bot.reader import Reader
from bot.supervisor import together

log = structlog.get_logger()

BESIDE_CONCURRENCY = 20
"""Kept apart from the turns, so that /stop is answered even when every turn's place is taken."""


class Worker:
    """Answers what lies in the lanes of one cluster, together with all other workers."""

    def __init__(
        self,
        *,
        turns: Lanes,
        beside: Lanes,
        answering: Callable[[Lanes], Answering],
        control: Control,
        concurrency: int,
    ) -> None:
        self._turns, self._beside = (
            Reader(lanes, work.answer, concurrency=places, rescue=work.rescue)
            for lanes, places in ((turns, concurrency), (beside, BESIDE_CONCURRENCY))
            for work in (answering(lanes),)
        )
        self._control = control

    async def run(self) -> None:
        """Work until cancelled or drained."""
        await together(
            self._turns.run(), self._beside.run(), *(self._follow(partition) for partition in self._control.partitions)
        )

    async def drain(self, grace_s: float) -> None:
        """Take nothing new; let running turns end for `grace_s` seconds, then give the rest back to others."""
        await asyncio.gather(self._turns.drain(grace_s), self._beside.drain(grace_s))

    async def _follow(self, partition: int) -> None:
        position = await self._control.position(partition)
        async for signal in self._control.follow(partition, position):
            self._obey(signal)

    def _obey(self, signal: Signal) -> None:
        """Act on a signal, if its conversation's turn runs here and its sender may.

        Anyone who writes in a conversation may stop its turn. An arriving message interrupts only the turn of
        the person who sent it, and only where the assistant is configured so.
        """
        held = self._turns.held(signal.conversation)
        if held is None:
            return
        if signal.kind == "stop":
            held.cancel("stopped")
            log.info("turn.stopped", conversation=signal.conversation)
        elif held.interruptible_by == signal.by:
            held.cancel("interrupted")
