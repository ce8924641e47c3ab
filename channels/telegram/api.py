"""The Bot API: aiogram's methods over the process's one HTTP client, with its errors as channel errors.

Source: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar, cast

import aiohttp
from aiogram import Bot, methods
from aiogram.client.session.base import BaseSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.types import InputFile, MessageId
from aiogram.utils.token import TokenValidationError
from pydantic import SecretStr

from channels.errors import ChannelError, RateLimited, Refused, TooLarge, Unauthorized, Unreachable

NAME = "telegram"
CALL_TIMEOUT_S = 20
DOWNLOAD_TIMEOUT_S = 120
UNKNOWN_BOT = (
    "Telegram does not know this bot token. Copy it again from @BotFather (it looks like 123456:ABC…) "
    "and check api_base if you use your own Bot API server. / Telegram 不认识这个机器人令牌，请从 @BotFather 重新复制。"
)

T = TypeVar("T")


class SendMessage(methods.SendMessage):
    """Only the id of what was sent is read: a field unknown to aiogram must not make a sent message look unsent."""

    __returning__ = MessageId  # type: ignore[assignment]


class EditMessageText(methods.EditMessageText):
    """See `SendMessage`."""

    __returning__ = MessageId | bool


class GetRawMe(TelegramMethod[dict[str, Any]]):
    """getMe without decoding: only the bot's id and username are read."""

    __returning__ = dict[str, Any]
    __api_method__ = "getMe"


class GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates without decoding: one update that aiogram cannot decode must not fail its whole batch."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None


class Migrated(Refused):
    """The group became a supergroup and now has the id `chat`."""

    def __init__(self, message: str, *, chat: int) -> None:
        super().__init__(message, channel=NAME, code="400")
        self.chat = chat


