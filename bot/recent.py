"""The files that a person sent lately: "/kb add" may follow them, or be repeated by a button, which carries none."""

from __future__ import annotations

from pydantic import TypeAdapter

from bot.access import person_of
from bot.store import Store
from channels.types import Attachment, InboundMessage

KEPT_S = 3600

_attachments = TypeAdapter(tuple[Attachment, ...])


class RecentFiles:
    """The last files of each person in each conversation, for an hour."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._keys = store.keys

    async def note(self, message: InboundMessage) -> None:
        """Remember the files that came with a message, in the place of earlier ones; nothing to do without any."""
        if message.attachments:
            await self._redis.set(self._key(message), _attachments.dump_json(message.attachments), ex=KEPT_S)

    async def of(self, message: InboundMessage) -> tuple[Attachment, ...]:
        """Return the files that the sender of `message` sent last in its conversation."""
        stored = await self._redis.get(self._key(message))
        return _attachments.validate_json(stored) if stored else ()

    def _key(self, message: InboundMessage) -> str:
        return self._keys.of(message.conversation.key, f"files:{person_of(message.sender)}")
