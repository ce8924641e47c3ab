"""The vocabulary of channels: what arrives, what leaves, and what a platform allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote, unquote

TextUnit = Literal["characters", "utf16", "utf8_bytes"]
Streams = Literal["cumulative", "delta", "none"]
AttachmentKind = Literal["image", "audio", "video", "file"]
Acceptance = Literal["accepted", "duplicate", "busy"]


@lru_cache(maxsize=10_000)
def _joined(*parts: str) -> str:
    return ":".join(quote(part, safe="@-_.!") for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Where a message belongs; messages of one conversation are answered in order."""

    channel: str
    account: str
    chat: str
    thread: str | None = None
    member: str | None = None
    """Set where a group keeps its members' conversations apart."""

    @property
    def key(self) -> str:
        """The conversation as one string, safe in a Redis key; `from_key` reads it back."""
        return _joined(self.channel, self.account, self.chat, self.thread or "", self.member or "")

    @classmethod
    def from_key(cls, key: str) -> Conversation:
        """Read a conversation from its key.

        Raises:
            ValueError: the text is not a conversation key.
        """
        channel, account, chat, thread, member = (unquote(part) for part in key.split(":"))
        return cls(channel=channel, account=account, chat=chat, thread=thread or None, member=member or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote, by the platform's verified id. The name is for display and never for rights."""

    channel: str
    account: str
    user: str
    name: str = ""
    language: str | None = None
    """The language code that the platform reports, for example `zh-hans`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message or goes out with one; `id` is the platform's handle to fetch it."""

    id: str
    kind: AttachmentKind
    name: str = ""
    media_type: str = "application/octet-stream"
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that a person sent to a platform of our own, where a message may name it."""

    id: str
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The platform's time window for replies; `handle` means something to its own channel only."""

    deadline: datetime
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMessage:
    """One earlier message, where the platform itself carries the history (the OpenAI-compatible API)."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """What a person sent, in every channel's common form."""

    id: str
    """Unique per channel account: the key of deduplication."""
    conversation: Conversation
    sender: Sender
    text: str
    kind: Literal["message", "command", "button", "event"] = "message"
    """`event` carries its name in `text`: `contact` is a person's first contact (Telegram's /start)."""
    attachments: tuple[Attachment, ...] = ()
    mentions_bot: bool = True
    """True in private chats, and in groups when the bot is mentioned, replied to or commanded."""
    private: bool = True
    """True where only this sender reads the answer."""
    reply_to: str | None = None
    """The platform's id of the message to answer, used to quote it."""
    quoted: str = ""
    """The text of the message that the person replied to; untrusted."""
    quoted_attachments: tuple[Attachment, ...] = ()
    """The files of that message, where the platform names them."""
    sent_at: datetime
    """Aware, UTC."""
    window: Window | None = None
    assistant: str | None = None
    """The assistant that the request itself names (an API request's `model`)."""
    history: tuple[HistoryMessage, ...] | None = None
    """None: Parley's own memory applies."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Sampling options that the request itself carries: temperature, top_p, max_tokens, stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button: its label, and the text that is sent as the person's message when it is pressed."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a statement of the answer comes from; `number` is what the text refers to as [number]."""

    number: int
    title: str
    source: str
    """A link or a file path to show."""
    position: str = ""
    """A heading path or a page, for a person."""
    excerpt: str = ""
    """The passage itself, at most 1,000 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """What the bot says. `id` (turn and ordinal) is the idempotency key of its delivery."""

    id: str
    conversation: Conversation
    content: str = ""
    """Markdown."""
    kind: Literal["answer", "notice", "failure", "suggestions"] = "answer"
    """`suggestions` adds its suggestions to the message named in `amends`."""
    turn: str = ""
    """The turn that it ends; live progress of the same turn is replaced by it."""
    attachments: tuple[Attachment, ...] = ()
    suggestions: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    citations: tuple[Citation, ...] = ()
    audience: str | None = None
    """None: everyone in the conversation; otherwise one member's user id."""
    in_reply_to: str | None = None
    """The platform's id of the message that is answered."""
    amends: str | None = None
    """The id of an earlier outbound message that this one completes."""
    language: Literal["zh", "en"] = "en"
    outcome: str = ""
    """How the turn ended: answered, stopped, interrupted, blocked, failed."""
    usage: Mapping[str, int] = field(default_factory=dict)
    """Tokens: prompt_tokens, completion_tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A sign of life of a running turn, lost without harm: the final message replaces it."""

    conversation: Conversation
    turn: str
    kind: Literal["started", "text", "step", "ended"]
    text: str = ""
    """kind `text`: what was added; kind `step`: what the assistant is doing, for a person."""
    offset: int = 0
    """kind `text`: how many characters came before it."""
    in_reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One request to the platform: a message that was split and rendered for it."""

    conversation: Conversation
    message: str
    """The id of the outbound message."""
    ordinal: int
    payload: Mapping[str, Any]
    """What the channel sends, in its own form; JSON values only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the platform answered to a part: its id of the message, and its code."""

    platform_id: str = ""
    code: str = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `count` sends in `per_s` seconds."""

    count: int
    per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a platform allows; None means that it sets no limit."""

    text_max: int
    text_unit: TextUnit = "characters"
    ack_s: float | None = None
    window_s: float | None = None
    can_push: bool = True
    can_edit: bool = False
    can_stream: Streams = "none"
    chat_rate: Rate | None = None
    account_rate: Rate | None = None
    buttons_max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEntry:
    """One line of a platform's command menu, in one language."""

    name: str
    description: str
    language: Literal["zh", "en"]
