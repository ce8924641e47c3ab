"""Notes of a conversation: a tool that writes, and one that reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from agents.base import ToolContext
from agents.errors import ToolFailed
from agents.limits import permitted, plain, restored, union
from agents.retrieval import scope_of
from agents.types import Effect
from knowledge.types import Access

NOTES_MAX = 200
NOTE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note, and the limits of what it was made from."""

    text: str
    access: tuple[Access, ...] = ()


class Notes:
    """The notes of each conversation in Redis: the key of the call that took a note is the note's own key."""

    def __init__(self, redis: Redis, key: Callable[[str, str], str]) -> None:
        self._redis = redis
        self._key = key

    async def add(
        self, conversation: str, key: str, text: str, *, expire_s: int, access: Sequence[Access] = ()
    ) -> bool:
        """Keep a note, once per `key`; False when there are too many. All expire after so long a silence.

        `access` are the limits of what it was made from.
        """
        name = self._key(conversation, "notes")
        count = await self._redis.hlen(name)
        if count >= NOTES_MAX:
            return bool(await self._redis.hexists(name, key))
        async with self._redis.pipeline() as pipe:
            # A hash has no order of its own: the number in front gives it one.
            limits = f"!{json.dumps(plain(access), ensure_ascii=False)}\n" if access else " "
            pipe.hsetnx(name, key, f"{count:04d}{limits}{text}")
            pipe.expire(name, expire_s)
            await pipe.execute()
        return True

    async def all(self, conversation: str) -> list[Note]:
        """Return all notes, the oldest first."""
        values = await self._redis.hvals(self._key(conversation, "notes"))
        return [_note(_text(value)) for value in sorted(values)]


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
        kept = await self._notes.add(
            turn.conversation, context.key, arguments["text"], expire_s=seconds, access=context.access
        )
        if not kept:
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
        scope = scope_of(context.turn, context.context)
        notes = [one for one in await self._notes.all(context.turn.conversation) if permitted(one.access, scope)]
        context.limit(union(*(note.access for note in notes)))
        return "\n".join(f"- {note.text}" for note in notes) or "There are no notes."


def _note(stored: str) -> Note:
    """Read "0001 text", or "0001!limits" and the text on the next line."""
    if stored[4:5] != "!":
        return Note(text=stored[5:])
    limits, _, text = stored[5:].partition("\n")
    return Note(text=text, access=restored(json.loads(limits)))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
