"""The methods of the Bot API, as strict as the real ones. Source: https://core.telegram.org/bots/api"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulators.bot_api.faults import Flood
from tests.simulators.bot_api.text import (
    CAPTION_MAX_UTF16,
    TEXT_MAX_UTF16,
    Entity,
    ParseError,
    forbidden_nesting,
    parse_html,
    utf16_length,
)
from tests.simulators.bot_api.world import ApiError, Buttons, Chat, Draft, Seen, World, bad_request

ACTIONS = frozenset({"typing", "upload_photo", "record_voice", "upload_voice", "upload_document", "choose_sticker"})
DOWNLOAD_MAX_BYTES = 20 * 2**20
"""https://core.telegram.org/bots/api#getfile"""
_COMMAND = re.compile(r"[a-z0-9_]{1,32}$")
_SPACE = " \t\n\r\x0b\x0c"


class Params(dict[str, Any]):
    """A request's parameters: JSON values, or texts that hold JSON; empty ones count as not given."""

    def number(self, name: str, default: int | None = None) -> int:
        value = self.get(name, default)
        try:
            return int(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise bad_request(f"{name} is not specified" if value is None else f"{name} is invalid") from None

    def flag(self, name: str) -> bool:
        return str(self.get(name, "")).lower() in ("true", "1")

    def data(self, name: str) -> Any:
        value = self.get(name)
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                raise bad_request(f"can't parse {name} JSON object") from None
        return value


class BotApi:
    """The methods that change what people see."""

    def __init__(self, world: World, flood: Flood) -> None:
        self.world = world
        self.flood = flood
        self.nesting_errors: list[tuple[str, str]] = []
        """Formatting that Telegram would silently drop."""
        self._methods: Mapping[str, Callable[[Params], Any]] = {
            "getme": lambda params: self.world.bot() | {"can_join_groups": True},
            "sendmessage": self.send_message,
            "sendmessagedraft": self.send_draft,
            "editmessagetext": self.edit_text,
            "editmessagereplymarkup": self.edit_markup,
            "deletemessage": self.delete,
            "sendchataction": self.send_action,
            "answercallbackquery": self.answer_callback,
            "setmycommands": self.set_commands,
            "getmycommands": lambda params: self.world.commands.get(params.get("language_code", ""), []),
            "getfile": self.get_file,
            "sendphoto": lambda params: self.send_file(params, "photo"),
            "senddocument": lambda params: self.send_file(params, "document"),
            "sendaudio": lambda params: self.send_file(params, "audio"),
            "sendvideo": lambda params: self.send_file(params, "video"),
        }

    def call(self, method: str, params: Params) -> Any:
        """Run a method.

        Raises:
            ApiError: what it answers instead of a result.
        """
        handler = self._methods.get(method.lower())
        if handler is None:
            raise ApiError(404, "Not Found: method not found")
        return handler(params)

    def send_message(self, params: Params) -> dict[str, Any]:
        chat = self.world.chat(params.number("chat_id"))
        text, entities = self._text(params, "text", TEXT_MAX_UTF16, empty="message text is empty")
        return self._show(chat, params, text, entities)

    def send_file(self, params: Params, kind: str) -> dict[str, Any]:
        chat = self.world.chat(params.number("chat_id"))
        text, entities = self._text(params, "caption", CAPTION_MAX_UTF16)
        file_id = self._file(params, kind)
        name = params.get(f"{kind}.filename", "file")
        media: Any = {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_size": len(self.world.files.get(file_id, b"")),
        }
        if kind == "photo":
            media = [media | {"width": 90, "height": 90}]
        elif kind == "document":
            media |= {"file_name": name}
        elif kind == "audio":
            media |= {"duration": 1}
        else:
            media |= {"width": 90, "height": 90, "duration": 1}
        return self._show(chat, params, text, entities, file={kind: media})

    def send_draft(self, params: Params) -> bool:
        chat = self.world.chat(params.number("chat_id"))
        if chat.kind != "private" or chat.drafts_refused:
            raise bad_request("TEXTDRAFT_PEER_INVALID")
        draft_id = params.number("draft_id")
        if draft_id == 0 or not -(2**31) <= draft_id < 2**31:
            raise bad_request("TEXTDRAFT_ID_INVALID")
        text, _ = self._text(params, "text", TEXT_MAX_UTF16)
        self.flood.check(chat.id)
        chat.show_draft(Draft(draft_id, text, time.monotonic(), params.flag("can_stop")))
        return True

    def edit_text(self, params: Params) -> dict[str, Any]:
        chat, message = self._own(params)
        text, entities = self._text(params, "text", TEXT_MAX_UTF16, empty="message text is empty")
        buttons = self._buttons(params)
        if (text, entities, buttons) == (message.text, message.entities, message.buttons):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same"
                " as a current content and reply markup of the message"
            )
        self.flood.check(chat.id)
        message.edits.append(message.text)
        message.text, message.entities, message.buttons = text, entities, buttons
        return self._edited(chat, message)

    def edit_markup(self, params: Params) -> dict[str, Any]:
        chat, message = self._own(params)
        buttons = self._buttons(params)
        if buttons == message.buttons:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same"
                " as a current content and reply markup of the message"
            )
        self.flood.check(chat.id)
        message.buttons = buttons
        return self._edited(chat, message)

    def delete(self, params: Params) -> bool:
        chat = self.world.chat(params.number("chat_id"))
        if chat.messages.pop(params.number("message_id"), None) is None:
            raise bad_request("message to delete not found")
        chat.changed()
        return True

    def send_action(self, params: Params) -> bool:
        chat = self.world.chat(params.number("chat_id"))
        if params.get("action") not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        chat.actions.append((time.monotonic(), params["action"]))
        chat.changed()
        return True

    def answer_callback(self, params: Params) -> bool:
        query = params.get("callback_query_id", "")
        chat = self.world.callbacks.pop(query, None)
        if chat is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if len(params.get("text", "")) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        self.world.answered[query] = params.get("text", "")
        chat.changed()
        return True

    def set_commands(self, params: Params) -> bool:
        commands = params.data("commands") or []
        for command in commands:
            if not _COMMAND.match(command["command"]):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(command["description"]) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        self.world.commands[params.get("language_code", "")] = commands
        return True

    def get_file(self, params: Params) -> dict[str, Any]:
        file_id = params.get("file_id", "")
        content = self.world.files.get(file_id)
        if content is None:
            raise bad_request("invalid file_id")
        if len(content) > DOWNLOAD_MAX_BYTES:
            raise bad_request("file is too big")
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "file_size": len(content),
            "file_path": self.world.give_path(file_id),
        }

    # What the methods have in common

    def _text(self, params: Params, name: str, longest: int, *, empty: str | None = None) -> tuple[str, list[Entity]]:
        source = str(params.get(name, ""))
        mode = str(params.get("parse_mode", "")).lower()
        if mode not in ("", "html"):
            raise bad_request("unsupported parse_mode")
        entities: list[Entity] = []
        if mode == "html":
            try:
                source, entities = parse_html(source)
            except ParseError as error:
                raise bad_request(f"can't parse entities: {error}") from None
            self.nesting_errors += forbidden_nesting(entities)
        begins_styled = any(entity["offset"] == 0 for entity in entities)
        text = source.rstrip(_SPACE) if begins_styled else source.strip(_SPACE)
        if not text.strip(_SPACE) and empty is not None:
            raise bad_request(empty)
        if utf16_length(text) > longest:
            raise bad_request("message is too long" if name == "text" else "message caption is too long")
        shift = utf16_length(source) - utf16_length(source.lstrip(_SPACE)) if not begins_styled else 0
        return text, [entity | {"offset": entity["offset"] - shift} for entity in entities]

    def _show(
        self, chat: Chat, params: Params, text: str, entities: list[Entity], *, file: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        thread = params.get("message_thread_id")
        if thread is not None and (not chat.forum or int(thread) not in chat.topics):
            raise bad_request("message thread not found")
        buttons = self._buttons(params)
        reply_to = self._reply_to(chat, params)
        self.flood.check(chat.id)
        message = Seen(
            id=self.world.message_id(),
            chat=chat.id,
            sender=0,
            text=text,
            entities=entities,
            buttons=buttons,
            reply_to=reply_to,
            thread=None if thread is None else int(thread),
            file=file,
            silent=params.flag("disable_notification"),
        )
        chat.show(message)
        self.world.note("sent", message)
        return self.world.as_message(message)

    def _edited(self, chat: Chat, message: Seen) -> dict[str, Any]:
        chat.changed()
        self.world.note("edited", message)
        return self.world.as_message(message)

    def _own(self, params: Params) -> tuple[Chat, Seen]:
        chat = self.world.chat(params.number("chat_id"))
        message = chat.messages.get(params.number("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if message.sender != 0:
            raise bad_request("message can't be edited")
        return chat, message

    def _reply_to(self, chat: Chat, params: Params) -> int | None:
        parameters = params.data("reply_parameters")
        if not parameters:
            return None
        message_id = int(parameters["message_id"])
        if message_id in chat.messages:
            return message_id
        if not parameters.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
        return None

    def _buttons(self, params: Params) -> Buttons:
        markup = params.data("reply_markup") or {}
        buttons: Buttons = markup.get("inline_keyboard", [])
        for button in (button for row in buttons for button in row):
            if not str(button.get("text", "")).strip():
                raise bad_request('can\'t parse inline keyboard button: Field "text" must be non-empty')
            data = button.get("callback_data")
            if data is None and "url" not in button:
                raise bad_request(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
                )
            if data is not None and not 1 <= len(data.encode()) <= 64:
                raise bad_request("BUTTON_DATA_INVALID")
        return buttons

    def _file(self, params: Params, kind: str) -> str:
        given = params.get(kind)
        if isinstance(given, bytes):
            file_id = f"up{len(self.world.files)}"
            self.world.files[file_id] = given
            return file_id
        if not isinstance(given, str) or not given:
            raise bad_request(f"there is no {kind} in the request")
        if given.startswith(("http://", "https://")) or given in self.world.files:
            return given
        raise bad_request("wrong remote file identifier specified: Wrong string length")
