"""What a chat command is. A family is one file with a `COMMANDS` tuple, named in `bot/commands/table.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import Who
from bot.texts import Language
from channels.types import Action, InboundMessage

if TYPE_CHECKING:
    from agents.base import MemoryStore
    from agents.types import Principal
    from bot.access import Access
    from bot.control import Control
    from bot.lanes import Lanes
    from bot.profiles import Profiles
    from config.assistant import Assistant
    from config.loader import Configuration

Texts = Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandServices:
    """What commands work with."""

    access: Access
    profiles: Profiles
    memory: MemoryStore
    control: Control
    lanes: Lanes
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
