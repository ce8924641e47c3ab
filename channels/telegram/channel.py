"""One Telegram bot as a channel."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import structlog
from aiogram.methods import AnswerCallbackQuery, DeleteWebhook, GetFile, SetMyCommands, SetWebhook
from aiogram.types import BotCommand, CallbackQuery, Update
from pydantic import SecretStr, ValidationError

from channels.base import ChannelContext, WebhookRequest, WebhookResponse
from channels.errors import BadRequest, ChannelError, Refused, TooLarge, Unauthorized
from channels.telegram import buttons, outbound
from channels.telegram.addressing import Me
from channels.telegram.albums import Albums
from channels.telegram.api import NAME, UNKNOWN_BOT, GetRawMe, TelegramApi
from channels.telegram.inbound import UPDATES, InboundReader
from channels.telegram.polling import Poller
from channels.telegram.sender import Sender
from channels.telegram.streaming import Streamer
from channels.telegram.tempo import Tempo
from channels.types import (
    Attachment,
    CommandEntry,
    InboundMessage,
    Limits,
    OutboundMessage,
    Part,
    Progress,
    Rate,
    Receipt,
)
from config.settings import TelegramSettings

log = structlog.get_logger()

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name  # pragma: allowlist secret
DOWNLOAD_MAX_BYTES = 20 * 2**20
"""https://core.telegram.org/bots/api#getfile"""
_EXPIRED = "这个按钮已过期，请直接输入您的问题。\nThis button has expired; please type your question."


def create(account: str, settings: TelegramSettings, context: ChannelContext) -> TelegramChannel:
    """Return the channel of one bot."""
    return TelegramChannel(account, settings, context)


