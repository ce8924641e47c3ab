"""A simulated Telegram: a strict Bot API server, and people who write, press buttons and see what the bot shows them.

In a test:

    async with TelegramSimulator() as telegram:
        alice = telegram.person(7, language="zh-hans")
        alice.write("你好")                      # → an update for the bot at telegram.api_base
        answer = await alice.chat.answer()       # what Alice sees
        alice.press("再说一个")

By hand: `python -m tests.simulators telegram --port 8081`, then
`TELEGRAM_API_BASE=http://127.0.0.1:8081 TELEGRAM_BOT_TOKEN=42:simulated`, and talk to the bot by
`POST /_sim/message {"user": 7, "text": "hi"}` and `GET /_sim/chat/7` (see `tests/simulators/bot_api/control.py`).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import suppress
from mimetypes import guess_type
from typing import Any, Self

from tests.simulators.bot_api.control import Control
from tests.simulators.bot_api.faults import Allowance, Fault, Faults, Flood
from tests.simulators.bot_api.methods import BotApi
from tests.simulators.bot_api.server import Call, Server
from tests.simulators.bot_api.text import Entity, detect_entities
from tests.simulators.bot_api.updates import Updates
from tests.simulators.bot_api.world import ANONYMOUS_ADMIN, Chat, Seen, World

__all__ = ["Allowance", "Call", "Chat", "Fault", "Person", "Seen", "TelegramSimulator", "main"]

TOKEN = "42:simulated"
USERNAME = "parley_test_bot"


class Person:
    """Somebody with a Telegram account."""

    def __init__(self, simulator: TelegramSimulator, user_id: int, name: str, language: str | None) -> None:
        self._simulator = simulator
        self.id = user_id
        self.user: dict[str, Any] = {"id": user_id, "is_bot": False, "first_name": name}
        if language:
            self.user["language_code"] = language
        self.chat = simulator.private_chat(user_id, name)

    def write(self, text: str = "", chat: Chat | None = None, **fields: Any) -> int:
        """Write a message to the bot, or in `chat`; return the update's id.

        Keywords: `reply_to` (a message), `thread` (a topic), `entities` (instead of those found in the text), and any
        field of a Bot API message, such as `photo` or `sender_chat`.
        """
        return self._simulator.write(self, chat or self.chat, text, **fields)

    def send_document(
        self, content: bytes, name: str, caption: str = "", chat: Chat | None = None, **fields: Any
    ) -> int:
        """Send a file with a caption, as one does from a phone or by dropping it on the window."""
        file_id = self._simulator.file(content)
        document: dict[str, Any] = {"file_id": file_id, "file_unique_id": file_id, "file_name": name}
        document |= {"file_size": len(content), "mime_type": guess_type(name)[0] or "application/octet-stream"}
        return self.write(caption, chat, document=document, **fields)

    def start(self) -> int:
        return self.write("/start")

    def press(self, label: str, chat: Chat | None = None) -> int:
        """Press the newest button of that label; return the update's id."""
        where = chat or self.chat
        for message in reversed(where.answers):
            for button in (button for row in message.buttons for button in row):
                if button["text"] == label:
                    return self._simulator.press(self, message, button["callback_data"])
        raise AssertionError(f"no button {label!r} in {[message.labels for message in where.answers]}")

    def stop_generation(self) -> int:
        """Press the stop button that Telegram shows under a draft."""
        draft = self.chat.drafts[-1]
        assert draft.can_stop
        content = {"chat": self.chat.as_json(), "draft_id": draft.id}
        return self._simulator.updates.put("stopped_message_generation", content)


