"""Send what was planned."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from aiogram.methods import (
    EditMessageReplyMarkup,
    SendAudio,
    SendDocument,
    SendPhoto,
    SendVideo,
)
from aiogram.types import FSInputFile, InlineKeyboardMarkup

from channels.base import State
from channels.errors import Refused
from channels.telegram import buttons
from channels.telegram.api import NAME, EditMessageText, Migrated, SendMessage, TelegramApi
from channels.telegram.html import plain
from channels.telegram.recovery import find_text
from channels.telegram.requests import NO_PREVIEW, reply_parameters
from channels.telegram.streaming import Streamer
from channels.types import Part, Receipt

log = structlog.get_logger()

_KNOWN_S = 2 * 86400.0
"""How long an answer can be completed with suggestions."""
_UPLOAD_TIMEOUT_S = 120
_FILE_METHODS: Mapping[str, tuple[type[SendPhoto | SendAudio | SendVideo | SendDocument], str]] = {
    "image": (SendPhoto, "photo"),
    "audio": (SendAudio, "audio"),
    "video": (SendVideo, "video"),
    "file": (SendDocument, "document"),
}


class Sender:
    """Sends parts, replacing what was shown of their turn while it ran."""

    def __init__(self, api: TelegramApi, state: State, streamer: Streamer, data_dir: Path) -> None:
        self._api = api
        self._state = state
        self._streamer = streamer
        self._data_dir = data_dir
        self._moved: dict[int, int] = {}

    async def send(self, part: Part) -> Receipt:
        """Deliver one part.

        Raises:
            ChannelError: as `Channel.send`.
        """
        payload = part.payload
        shown = None
        if payload.get("turn"):
            shown = await self._streamer.finish(payload["turn"], part.conversation)
        await buttons.remember(self._state, payload.get("remember", {}))
        chat = _chat(payload.get("chat") or part.conversation.chat)
        try:
            receipt = await self._dispatch(part, self._moved.get(chat, chat), shown)
        except Migrated as moved:
            self._moved[chat] = moved.chat
            receipt = await self._dispatch(part, moved.chat, None)
        if payload.get("known_as"):
            await self._note(payload["known_as"], f"{self._moved.get(chat, chat)}:{receipt.platform_id}")
        return receipt

    async def find(self, part: Part, *, behind: str, near: str) -> Receipt | None:
        """Return the receipt of a part that arrived although its sender died; None where it must be sent.

        Only texts in private chats are looked for: in groups other topics' messages are near. What was streamed
        there is edited into the answer, and that may be done twice.
        """
        chat, payload = part.conversation.chat, part.payload
        if payload["op"] != "text" or payload.get("chat") or part.conversation.thread or not chat.isdigit():
            return None
        bounds = [int(bound) for bound in (behind, payload.get("reply_to") or "") if bound.isdigit()]
        if not bounds:
            return None
        found = await find_text(
            self._api, int(chat), payload["html"], _markup(part), behind=max(bounds), near=int(near or 0)
        )
        if found is None:
            return None
        log.info("telegram.found", message=part.message, part=part.ordinal)
        if payload.get("turn"):
            await self._streamer.finish(payload["turn"], part.conversation)
        if payload.get("known_as"):
            await self._note(payload["known_as"], f"{chat}:{found}")
        return Receipt(platform_id=str(found), code="found")

    async def _note(self, message: str, place: str) -> None:
        """Remember where an answer stands; should that fail, the answer must not look unsent and be sent again."""
        noting = self._state.set(f"answer:{message}", place, ttl_s=_KNOWN_S)
        [failure] = await asyncio.gather(noting, return_exceptions=True)
        if failure is not None:
            log.warning("telegram.answer_not_noted", message=message, error=type(failure).__name__)

    async def _dispatch(self, part: Part, chat: int, shown: int | None) -> Receipt:
        match part.payload["op"]:
            case "file":
                return await self._file(part, chat)
            case "buttons":
                return await self._amend(part, chat)
        if shown is not None:
            edited = await self._replace(part, chat, shown)
            if edited:
                return edited
        return await self._text(part, chat)

    async def _text(self, part: Part, chat: int, *, quietly: bool = False) -> Receipt:
        fields = self._place(part, chat) | {
            "link_preview_options": NO_PREVIEW,
            "reply_markup": _markup(part),
            "disable_notification": quietly or None,
        }
        html = part.payload["html"]
        try:
            sent = await self._api.call(SendMessage(text=html, parse_mode="HTML", **fields))
        except Refused as error:
            if not _cannot_parse(error):
                raise
            log.warning("telegram.html_refused", message=part.message, part=part.ordinal)
            sent = await self._api.call(SendMessage(text=plain(html), parse_mode=None, **fields))
        return Receipt(platform_id=str(sent.message_id))

    async def _replace(self, part: Part, chat: int, shown: int) -> Receipt | None:
        """Put the part in the place of what was shown while the turn ran; None where that cannot be edited."""
        fields: dict[str, Any] = {
            "chat_id": chat,
            "message_id": shown,
            "link_preview_options": NO_PREVIEW,
            "reply_markup": _markup(part),
        }
        html = part.payload["html"]
        try:
            await self._api.call(EditMessageText(text=html, parse_mode="HTML", **fields))
        except Migrated:
            raise
        except Refused as error:
            if _cannot_parse(error):
                await self._api.call(EditMessageText(text=plain(html), parse_mode=None, **fields))
            elif "message is not modified" not in str(error):
                return None
        return Receipt(platform_id=str(shown), code="edited")

    async def _amend(self, part: Part, chat: int) -> Receipt:
        """Put buttons under an answer that was sent before, or send them below it."""
        place = await self._state.get(f"answer:{part.payload['amends']}")
        if place is None:
            return await self._text(part, chat, quietly=True)
        where, message_id = place.split(":")
        edit = EditMessageReplyMarkup(chat_id=int(where), message_id=int(message_id), reply_markup=_markup(part))
        try:
            await self._api.call(edit)
        except Refused as error:
            if error.code == "403":
                raise
            if "message is not modified" not in str(error):
                return await self._text(part, chat, quietly=True)
        return Receipt(platform_id=message_id, code="edited")

    async def _file(self, part: Part, chat: int) -> Receipt:
        """Send a file: one that Telegram knows by its id, an address, or a path below the data folder."""
        method, field = _FILE_METHODS[part.payload["kind"]]
        file = await asyncio.to_thread(self._local, part.payload["file"], part.payload["name"])
        fields = self._place(part, chat) | {field: file, "reply_markup": _markup(part)}
        sent = await self._api.call(method(**fields), timeout_s=_UPLOAD_TIMEOUT_S)
        return Receipt(platform_id=str(sent.message_id))

    def _local(self, file: str, name: str) -> str | FSInputFile:
        if "/" not in file or file.startswith(("https://", "http://")):
            return file
        path = (self._data_dir / file).resolve()
        if not path.is_relative_to(self._data_dir.resolve()) or not path.is_file():
            raise Refused("the attachment is no file below the data folder", channel=NAME, code="file")
        return FSInputFile(path, filename=name or path.name)

    @staticmethod
    def _place(part: Part, chat: int) -> dict[str, Any]:
        """Return where a message goes; in groups it quotes what it answers."""
        thread, reply_to = part.conversation.thread, part.payload.get("reply_to")
        apart = bool(part.payload.get("chat"))
        return {
            "chat_id": chat,
            "message_thread_id": int(thread) if thread and not apart else None,
            "reply_parameters": reply_parameters(chat, reply_to),
        }


def _chat(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        # An anonymous administrator: nobody whom a bot could write to.
        raise Refused("there is no private chat with this sender", channel=NAME, code="chat") from None


def _markup(part: Part) -> InlineKeyboardMarkup | None:
    return buttons.markup(part.payload.get("rows", ()))


def _cannot_parse(error: Refused) -> bool:
    return "can't parse entities" in str(error)
