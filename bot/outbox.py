"""The outbox: the lanes' other direction. What is in it was decided and will be sent, in order per conversation."""

from __future__ import annotations

from bot.lanes import Lanes, Outgoing
from bot.store import Store
from bot.wire import encode_outbound
from channels.types import OutboundMessage

ONCE_S = 86400


def lanes_of(channel: str, account: str) -> str:
    """Return the name of the lanes that hold what goes out through a channel account."""
    return f"out.{channel}.{account}"


def outgoing(message: OutboundMessage) -> Outgoing:
    """Return the message as a part of a finish."""
    conversation = message.conversation
    return Outgoing(lanes=lanes_of(conversation.channel, conversation.account), payload=encode_outbound(message))


class Outbox:
    """Puts messages into the outbox that belong to no finish: notices and follow-up suggestions."""

    def __init__(self, store: Store, *, lease_s: float) -> None:
        self._store = store
        self._lease_s = lease_s

    async def put(self, message: OutboundMessage) -> None:
        """Make the message durable for delivery, once per message id."""
        item = outgoing(message)
        lanes = Lanes(self._store, item.lanes, lease_s=self._lease_s)
        await lanes.append(message.conversation.key, item.payload, once=message.id, remember_s=ONCE_S, depth=0)