class TelegramChannel:
    """A bot: receives by polling or webhook, sends, and shows turns as they run."""

    name = NAME
    exclusive = True

    def __init__(
        self, account: str, settings: TelegramSettings, context: ChannelContext, tempo: Tempo | None = None
    ) -> None:
        tempo = tempo or Tempo()
        self.account = account
        self.limits = _limits(settings)
        self._settings = settings
        self._token = settings.token or SecretStr("")
        self._context = context
        self._api = TelegramApi(self._token, settings.api_base, context.http)
        self._streamer = Streamer(self._api, context.state, tempo, text=settings.streaming)
        self._sender = Sender(self._api, context.state, self._streamer, context.data_dir)
        self._poller = Poller(self._api, self._accept, allowed=UPDATES, account=account, retry_s=tempo.retry_s)
        self._albums = Albums(context.state)
        self._reader: InboundReader | None = None
        self._polling: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to receive.

        Raises:
            Unauthorized: Telegram does not know the token.
            Refused: webhook mode without a public address.
            Unreachable: Telegram did not answer; `start` may be called again.
        """
        await self._inbound()
        if self._settings.mode == "webhook":
            await self._set_webhook()
            return
        await self._api.call(DeleteWebhook(drop_pending_updates=False))
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poller.run(), name=f"telegram.polling:{self.account}")

    def plan(self, message: OutboundMessage) -> tuple[Part, ...]:
        """Render and split a message."""
        return outbound.plan(message)

    async def send(self, part: Part) -> Receipt:
        """Deliver one part."""
        return await self._sender.send(part)

    async def find(self, part: Part, *, behind: str, near: str) -> Receipt | None:
        """Look for a part whose sender died."""
        return await self._sender.find(part, behind=behind, near=near)

    async def show(self, progress: Progress) -> None:
        """Show a sign of life."""
        self._streamer.note(progress)

    async def stop(self) -> None:
        """Stop receiving and showing; parts may still be sent."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
            self._polling = None
        await self._streamer.stop()
        if self._answers:
            await asyncio.wait(self._answers)

    async def handle(self, request: WebhookRequest) -> WebhookResponse:
        """Accept a webhook call; Telegram repeats it until it is answered with 200.

        Raises:
            BadRequest: the secret is wrong, or the body is no update.
        """
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._secret().encode()):
            raise BadRequest("wrong secret token", status=403, channel=NAME)
        try:
            update = json.loads(request.body)
        except ValueError:
            raise BadRequest("the body is no JSON", channel=NAME) from None
        if not isinstance(update, dict):
            raise BadRequest("the body is no update", channel=NAME)
        await self._accept(update)
        return WebhookResponse()

    async def download(self, attachment: Attachment, *, size_max_bytes: int) -> bytes:
        """Fetch an attachment's bytes.

        Raises:
            TooLarge: it is larger than `size_max_bytes`, or than Telegram gives out to bots.
            Refused: it is gone.
            Unreachable: Telegram did not answer; a retry is safe.
        """
        if attachment.size_bytes is not None and attachment.size_bytes > size_max_bytes:
            raise TooLarge(limit_bytes=size_max_bytes, channel=NAME)
        try:
            # Asked for each time: a path is good for an hour.
            file = await self._api.call(GetFile(file_id=attachment.id))
        except Refused as error:
            if "file is too big" in str(error):
                raise TooLarge(limit_bytes=DOWNLOAD_MAX_BYTES, channel=NAME) from None
            raise
        if file.file_path is None:
            raise Refused("Telegram does not give the file out", channel=NAME, code="file")
        return await self._api.fetch(file.file_path, size_max_bytes=size_max_bytes)

    async def publish_commands(self, entries: Sequence[CommandEntry]) -> None:
        """Replace the menu: in each language, and in English for people of any other."""
        ordered = sorted(entries, key=lambda entry: entry.language)
        for language, group in groupby(ordered, key=lambda entry: entry.language):
            commands = [BotCommand(command=entry.name, description=entry.description[:256]) for entry in group]
            await self._api.call(SetMyCommands(commands=commands, language_code=language))
            if language == "en":
                await self._api.call(SetMyCommands(commands=commands))

    async def _accept(self, raw: Mapping[str, Any]) -> None:
        """Make one update durable; one that cannot be read is noted and skipped, for it will never be."""
        reader = await self._inbound()
        try:
            update = Update.model_validate(raw)
        except ValidationError as error:
            fields = sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)})
            log.error("telegram.update_unreadable", account=self.account, update=raw.get("update_id"), fields=fields)  # noqa: TRY400 - the trace shows the message
            return
        if update.callback_query is not None:
            await self._pressed(reader, update.update_id, update.callback_query)
            return
        message = _read(reader, update)
        if message is not None and update.message is not None:
            message = await self._albums.completed(update.message, message)
        if message is not None:
            await self._context.deliver(message)

    async def _pressed(self, reader: InboundReader, update_id: int, query: CallbackQuery) -> None:
        text = await buttons.recall(self._context.state, query.data or "")
        message = reader.button(update_id, query, text) if text else None
        if message is not None:
            await self._context.deliver(message)
        answer = AnswerCallbackQuery(callback_query_id=query.id, text=None if text else _EXPIRED)
        task = asyncio.create_task(self._answer(answer))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, answer: AnswerCallbackQuery) -> None:
        """Stop the button's spinner; by now the press is durable, so that a failure costs nothing but the spinner."""
        try:
            await self._api.call(answer)
        except ChannelError as error:
            log.debug("telegram.callback_unanswered", account=self.account, code=error.code)

    async def _inbound(self) -> InboundReader:
        if self._reader is None:
            try:
                user = await self._api.call(GetRawMe())
            except Refused as error:
                if error.code == "404":  # what Telegram answers to a token of the wrong form
                    raise Unauthorized(UNKNOWN_BOT, channel=NAME, code="404") from None
                raise
            me = Me(id=user["id"], username=user.get("username", ""))
            self._reader = InboundReader(self.account, self._settings, me)
        return self._reader

    async def _set_webhook(self) -> None:
        if not self._context.public_url:
            raise Refused("channels.telegram: mode webhook needs http.public_url", channel=NAME, code="config")
        url = f"{self._context.public_url.rstrip('/')}/webhooks/{NAME}/{self.account}"
        await self._api.call(SetWebhook(url=url, secret_token=self._secret(), allowed_updates=UPDATES))

    def _secret(self) -> str:
        if self._settings.secret_token is not None:
            return self._settings.secret_token.get_secret_value()
        token = self._token.get_secret_value().encode()
        return hmac.digest(token, f"parley webhook {self.account}".encode(), "sha256").hex()


def _read(reader: InboundReader, update: Update) -> InboundMessage | None:
    if update.message is not None:
        return reader.message(update.update_id, update.message)
    if update.my_chat_member is not None:
        return reader.membership(update.update_id, update.my_chat_member)
    if update.stopped_message_generation is not None:
        return reader.stopped(update.update_id, update.stopped_message_generation)
    return None


def _limits(settings: TelegramSettings) -> Limits:
    """Sources: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this and the Bot API."""
    return Limits(
        text_max=outbound.TEXT_MAX_UTF16,
        text_unit="utf16",
        can_edit=True,
        can_stream="cumulative" if settings.streaming else "none",
        chat_rate=Rate(count=1, per_s=1.0),
        account_rate=Rate(count=30, per_s=1.0),
        buttons_max=outbound.BUTTONS_MAX,
    )
