"""Updates as inbound messages.

Not delivered, on purpose: edits of a message that was answered already, posts in channels, other bots, service
messages, and in groups whatever is not meant for the bot (`groups` in the account's settings). An album is one
message for each of its pictures, as Telegram sends it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from aiogram.types import CallbackQuery, Chat, ChatMemberUpdated, Message, MessageGenerationStopped, User

from channels.telegram.addressing import Addressed, Me, address
from channels.telegram.api import NAME
from channels.telegram.content import attachments_of, description_of, quoted_text, without_halves
from channels.types import Conversation, InboundMessage, Sender
from config.settings import TelegramSettings

UPDATES = ["message", "callback_query", "my_chat_member", "stopped_message_generation"]
"""What Telegram is asked to send."""

_ABSENT = ("left", "kicked")
_PRESENT = ("member", "administrator")
_GROUPS = ("group", "supergroup")
Kind = Literal["message", "command", "event"]


class InboundReader:
    """Reads the updates of one bot; pure."""

    def __init__(self, account: str, settings: TelegramSettings, me: Me) -> None:
        self._account = account
        self._groups = settings.groups
        self._apart = settings.group_memory == "member"
        self._me = me

    def message(self, update_id: int, message: Message) -> InboundMessage | None:
        """Read a new message; None where it is not for the bot to answer."""
        sender = self._sender(message)
        if sender is None or not self._heard(message.chat):
            return None
        addressed = address(message, self._me)
        private = message.chat.type == "private"
        if not private and (addressed.elsewhere or not (addressed.mentioned or self._groups == "all")):
            return None
        text = addressed.text or description_of(message, sender.language)
        attachments = attachments_of(message)
        if not text and not attachments and not addressed.mentioned:
            return None  # a service message: somebody joined, a title was changed
        kind, text = self._kind(addressed, text)
        return InboundMessage(
            id=str(update_id),
            conversation=self._conversation(message.chat, _thread(message), sender),
            sender=sender,
            text=without_halves(text),
            kind=kind,
            attachments=attachments,
            mentions_bot=private or addressed.mentioned,
            private=private,
            reply_to=str(message.message_id),
            quoted=without_halves(quoted_text(message)),
            quoted_attachments=attachments_of(message.reply_to_message) if message.reply_to_message else (),
            sent_at=message.date,
        )

    def button(self, update_id: int, query: CallbackQuery, text: str) -> InboundMessage | None:
        """Read the press of a button that stands for `text`."""
        if query.message is None or query.from_user.is_bot or not self._heard(query.message.chat):
            return None
        sender = self._person(query.from_user)
        thread = _thread(query.message) if isinstance(query.message, Message) else None
        return InboundMessage(
            id=str(update_id),
            conversation=self._conversation(query.message.chat, thread, sender),
            sender=sender,
            text=without_halves(text),
            kind="button",
            private=query.message.chat.type == "private",
            sent_at=datetime.now(UTC),
        )

    def membership(self, update_id: int, change: ChatMemberUpdated) -> InboundMessage | None:
        """Read that the bot was added to a group."""
        added = change.old_chat_member.status in _ABSENT and change.new_chat_member.status in _PRESENT
        if not added or change.chat.type not in _GROUPS or not self._heard(change.chat):
            return None
        sender = self._person(change.from_user)
        return InboundMessage(
            id=str(update_id),
            conversation=self._conversation(change.chat, None, sender),
            sender=sender,
            text="contact",
            kind="event",
            private=False,
            sent_at=change.date,
        )

    def stopped(self, update_id: int, stop: MessageGenerationStopped) -> InboundMessage:
        """Read a press of the stop button that Telegram shows under a draft: the command it stands for."""
        chat = str(stop.chat.id)  # drafts exist in private chats only, whose id is the person's
        thread = None if stop.message_thread_id is None else str(stop.message_thread_id)
        sender = Sender(channel=NAME, account=self._account, user=chat, name=stop.chat.full_name)
        return InboundMessage(
            id=str(update_id),
            conversation=Conversation(channel=NAME, account=self._account, chat=chat, thread=thread),
            sender=sender,
            text="/stop",
            kind="command",
            sent_at=datetime.now(UTC),
        )

    def _heard(self, chat: Chat) -> bool:
        return chat.type == "private" or (chat.type in _GROUPS and self._groups != "off")

    @staticmethod
    def _kind(addressed: Addressed, text: str) -> tuple[Kind, str]:
        if addressed.command == "start":
            return "event", "contact"
        return ("command" if addressed.command else "message"), text

    def _sender(self, message: Message) -> Sender | None:
        """Return who wrote; None for other bots and for posts copied from a linked channel.

        An anonymous administrator or a channel writes as a chat, and is never taken for a person.
        """
        if message.is_automatic_forward:
            return None
        if message.sender_chat is not None:
            name = message.sender_chat.title or message.sender_chat.full_name
            return Sender(channel=NAME, account=self._account, user=f"chat:{message.sender_chat.id}", name=name)
        if message.from_user is None or message.from_user.is_bot:
            return None
        return self._person(message.from_user)

    def _person(self, user: User) -> Sender:
        name = without_halves(user.full_name)
        return Sender(channel=NAME, account=self._account, user=str(user.id), name=name, language=user.language_code)

    def _conversation(self, chat: Chat, thread: str | None, sender: Sender) -> Conversation:
        member = sender.user if self._apart and chat.type in _GROUPS else None
        return Conversation(channel=NAME, account=self._account, chat=str(chat.id), thread=thread, member=member)


def _thread(message: Message) -> str | None:
    """Return the topic; in a group without topics the id merely names a chain of replies."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None
