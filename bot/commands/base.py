"""What a chat command is. A family is one file with a `COMMANDS` tuple, named in `bot/commands/table.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.access import Who
from bot.texts import Language
from channels.types import Action, Attachment, InboundMessage

if TYPE_CHECKING:
    from agents.base import MemoryStore
    from agents.types import Principal
    from bot.access import Access
    from bot.control import Control
    from bot.lanes import Lanes
    from bot.live import Live
    from bot.profiles import Profiles
    from bot.recent import RecentFiles
    from config.assistant import Assistant
    from config.loader import Configuration
    from knowledge.library import Library

Texts = Mapping[Language, str]


class Fetching(Protocol):
    """Fetches what came along with a message."""

    async def fetch(self, message: InboundMessage, attachment: Attachment) -> bytes:
        """Return the bytes of an attachment.

        Raises:
            TooLarge: it is larger than `limits.attachment_max_bytes`, or than its platform gives out.
            Refused: it is gone.
            Unreachable: its platform did not answer in time.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandServices:
    """What commands work with."""

    access: Access
    profiles: Profiles
    memory: MemoryStore
    control: Control
    lanes: Lanes
    live: Live
    library: Callable[[], Library]
    recent_files: RecentFiles
    attachments: Fetching
    configuration: Callable[[], Configuration]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One use of a command."""

    arguments: str
    message: InboundMessage
    principal: Principal
    language: Language
    assistant: Assistant
    services: CommandServices
    show: Callable[[str], None] = lambda text: None
    """Shows what a long command is doing, until its reply takes the place of it."""
    again: bool = False
    """True where a run before was broken off, by a crash or a stop of its process: part of it may be done."""

    @property
    def conversation(self) -> str:
        """The key of the conversation."""
        return self.message.conversation.key

    def text(self, zh: str, en: str) -> str:
        """Return the text in the person's language."""
        return zh if self.language == "zh" else en


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a command answers: Markdown and buttons; an empty content answers nothing."""

    content: str
    actions: tuple[Action, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One line of the table."""

    name: str
    run: Callable[[Call], Awaitable[Reply]]
    summary: Texts
    arguments: str = ""
    who: Who = "everyone"
    aliases: tuple[str, ...] = ()
    beside: bool = False
    """Answered at once, beside a running turn, instead of after it."""
    stopped: Texts | None = None
    """What a person reads who stopped it with /stop, where there is more to say than that."""
