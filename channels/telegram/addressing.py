"""Whom a message in a group is meant for: mentions, replies and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.types import Message, MessageEntity


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The bot itself."""

    id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A message's text without mentions of the bot, and whether it is meant for the bot."""

    text: str
    mentioned: bool
    command: str = ""
    """The command's name where the text is one: `help` of `/help@our_bot me`."""
    elsewhere: bool = False
    """True where it is another bot's command."""


def address(message: Message, me: Me) -> Addressed:
    """Read the text or caption of a message."""
    text = message.text or message.caption or ""
    entities = (message.entities if message.text else message.caption_entities) or []
    mentions = [entity for entity in entities if _mentions(entity, text, me)]
    remaining = _without(text, mentions)
    mentioned = bool(mentions) or _replies(message, me)
    command = _command_at_start(text, entities, mentions)
    if command is None:
        return Addressed(text=remaining, mentioned=mentioned)
    name, _, target = command.removeprefix("/").partition("@")
    elsewhere = bool(target) and target.casefold() != me.username.casefold()
    return Addressed(
        text=remaining.replace(command, f"/{name}", 1), mentioned=not elsewhere, command=name, elsewhere=elsewhere
    )


def _mentions(entity: MessageEntity, text: str, me: Me) -> bool:
    if entity.type == "text_mention":
        return entity.user is not None and entity.user.id == me.id
    return entity.type == "mention" and entity.extract_from(text).casefold() == f"@{me.username}".casefold()


def _replies(message: Message, me: Me) -> bool:
    """Every message of a topic is formally a reply to the one that created it; that is no reply to the bot."""
    replied = message.reply_to_message
    if replied is None or replied.from_user is None or replied.forum_topic_created:
        return False
    return replied.from_user.id == me.id


def _command_at_start(text: str, entities: Sequence[MessageEntity], mentions: Sequence[MessageEntity]) -> str | None:
    """Return the command as written, where nothing but mentions of the bot stands before it."""
    first = next((entity for entity in entities if entity.type == "bot_command"), None)
    if first is None:
        return None
    before = _slice(text, 0, first.offset)
    for entity in mentions:
        if entity.offset < first.offset:
            before = before.replace(entity.extract_from(text), "", 1)
    return None if before.strip() else first.extract_from(text)


def _without(text: str, entities: Sequence[MessageEntity]) -> str:
    """Cut the entities out, each with one space after it; offsets count UTF-16 units."""
    for entity in sorted(entities, key=lambda entity: entity.offset, reverse=True):
        before = _slice(text, 0, entity.offset)
        after = _slice(text, entity.offset + entity.length, None)
        text = before + (after.removeprefix(" ") if before.endswith((" ", "\n")) or not before else after)
    return text.strip()


def _slice(text: str, start: int, end: int | None) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    piece = units[start * 2 : None if end is None else end * 2]
    return piece.decode("utf-16-le", "replace")