class TelegramSimulator:
    """Telegram as one bot and its people see it. `api_base` is known once started."""

    def __init__(
        self, *, token: str = TOKEN, username: str = USERNAME, privacy: bool = True, record: bool = True
    ) -> None:
        self.token = token
        self.username = username
        self.privacy = privacy
        """In groups the bot gets commands, mentions and replies only."""
        self.world = World(bot_id=int(token.split(":", maxsplit=1)[0]), username=username)
        self.updates = Updates()
        self.faults = Faults()
        self.api = BotApi(self.world, Flood())
        self.control = Control(self)
        self.server = Server(token, self.api, self.updates, self.faults, self.control.handle, record=record)
        self.people: dict[int, Person] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await self.server.start(host, port)

    async def stop(self) -> None:
        await self.server.stop()

    @property
    def api_base(self) -> str:
        return self.server.url

    # People and chats

    def person(self, user_id: int, *, name: str = "", language: str | None = "en") -> Person:
        """Return a person, with a private chat with the bot."""
        if user_id not in self.people:
            self.people[user_id] = person = Person(self, user_id, name or f"Person {user_id}", language)
            self.world.users[user_id] = person.user
        return self.people[user_id]

    def private_chat(self, user_id: int, name: str = "") -> Chat:
        return self.world.chats.setdefault(user_id, Chat(user_id, "private", name))

    def group(self, chat_id: int = -1001, *, kind: str = "supergroup", topics: Sequence[int] = ()) -> Chat:
        """Return a group that the bot is in; with `topics` it is a forum."""
        chat = self.world.chats.setdefault(chat_id, Chat(chat_id, kind, "A group", forum=bool(topics)))
        chat.topics.update(topics)
        return chat

    def migrate(self, chat: Chat, new_id: int) -> Chat:
        """Turn a basic group into a supergroup with a new id."""
        chat.migrated_to = new_id
        return self.group(new_id)

    def add_to_group(self, by: Person, chat: Chat) -> int:
        def member(status: str) -> dict[str, Any]:
            fields: dict[str, Any] = {"user": self.world.bot(), "status": status}
            return fields | ({"until_date": 0} if status == "kicked" else {})

        content = {"chat": chat.as_json(), "from": by.user, "date": 1_700_000_000}
        content |= {"old_chat_member": member("left"), "new_chat_member": member("member")}
        return self.updates.put("my_chat_member", content)

    # What people do

    def write(
        self,
        person: Person,
        chat: Chat,
        text: str,
        *,
        reply_to: Seen | None = None,
        thread: int | None = None,
        entities: list[Entity] | None = None,
        **fields: Any,
    ) -> int:
        """Put a message into a chat and, where privacy mode lets it pass, into the bot's updates."""
        found = detect_entities(text) if entities is None else entities
        replied = reply_to.id if reply_to is not None else None
        content = {key: fields.pop(key) for key in list(fields) if key in _MEDIA} or None
        message = Seen(
            self.world.message_id(),
            chat.id,
            person.id,
            text,
            found,
            reply_to=replied,
            thread=thread,
            file=content,
            raw=fields,
        )
        chat.show(message)
        if fields.get("sender_chat") and "from" not in fields:
            fields["from"] = {
                "id": ANONYMOUS_ADMIN,
                "is_bot": True,
                "first_name": "Group",
                "username": "GroupAnonymousBot",
            }
        data = self.world.as_message(message)
        return self.updates.put("message", data) if self._reaches_bot(chat, data) else 0

    def press(self, person: Person, message: Seen, data: str) -> int:
        """Press a button of a message."""
        query = f"q{self.world.message_id()}"
        self.world.callbacks[query] = chat = self.world.chats[message.chat]
        content = {"id": query, "from": person.user, "chat_instance": str(chat.id), "data": data}
        return self.updates.put("callback_query", content | {"message": self.world.as_message(message)})

    def file(self, content: bytes, file_id: str = "") -> str:
        """Keep a file and return its id."""
        file_id = file_id or f"file{len(self.world.files)}"
        self.world.files[file_id] = content
        return file_id

    def expire_paths(self) -> None:
        """Let more than an hour pass since files were asked for."""
        self.world.paths.clear()

    def _reaches_bot(self, chat: Chat, data: dict[str, Any]) -> bool:
        if chat.kind == "private" or not self.privacy:
            return True
        kinds = {entity["type"] for entity in data.get("entities", data.get("caption_entities", []))}
        replied = data.get("reply_to_message", {}).get("from", {}).get("id") == self.world.bot_id
        return bool(kinds & {"bot_command", "mention", "text_mention"}) or replied

    # What goes wrong

    def fail(self, method: str, **fields: Any) -> None:
        """Plan a failure: see `Fault`."""
        self.faults.add(Fault(method, **fields))

    def limit(self, **allowances: Allowance) -> None:
        """Turn flood control on: `private`, `group`, `overall`."""
        self.api.flood = Flood(**allowances)

    # What was seen

    @property
    def calls(self) -> list[Call]:
        return self.server.calls

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.server.calls if call.method.lower() == method.lower()]

    async def confirmed(self, update_id: int, timeout_s: float = 5.0) -> None:
        """Wait until Telegram regards an update as received."""
        await self.updates.until(lambda: self.updates.is_confirmed(update_id), timeout_s)


_MEDIA = frozenset({"photo", "voice", "audio", "video", "video_note", "animation", "document"})


async def serve(arguments: argparse.Namespace) -> None:
    simulator = TelegramSimulator(token=arguments.token, username=arguments.username, record=False)
    if arguments.limits:
        simulator.limit(private=Allowance(5, 5.0), group=Allowance(20, 60.0), overall=Allowance(30, 1.0))
    await simulator.start(arguments.host, arguments.port)
    print(f"TELEGRAM_API_BASE={simulator.api_base} TELEGRAM_BOT_TOKEN={arguments.token}", flush=True)
    await asyncio.Event().wait()


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.simulators telegram", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--username", default=USERNAME)
    parser.add_argument("--limits", action="store_true", help="flood control as Telegram's")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args(argv)))