class SharedSession(BaseSession):
    """aiogram's requests over an HTTP client that belongs to the process; JSON unless they carry a file."""

    def __init__(self, http: aiohttp.ClientSession, api: TelegramAPIServer) -> None:
        super().__init__(api=api, timeout=CALL_TIMEOUT_S)
        self._http = http

    async def close(self) -> None:
        """Leave the client open: the process closes it."""

    async def make_request(self, bot: Bot, method: TelegramMethod[T], timeout: int | None = None) -> T:
        """Send one request.

        Raises:
            AiogramError: whatever went wrong.
        """
        url = self.api.api_url(token=bot.token, method=method.__api_method__)
        limit = aiohttp.ClientTimeout(total=timeout or self.timeout)
        try:
            async with self._http.post(url, timeout=limit, **self._body(bot, method)) as answer:
                content = await answer.text()
        except TimeoutError as error:
            raise TelegramNetworkError(method=method, message="no answer in time") from error
        except aiohttp.ClientError as error:
            # Some of these errors carry the address, and with it the token.
            raise TelegramNetworkError(method=method, message=type(error).__name__) from None
        response = self.check_response(bot=bot, method=method, status_code=answer.status, content=content)
        return cast("T", response.result)

    async def stream_content(
        self,
        url: str,
        headers: dict[str, Any] | None = None,
        timeout: int = DOWNLOAD_TIMEOUT_S,
        chunk_size: int = 65536,
        raise_for_status: bool = True,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the content of a file as it comes.

        Raises:
            aiohttp.ClientError: it cannot be had, or breaks off.
        """
        limit = aiohttp.ClientTimeout(total=timeout)
        async with self._http.get(url, headers=headers, timeout=limit, raise_for_status=raise_for_status) as answer:
            async for chunk in answer.content.iter_chunked(chunk_size):
                yield chunk

    def _body(self, bot: Bot, method: TelegramMethod[Any]) -> dict[str, Any]:
        values = method.model_dump(warnings=False)
        files: dict[str, InputFile] = {}
        fields = {
            key: prepared
            for key, value in values.items()
            if (prepared := self.prepare_value(value, bot=bot, files=files, _dumps_json=False)) is not None
        }
        if not files:
            return {"data": json.dumps(fields), "headers": {"Content-Type": "application/json"}}
        form = aiohttp.FormData(quote_fields=False)
        for key, value in fields.items():
            form.add_field(key, value if isinstance(value, str) else json.dumps(value))
        for key, file in files.items():
            form.add_field(key, file.read(bot), filename=file.filename or key)
        return {"data": form}


class TelegramApi:
    """Calls the Bot API for one bot; every failure is a `ChannelError`."""

    def __init__(self, token: SecretStr, base: str | None, http: aiohttp.ClientSession) -> None:
        self._session = SharedSession(http, TelegramAPIServer.from_base(base) if base else PRODUCTION)
        self._token = token
        self._made: Bot | None = None

    @property
    def _bot(self) -> Bot:
        if self._made is None:
            try:
                self._made = Bot(self._token.get_secret_value(), session=self._session)
            except TokenValidationError:
                raise Unauthorized(UNKNOWN_BOT, channel=NAME, code="form") from None
        return self._made

    async def call(self, method: TelegramMethod[T], *, timeout_s: int = CALL_TIMEOUT_S) -> T:
        """Call a method.

        Raises:
            ChannelError: see `channels.errors`; `Migrated` where a group became a supergroup.
        """
        try:
            return await self._session(self._bot, method, timeout=timeout_s)
        except AiogramError as error:
            raise _mapped(error) from None

    async def fetch(self, path: str, *, size_max_bytes: int) -> bytes:
        """Download a file by the path that getFile returned.

        Raises:
            TooLarge: it is larger than `size_max_bytes`.
            Refused: it is gone.
            Unreachable: the download failed; a retry is safe.
        """
        url = self._session.api.file_url(self._bot.token, path)
        content = bytearray()
        try:
            async with aclosing(self._session.stream_content(url)) as chunks:
                async for chunk in chunks:
                    content += chunk
                    if len(content) > size_max_bytes:
                        raise TooLarge(limit_bytes=size_max_bytes, channel=NAME)
        except aiohttp.ClientResponseError as error:
            gone = Refused if error.status < 500 else Unreachable
            raise gone("Telegram does not send the file", channel=NAME, code=str(error.status)) from None
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Unreachable(f"the download broke off: {type(error).__name__}", channel=NAME) from None
        return bytes(content)


_MAPPED: tuple[tuple[type[AiogramError], Callable[[Any, str], ChannelError]], ...] = (
    (TelegramRetryAfter, lambda e, why: RateLimited(why, retry_after_s=float(e.retry_after), channel=NAME)),
    (TelegramMigrateToChat, lambda e, why: Migrated(why, chat=e.migrate_to_chat_id)),
    (TelegramUnauthorizedError, lambda _, __: Unauthorized(UNKNOWN_BOT, channel=NAME, code="401")),
    (TelegramConflictError, lambda _, why: Unreachable(why, channel=NAME, code="409")),
    (TelegramForbiddenError, lambda _, why: Refused(why, channel=NAME, code="403")),
    (TelegramNotFound, lambda _, why: Refused(why, channel=NAME, code="404")),
    (TelegramBadRequest, lambda _, why: Refused(why, channel=NAME, code="400")),
    (TelegramEntityTooLarge, lambda _, why: Refused(why, channel=NAME, code="413")),
    (TelegramNetworkError, lambda _, why: Unreachable(why, channel=NAME, code="network")),
    (ClientDecodeError, lambda _, why: Unreachable(why, channel=NAME, code="decode")),
    (AiogramError, lambda _, why: Unreachable(why, channel=NAME, code="5xx")),
)
"""From the special to the general, as in aiogram's class tree."""


def _mapped(error: AiogramError) -> ChannelError:
    """The one place where aiogram's errors become channel errors."""
    reason = error.message if isinstance(error, TelegramAPIError) else type(error).__name__
    return next(make(error, reason) for kind, make in _MAPPED if isinstance(error, kind))
