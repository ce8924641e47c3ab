"""What a conversation has chosen for itself: which assistant answers in it."""

from __future__ import annotations

from bot.store import Store

EXPIRE_S = 365 * 86400


class Profiles:
    """The small settings of conversations."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._keys = store.keys

    async def assistant(self, conversation: str) -> str | None:
        """Return the name of the assistant that was chosen with /use, or None."""
        chosen = await self._redis.get(self._keys.of(conversation, "assistant"))
        return str(chosen) if chosen else None

    async def use(self, conversation: str, assistant: str) -> None:
        """Let `assistant` answer in this conversation from now on."""
        await self._redis.set(self._keys.of(conversation, "assistant"), assistant, ex=EXPIRE_S)
