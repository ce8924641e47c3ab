"""Delivery: takes what is in the outbox of one channel account, in order per conversation, and sends it.

A message is planned into parts once per attempt; how many parts the platform has accepted is noted in the
lane, so that a successor goes on after the last one. What was being sent when a process died is in doubt:
a channel that can find out is asked first; where no platform can tell, the part is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from bot.dead_letters import dead_letter
from bot.lanes import Claim, Lanes, Write
from bot.live import Live
from bot.reader import Held, Reader
from bot.telemetry import Metrics
from bot.wire import decode_outbound
from channels.base import Channel, Recovering
from channels.errors import ChannelError, RateLimited, Unauthorized
from channels.limits import Pacer
from channels.types import OutboundMessage, Part, Progress, Receipt
from config.settings import ConversationLimits

log = structlog.get_logger()

CONCURRENCY = 100
SETTLE_S = 0.05
BACK_OFF_S = (0.5, 2.0, 8.0, 30.0, 60.0)
RATE_WAIT_MAX_S = 900.0
UNAUTHORIZED_WAIT_S = 30.0
RECORD_S = 7 * 86400
NEWEST = "newest"


class Delivery:
    """Delivers everything of one channel account."""

    def __init__(
        self,
        *,
        channel: Channel,
        lanes: Lanes,
        live: Live,
        limits: Callable[[], ConversationLimits],
        metrics: Metrics,
    ) -> None:
        self.lanes = lanes
        self._channel = channel
        self._live = live
        self._limits = limits
        self._metrics = metrics
        self._pacer = Pacer(chat_rate=channel.limits.chat_rate, account_rate=channel.limits.account_rate)
        self._near: dict[int, str] = {}
        self._latest = ""
        self._doubts: dict[str, str] = {}
        """By conversation: the newest message on record when sending failed in an unknown way."""
        self._reader = Reader(lanes, self._deliver, concurrency=CONCURRENCY, repeatable=False)

    async def run(self) -> None:
        """Deliver until cancelled."""
        # Read before anything new is delivered: what is in doubt lies near the newest message of our predecessor.
        for partition in self.lanes.partitions:
            self._near[partition] = await self.lanes.value(partition, NEWEST)
        await self._reader.run()

    async def drain(self, grace_s: float) -> None:
        """Deliver what is in the outbox already, for `grace_s` seconds at most; the rest stays there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._emptied()
        await self._reader.drain(grace_s)

    async def _emptied(self) -> None:
        while True:
            counts = await self.lanes.counts()
            if counts["ready"] + counts["leased"] == 0:
                return
            await asyncio.sleep(SETTLE_S)

    async def _deliver(self, held: Held) -> None:
        claim = held.claim
        message = decode_outbound(claim.payload)
        parts = self._channel.plan(message)
        done, _, newest = claim.note.partition(":")
        try:
            for number, part in enumerate(parts[int(done or 0) :], start=int(done or 0) + 1):
                in_doubt = claim.attempt > 1 and number == int(done or 0) + 1
                receipt = await (self._found(claim, part, newest) if in_doubt else self._send(part))
                newest = receipt.platform_id or newest
                if number < len(parts):
                    await self.lanes.note(claim, f"{number}:{newest}")
        except RateLimited as error:
            self._pacer.slow_down(message.conversation.chat, error.retry_after_s)
            await self._later(claim, message, error, delay_s=min(error.retry_after_s, RATE_WAIT_MAX_S), count=False)
        except Unauthorized as error:
            # Nothing is wrong with the message: it waits until an operator has mended the account.
            await self._later(claim, message, error, delay_s=UNAUTHORIZED_WAIT_S, count=False)
        except ChannelError as error:
            await self._failed(claim, message, error)
        else:
            await self.lanes.finish(claim, writes=self._recorded(claim, newest))
            self._shown(message)

    async def _found(self, claim: Claim, part: Part, newest: str) -> Receipt:
        """Send a part that an earlier attempt may have sent already, unless the platform has it."""
        if isinstance(self._channel, Recovering):
            behind = newest or await self.lanes.value(claim.partition, f"{NEWEST}:{claim.conversation}")
            near = self._doubts.pop(claim.conversation, self._near[claim.partition])
            receipt = await self._channel.find(part, behind=behind, near=near)
            if receipt:
                self._metrics.deliveries.labels(self._channel.name, receipt.code).inc()
                return receipt
        return await self._send(part)

    def _recorded(self, claim: Claim, newest: str) -> list[Write]:
        """Return what a finish writes down, so that a successor knows where a lost message would stand."""
        if not newest or not isinstance(self._channel, Recovering):
            return []
        self._latest = newest
        suffixes = (NEWEST, f"{NEWEST}:{claim.conversation}")
        return [("SET", self.lanes.key(claim.partition, suffix), newest, "EX", RECORD_S) for suffix in suffixes]

    async def _send(self, part: Part) -> Receipt:
        await asyncio.sleep(self._pacer.delay(part.conversation.chat))
        code = "ok"
        started = time.monotonic()
        try:
            receipt = await self._channel.send(part)
            code = receipt.code
        except ChannelError as error:
            code = error.code or type(error).__name__
            raise
        else:
            return receipt
        finally:
            self._metrics.deliveries.labels(self._channel.name, code).inc()
            log.debug(
                "delivery.attempt",
                message=part.message,
                part=part.ordinal,
                code=code,
                elapsed_ms=round((time.monotonic() - started) * 1000, 1),
            )

    async def _failed(self, claim: Claim, message: OutboundMessage, error: ChannelError) -> None:
        if error.retryable and claim.attempt < self._limits().delivery_attempts:
            self._doubts[claim.conversation] = self._latest
            delay_s = BACK_OFF_S[min(claim.attempt, len(BACK_OFF_S)) - 1]
            await self._later(claim, message, error, delay_s=delay_s, count=True)
            return
        log.error("delivery.dead", message=message.id, code=error.code, error=str(error), attempts=claim.attempt)
        letter = dead_letter(claim, message.id, reason=str(error), code=error.code)
        await self.lanes.finish(claim, dead=letter)
        self._shown(message)

    async def _later(
        self, claim: Claim, message: OutboundMessage, error: ChannelError, *, delay_s: float, count: bool
    ) -> None:
        log.warning("delivery.later", message=message.id, code=error.code, again_in_s=delay_s, error=str(error))
        await self.lanes.put_back(claim, delay_s=delay_s, count=count)

    def _shown(self, message: OutboundMessage) -> None:
        self._live.publish(Progress(conversation=message.conversation, turn=message.turn or message.id, kind="ended"))
