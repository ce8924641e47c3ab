"""Notes of a conversation: a tool that writes, and one that reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from redis.asyncio import Redis

from agents.base import ToolContext
from agents.errors import ToolFailed
from agents.types import Effect

NOTES_MAX = 200
NOTE_CHARACTERS = 1000


class Notes:
    """The notes of each conversation in Redis: the key of the call that took a note is the note's own key."""

    def __init__(self, redis: Redis, key: Callable[[str, str], str]) -> None:
        self._redis = redis
        self._key = key

    async def add(self, conversation: str, key: str, text: str, *, expire_s: int) -> bool:
        """Keep a note, once per `key`; False when there are too many. All expire after so long a silence."""
        name = self._key(conversation, "notes")
        count = await self._redis.hlen(name)
        if count >= NOTES_MAX:
            return bool(await self._redis.hexists(name, key))
        async with self._redis.pipeline() as pipe:
            # A hash has no order of its own: the number in front gives it one.
            pipe.hsetnx(name, key, f"{count:04d} {text}")
            pipe.expire(name, expire_s)
            await pipe.execute()
        return True

    async def all(self, conversation: str) -> list[str]:
        """Return all notes, the oldest first."""
        values = await self._redis.hvals(self._key(conversation, "notes"))
        return [_text(value)[5:] for value in sorted(values)]


class TakeNote:
    """Keeps a note for later in this conversation."""

    name = "take_note"
    description = "Keeps a short note in this conversation. Use it when the person asks to write something down."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "The note.", "minLength": 1, "maxLength": NOTE_CHARACTERS}
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    effect: Effect = "write"
    repeatable = True
    """Two calls with one key leave one note."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Keep the note; see `Tool.call`."""
        turn = context.turn
        seconds = int(turn.assistant.memory.expire_days * 86400)
        if not await self._notes.add(turn.conversation, context.key, arguments["text"], expire_s=seconds):
            raise ToolFailed(f"there are {NOTES_MAX} notes already")
        return "Noted."


class ListNotes:
    """Reads the notes of this conversation."""

    name = "list_notes"
    description = "Lists the notes that were taken in this conversation."
    parameters: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    effect: Effect = "read"

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Return the notes; see `Tool.call`."""
        notes = await self._notes.all(context.turn.conversation)
        return "\n".join(f"- {note}" for note in notes) or "There are no notes."


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
