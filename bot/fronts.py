"""Where people reach the bot: the accounts of platforms, the web chat and the API; built for `bot/wiring.py`.

A new channel is one file and one line in `CHANNELS`; third parties add theirs through the entry-point
group `parley.channels`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import RedisError

from bot.app import App
from bot.control import Signal
from bot.errors import CannotStart
from bot.feedback import Feedback
from bot.gateway import Gateway
from bot.journal import RedisJournal
from bot.keys import ApiKeys
from bot.parts import Parts
from channels.base import Channel, Webhook
from channels.errors import ChannelError
from channels.types import Conversation, Sender
from channels.web import WebChannel
from channels.web_files import WebFiles
from config.loader import Configuration

if TYPE_CHECKING:
    from bot.web.dependencies import WebDependencies

log = structlog.get_logger()

CHANNELS: Mapping[str, str] = {"telegram": "channels.telegram.channel"}
"""Platform → module with `create(account, settings, context)`; imported only when an account is on."""
CHAT, API, ACCOUNT = "web", "api", "default"
CHAT_JOURNAL_S = 90 * 86400.0


def open_gateway(parts: Parts, app: App) -> Gateway:
    """Return the gateway, which owns no account yet."""
    return Gateway(
        store=parts.store,
        live=parts.live,
        limits=lambda: parts.current().settings.limits,
        metrics=parts.metrics,
        menu=parts.commands.menu(),
        supervisor=app.supervisor,
    )


def _front(parts: Parts, name: str, ttl_s: float, *, late_readers: bool) -> WebChannel:
    journal = RedisJournal(parts.store.redis, parts.store.keys.of, ttl_s=ttl_s)
    files = WebFiles(parts.uploads) if name == CHAT else None
    return WebChannel(name, ACCOUNT, parts.context(name, ACCOUNT), journal, files=files, late_readers=late_readers)


def _chat(parts: Parts) -> WebChannel:
    return _front(parts, CHAT, CHAT_JOURNAL_S, late_readers=True)


def web_dependencies(parts: Parts, app: App) -> WebDependencies:
    """Return what the web application is given, its two channels opened.

    `app.gateway` must be there.
    """
    from bot.web.dependencies import Readiness, WebDependencies

    gateway = app.gateway
    assert gateway is not None
    chat = _chat(parts)
    # As long as a request's Idempotency-Key is remembered, so must be its answer.
    remembered_s = parts.current().settings.limits.deduplicate_hours * 3600
    api = _front(parts, API, remembered_s, late_readers=False)
    for front in (chat, api):
        gateway.open(front)

    def webhook(platform: str, account: str) -> Webhook | None:
        connection = gateway.connections.get((platform, account))
        return connection.channel if connection and isinstance(connection.channel, Webhook) else None

    async def readiness() -> Readiness:
        try:
            await parts.store.redis.ping()
        except (RedisError, OSError):
            return Readiness(store=False, accepting=not app.draining)
        knowledge = await app.brain.statuses() if app.brain else {}
        return Readiness(store=True, accepting=app.serving and not app.draining, knowledge=knowledge)

    async def may_send_files(sender: Sender) -> bool:
        return parts.access.may(await parts.access.principal(sender), "admin")

    async def cancel(conversation: Conversation) -> None:
        await parts.control.send(Signal(kind="stop", conversation=conversation.key, by=""))

    return WebDependencies(
        chat=chat if parts.current().settings.channels.web.enabled else None,
        api=api,
        webhooks=webhook,
        configuration=parts.current,
        keys=ApiKeys(parts.store.redis, parts.store.keys.shared("api-keys")),
        feedback=Feedback(parts.store.redis, parts.store.keys.shared("{feedback}")),
        readiness=readiness,
        metrics=parts.metrics.text,
        cancel=cancel,
        may_send_files=may_send_files,
    )


async def open_accounts(parts: Parts, gateway: Gateway, configuration: Configuration) -> None:
    """Open every account of a platform that is on."""
    for platform, account, settings in configuration.settings.channels.accounts():
        await _open_account(parts, gateway, platform, account, settings)


async def change_accounts(parts: Parts, gateway: Gateway, before: Configuration, after: Configuration) -> None:
    """Close the accounts that are gone or changed, and open those that are new or changed."""
    old, new = (
        {(platform, account): settings for platform, account, settings in configuration.settings.channels.accounts()}
        for configuration in (before, after)
    )
    for platform, account in (key for key in old if new.get(key) != old[key]):
        if (platform, account) in gateway.connections:
            await gateway.close(platform, account)
    for platform, account in (key for key in new if new[key] != old.get(key)):
        await _open_account(parts, gateway, platform, account, new[(platform, account)])


async def create_channel(parts: Parts, platform: str, account: str, settings: Any) -> Channel:
    """Return the channel of an account, not started.

    Raises:
        ChannelError: it is set up wrongly.
        CannotStart: no such channel is installed.
    """
    if platform == CHAT:
        return _chat(parts)
    # Some platforms' libraries take seconds to import: meanwhile the web chat is up already.
    module = await asyncio.to_thread(_module, platform)
    channel: Channel = module.create(account, settings, parts.context(platform, account))
    return channel


async def _open_account(parts: Parts, gateway: Gateway, platform: str, account: str, settings: Any) -> None:
    try:
        channel = await create_channel(parts, platform, account, settings)
    except ChannelError as error:
        # One account that is set up wrongly must not keep the others from their messages.
        log.error("channel.refused", channel=f"{platform}/{account}", error=str(error))  # noqa: TRY400
        return
    gateway.open(channel)


def _module(platform: str) -> Any:
    if platform in CHANNELS:
        return import_module(CHANNELS[platform])
    for entry in entry_points(group="parley.channels", name=platform):
        return entry.load()
    raise CannotStart(f"channels.{platform}: no such channel is installed; remove it or install its package")
