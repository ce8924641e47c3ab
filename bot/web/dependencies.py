"""What the web application is given; all of it is opened and closed by `bot/wiring.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from bot.feedback import Feedback
from bot.keys import ApiKeys
from channels.base import Webhook
from channels.types import Conversation, Sender
from channels.web import WebChannel
from config.loader import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether this process can do its work now."""

    store: bool
    """The store answers."""
    accepting: bool
    """The gateway takes messages in: it has started and does not drain."""
    knowledge: Mapping[str, str] = field(default_factory=dict)
    """The state of each knowledge base, for people; a base that is being built does not make the process unready."""

    @property
    def ready(self) -> bool:
        """True when traffic may be sent here."""
        return self.store and self.accepting


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDependencies:
    """The collaborators of all routes."""

    chat: WebChannel | None
    """None: the chat page is switched off."""
    api: WebChannel
    webhooks: Callable[[str, str], Webhook | None]
    """Finds the channel of a platform and account."""
    configuration: Callable[[], Configuration]
    """The configuration as it is now: files are watched."""
    keys: ApiKeys
    feedback: Feedback
    readiness: Callable[[], Awaitable[Readiness]]
    metrics: Callable[[], bytes]
    """The registry in Prometheus' text format."""
    cancel: Callable[[Conversation], Awaitable[None]]
    """Stops the running turn of a conversation, wherever it runs."""
    may_send_files: Callable[[Sender], Awaitable[bool]]
    """Whether a visitor may send files: not everybody who finds the page may fill the store."""

    def close_streams(self) -> None:
        """End every event stream, so that the server can stop at once; pages reconnect to its successor."""
        for channel in (self.chat, self.api):
            if channel:
                channel.close()


def dependencies(request: Request) -> WebDependencies:
    """Return what the application was given."""
    given: WebDependencies = request.app.state.dependencies
    return given
