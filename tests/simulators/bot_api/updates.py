"""The queue of updates: confirmation by offset, long polling, webhooks."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.simulators.bot_api.world import ApiError, Watched, bad_request

DEFAULT_TYPES = frozenset({"message", "edited_message", "callback_query", "my_chat_member", "channel_post", "poll"})


@dataclass(slots=True)
class _Entry:
    update: dict[str, Any]
    forced: bool = False
    """Sent once more although it was confirmed."""
    sending: bool = False


class Updates(Watched):
    """What waits for the bot, oldest first."""

    def __init__(self, *, first_id: int = 100_001) -> None:
        super().__init__()
        self._next = first_id
        self._waiting: OrderedDict[int, _Entry] = OrderedDict()
        self._sent: dict[int, dict[str, Any]] = {}
        self._types = DEFAULT_TYPES
        self._poll: asyncio.Future[bool] | None = None
        self._interrupted_by = ""
        self.confirmed_below = 0
        self.accepted: set[int] = set()
        """Updates that a webhook answered with 200."""
        self.url = ""
        self.secret = ""
        self.last_error = ""
        self.retry_s = 0.05
        self._http: aiohttp.ClientSession | None = None
        self._senders: set[asyncio.Task[None]] = set()

    def put(self, kind: str, content: dict[str, Any]) -> int:
        """Queue an update and return its id; one of a kind that the bot does not want is dropped."""
        update_id, self._next = self._next, self._next + 1
        if kind in self._types:
            self.put_raw({"update_id": update_id, kind: content})
        return update_id

    def put_raw(self, update: dict[str, Any]) -> None:
        update_id = update["update_id"]
        self._next = max(self._next, update_id + 1)
        self._sent[update_id] = update
        self._waiting[update_id] = _Entry(update)
        self._wake()

    def again(self, update_id: int) -> None:
        """Deliver an update once more, as Telegram may."""
        self._waiting[update_id] = _Entry(self._sent[update_id], forced=True)
        self._waiting.move_to_end(update_id, last=False)
        self._wake()

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def is_confirmed(self, update_id: int) -> bool:
        """Whether Telegram regards the update as received: it will not deliver it again."""
        return update_id not in self._waiting and update_id in self._sent

    async def get(self, *, offset: int, limit: int, timeout: float, allowed: list[str] | None) -> list[dict[str, Any]]:
        """getUpdates."""
        if self.url:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active;"
                " use deleteWebhook to delete the webhook first",
            )
        self._set_types(allowed)
        self._interrupt("other getUpdates request; make sure that only one bot instance is running")
        self._confirm(offset)
        if not self._waiting and timeout > 0:
            await self._wait(timeout)
        entries = list(self._waiting.values())[: limit or 100]
        for entry in entries:
            entry.forced = False
        return [entry.update for entry in entries]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            kept = list(self._waiting)[offset:]
            offset = kept[0] if kept else 0
        self.confirmed_below = max(self.confirmed_below, offset)
        for update_id in [key for key, entry in self._waiting.items() if key < offset and not entry.forced]:
            del self._waiting[update_id]
        self.changed()

    async def _wait(self, timeout: float) -> None:
        self._poll = poll = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait({poll}, timeout=timeout)
        if self._poll is poll:
            self._poll = None
        if done and not poll.result():
            raise ApiError(409, f"Conflict: terminated by {self._interrupted_by}")

    def _interrupt(self, reason: str) -> None:
        if self._poll is not None and not self._poll.done():
            self._interrupted_by = reason
            self._poll.set_result(False)
        self._poll = None

    def _wake(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(True)
        if self.url:
            self._pump()

    def _set_types(self, allowed: list[str] | None) -> None:
        if allowed is not None:
            self._types = frozenset(allowed) or DEFAULT_TYPES

    # Webhook

    def set_webhook(self, url: str, secret: str, allowed: list[str] | None, http: aiohttp.ClientSession) -> None:
        if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self._set_types(allowed)
        self._interrupt("setWebhook request")
        self.url, self.secret, self._http = url, secret, http
        self._pump()

    def delete_webhook(self, *, drop: bool) -> None:
        self.url = self.secret = ""
        if drop:
            self._waiting.clear()

    async def close(self) -> None:
        self.url = ""
        self._interrupt("closing")
        for task in self._senders:
            task.cancel()
        if self._senders:
            await asyncio.wait(self._senders)

    def _pump(self) -> None:
        """Send what waits: updates of different chats side by side, of one chat one after the other."""
        busy: set[Any] = {_chat(entry.update) for entry in self._waiting.values() if entry.sending}
        for update_id, entry in self._waiting.items():
            chat = _chat(entry.update)
            if chat in busy:
                continue
            busy.add(chat)
            entry.sending = True
            task = asyncio.create_task(self._send(update_id, entry))
            self._senders.add(task)
            task.add_done_callback(self._senders.discard)

    async def _send(self, update_id: int, entry: _Entry) -> None:
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        while self.url and self._http is not None:
            try:
                body = json.dumps(entry.update)
                async with self._http.post(self.url, data=body, headers=headers) as answer:
                    status = answer.status
            except aiohttp.ClientError as error:
                status, self.last_error = 0, type(error).__name__
            if status == 200:
                self._waiting.pop(update_id, None)
                self.accepted.add(update_id)
                self.changed()
                self._pump()
                return
            self.last_error = f"Wrong response from the webhook: {status}"
            self.changed()
            await asyncio.sleep(self.retry_s)
        entry.sending = False


def _chat(update: dict[str, Any]) -> Any:
    content = next((value for key, value in update.items() if key != "update_id"), {})
    holder = content.get("message", content) if isinstance(content, dict) else {}
    chat = holder.get("chat") if isinstance(holder, dict) else None
    return chat.get("id") if isinstance(chat, dict) else None
