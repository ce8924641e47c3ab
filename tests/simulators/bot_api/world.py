"""People, chats, and what can be seen in them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.bot_api.text import Entity

DRAFT_LIVES_S = 30.0
PATH_LIVES_S = 3600.0
"""https://core.telegram.org/bots/api#getfile: "at least 1 hour"."""
ANONYMOUS_ADMIN = 1087968824
Buttons = list[list[dict[str, Any]]]


class ApiError(Exception):
    """What the Bot API answers instead of a result."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad_request(description: str, **parameters: Any) -> ApiError:
    return ApiError(400, f"Bad Request: {description}", **parameters)


class Watched:
    """Something that tests wait for; waiting costs nothing while nobody does."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def changed(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def change(self, timeout_s: float) -> bool:
        """Wait for the next change; False when none came in time."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        done, _ = await asyncio.wait({waiter}, timeout=max(0.0, timeout_s))
        return bool(done)

    async def until(self, condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
        """Wait until `condition` is true and return what it said; fails after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not (outcome := condition()):
            if not await self.change(deadline - time.monotonic()):
                outcome = condition()
                assert outcome, f"not within {timeout_s} s: {self!r}"
                break
        return outcome


@dataclass(slots=True, eq=False)
class Seen:
    """One message as a person sees it."""

    id: int
    chat: int
    sender: int
    text: str
    entities: list[Entity] = field(default_factory=list)
    buttons: Buttons = field(default_factory=list)
    reply_to: int | None = None
    thread: int | None = None
    file: dict[str, Any] | None = None
    silent: bool = False
    edits: list[str] = field(default_factory=list)
    """What the text was before each edit."""
    at: float = field(default_factory=time.monotonic)
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.buttons for button in row]


@dataclass(slots=True)
class Draft:
    id: int
    text: str
    at: float
    can_stop: bool = False


class Chat(Watched):
    """A private chat, a group or a supergroup, from a person's point of view."""

    def __init__(self, chat_id: int, kind: str, title: str = "", *, forum: bool = False) -> None:
        super().__init__()
        self.id = chat_id
        self.kind = kind
        self.title = title
        self.forum = forum
        self.topics: set[int] = set()
        self.messages: dict[int, Seen] = {}
        self.drafts: list[Draft] = []
        self.actions: list[tuple[float, str]] = []
        self.blocked = False
        self.migrated_to: int | None = None
        self.drafts_refused = False
        self._draft: Draft | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id}: {[message.text for message in self.answers[-3:]]} draft {self.draft!r}>"

    @property
    def answers(self) -> list[Seen]:
        """What the bot said, in order."""
        return [message for message in self.messages.values() if message.sender == 0]

    @property
    def texts(self) -> list[str]:
        """The texts of what the bot said."""
        return [message.text for message in self.answers]

    @property
    def draft(self) -> str | None:
        """The draft that is shown now."""
        if self._draft is None or time.monotonic() - self._draft.at > DRAFT_LIVES_S:
            return None
        return self._draft.text

    @property
    def typing(self) -> bool:
        return bool(self.actions) and time.monotonic() - self.actions[-1][0] < 5.0

    async def answer(self, number: int = 1, *, timeout_s: float = 5.0) -> Seen:
        """Wait until the bot said `number` messages and return that one."""
        await self.until(lambda: len(self.answers) >= number, timeout_s)
        return self.answers[number - 1]

    def show_draft(self, draft: Draft) -> None:
        self._draft = draft
        self.drafts.append(draft)
        self.changed()

    def show(self, message: Seen) -> None:
        self.messages[message.id] = message
        if message.sender == 0:
            self._draft = None
            self.actions.append((float("-inf"), "none"))
        self.changed()

    def as_json(self) -> dict[str, Any]:
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": self.title or "Person"}
        fields: dict[str, Any] = {"id": self.id, "type": self.kind, "title": self.title or "Group"}
        return fields | ({"is_forum": True} if self.forum else {})


@dataclass(slots=True)
class World:
    """Everything that is not about transport."""

    bot_id: int
    username: str
    chats: dict[int, Chat] = field(default_factory=dict)
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, tuple[str, float]] = field(default_factory=dict)
    """File ids by the paths that getFile gave out, and until when each is good."""
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    callbacks: dict[str, Chat] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    """Texts of answered callback queries."""
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100_000))
    counts: Counter[str] = field(default_factory=Counter)
    watched: Watched = field(default_factory=Watched)
    last_message_id: int = 0
    sequence: int = 0

    def bot(self) -> dict[str, Any]:
        return {"id": self.bot_id, "is_bot": True, "first_name": "Parley", "username": self.username}

    def message_id(self) -> int:
        self.last_message_id += 1
        return self.last_message_id

    def chat(self, chat_id: int) -> Chat:
        """The chat as the bot may use it.

        Raises:
            ApiError: it is unknown, was upgraded, or threw the bot out.
        """
        chat = self.chats.get(chat_id)
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
        if chat.blocked:
            private = "bot was blocked by the user"
            raise ApiError(
                403, f"Forbidden: {private if chat.kind == 'private' else 'bot was kicked from the group chat'}"
            )
        return chat

    def give_path(self, file_id: str) -> str:
        """Return a path under which a file can be downloaded for a while."""
        path = f"documents/file_{len(self.paths)}"
        self.paths[path] = (file_id, time.monotonic() + PATH_LIVES_S)
        return path

    def content(self, path: str) -> bytes | None:
        """What lies under a path; None where nobody asked for it, or too long ago."""
        file_id, good_until = self.paths.get(path, ("", 0.0))
        return self.files.get(file_id) if time.monotonic() < good_until else None

    def note(self, kind: str, message: Seen) -> None:
        self.sequence += 1
        self.events.append(
            {
                "seq": self.sequence,
                "kind": kind,
                "chat": message.chat,
                "message_id": message.id,
                "text": message.text,
                "reply_to": message.reply_to,
            }
        )
        self.watched.changed()

    def as_message(self, message: Seen) -> dict[str, Any]:
        """A message in the Bot API's form."""
        chat = self.chats[message.chat]
        fields: dict[str, Any] = {"message_id": message.id, "date": int(time.time()), "chat": chat.as_json()}
        fields["from"] = self.bot() if message.sender == 0 else self.users[message.sender]
        if message.text:
            fields["caption" if message.file else "text"] = message.text
        if message.entities:
            fields["caption_entities" if message.file else "entities"] = message.entities
        if message.thread is not None:
            fields |= {"message_thread_id": message.thread, "is_topic_message": True}
        if message.reply_to in chat.messages:
            replied = self.as_message(chat.messages[message.reply_to])
            replied.pop("reply_to_message", None)
            fields["reply_to_message"] = replied
        if message.buttons:
            fields["reply_markup"] = {"inline_keyboard": message.buttons}
        return fields | (message.file or {}) | message.raw
