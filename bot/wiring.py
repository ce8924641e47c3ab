"""The composition root: builds every part of a process and gives each what it needs. Nothing else builds.

A new channel is one file and one line in `CHANNELS`; third parties add theirs through the entry-point
group `parley.channels`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Any, Literal

import aiohttp
import structlog
from redis.exceptions import RedisError

from bot.access import Access
from bot.app import App
from bot.commands.table import CommandTable
from bot.control import Control, Signal
from bot.errors import CannotStart
from bot.feedback import Feedback
from bot.gateway import Gateway
from bot.inbox import CONTROL, IN, Inbox
from bot.journal import RedisJournal
from bot.keys import ApiKeys
from bot.lanes import Lanes
from bot.live import Live
from bot.outbox import Outbox
from bot.registry import Registry
from bot.reload import Current
from bot.state import RedisState
from bot.store import Store, open_store
from bot.supervisor import Supervisor
from bot.telemetry import Metrics
from channels.base import Channel, ChannelContext, Webhook
from channels.errors import ChannelError
from channels.types import Conversation
from channels.web import WebChannel
from config.loader import Configuration

if TYPE_CHECKING:
    from bot.web.dependencies import WebDependencies

log = structlog.get_logger()

CHANNELS: Mapping[str, str] = {"telegram": "channels.telegram.channel"}
"""Platform → module with `create(account, settings, context)`; imported only when an account is on."""

READ_AT_START = (
    "http",
    "redis",
    "data_dir",
    "log",
    "channels.web.enabled",
    "limits.lease_s",
    "limits.concurrency",
)
"""What a running process does not take over from changed files."""
CHAT, API, ACCOUNT = "web", "api", "default"
CHAT_JOURNAL_S = 90 * 86400.0
HTTP_TOTAL_S = 120.0
Role = Literal["gateway", "worker"]
BOTH: frozenset[Role] = frozenset({"gateway", "worker"})
"""The roles of `parley run`."""
Load = Callable[[], Configuration]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the parts of a process share."""

    current: Current
    store: Store
    http: aiohttp.ClientSession
    metrics: Metrics
    live: Live
    lanes: Lanes
    beside: Lanes
    control: Control
    outbox: Outbox
    inbox: Inbox
    access: Access
    commands: CommandTable

    def context(self, channel: str, account: str) -> ChannelContext:
        """Return what a channel account is given."""
        settings = self.current().settings
        return ChannelContext(
            deliver=self.inbox.accept,
            state=RedisState(self.store, channel, account),
            http=self.http,
            public_url=settings.http.public_url,
            data_dir=settings.data_dir,
        )


@asynccontextmanager
async def open_app(
    configuration: Configuration,
    *,
    load: Load,
    roles: frozenset[Role] = BOTH,
    http: bool = True,
    platforms: bool = True,
) -> AsyncIterator[App]:
    """Build a process, start it, and close everything at the end.

    `load` reads the configuration again when a file changes. Without `http` the gateway serves no port,
    without `platforms` it opens no account of a platform.

    Raises:
        CannotStart: a port is taken, or something configured is not installed.
        StoreUnavailable: the store cannot be reached.
    """
    async with AsyncExitStack() as stack:
        settings = configuration.settings
        listener = None
        if http and "gateway" in roles:
            from bot.web.server import listen

            listener = listen(settings.http.host, settings.http.port)
            stack.callback(listener.close)
        store = await stack.enter_async_context(open_store(settings.redis, settings.data_dir))
        parts = await _parts(Current(configuration), store, stack)
        app = _app(parts)
        stack.push_async_callback(app.close)
        if "gateway" in roles:
            app.gateway = _gateway(parts, app)
        if listener and app.gateway:
            from bot.web.app import create_app
            from bot.web.server import WebServer

            web = _web(parts, app)
            app.web = WebServer(create_app(web), listener, close_streams=web.close_streams)
        app.start()
        if "worker" in roles:
            await _worker(parts, app, stack)
        if app.gateway and platforms:
            app.supervisor.spawn("accounts", _open_accounts(parts, app.gateway, configuration))
        app.keep("configuration", lambda: parts.current.follow(load, lambda old, new: _changed(parts, app, old, new)))
        yield app


async def _parts(current: Current, store: Store, stack: AsyncExitStack) -> Parts:
    limits = current().settings.limits
    timeout = aiohttp.ClientTimeout(total=HTTP_TOTAL_S, connect=10)
    session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
    metrics, control, commands = Metrics(), Control(store), CommandTable()
    lanes, beside = (Lanes(store, name, lease_s=limits.lease_s) for name in (IN, CONTROL))
    outbox = Outbox(store, lease_s=limits.lease_s)
    inbox = Inbox(
        lanes=lanes,
        beside=beside,
        control=control,
        outbox=outbox,
        commands=commands,
        limits=lambda: current().settings.limits,
        metrics=metrics,
    )
    return Parts(
        current=current,
        store=store,
        http=session,
        metrics=metrics,
        live=Live(store),
        lanes=lanes,
        beside=beside,
        control=control,
        outbox=outbox,
        inbox=inbox,
        access=Access(store, lambda: current().settings.owners),
        commands=commands,
    )


def _app(parts: Parts) -> App:
    return App(
        store=parts.store,
        configuration=parts.current,
        metrics=parts.metrics,
        supervisor=Supervisor(),
        background=Supervisor(),
        live=parts.live,
        registry=Registry(parts.store),
        access=parts.access,
        accept=parts.inbox.accept,
        lanes=(parts.lanes, parts.beside),
    )


def _gateway(parts: Parts, app: App) -> Gateway:
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
    return WebChannel(name, ACCOUNT, parts.context(name, ACCOUNT), journal, late_readers=late_readers)


def _web(parts: Parts, app: App) -> WebDependencies:
    from bot.web.dependencies import Readiness, WebDependencies

    gateway = app.gateway
    assert gateway is not None
    chat = _front(parts, CHAT, CHAT_JOURNAL_S, late_readers=True)
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
    )


async def _open_accounts(parts: Parts, gateway: Gateway, configuration: Configuration) -> None:
    for platform, account, settings in configuration.settings.channels.accounts():
        await _open_account(parts, gateway, platform, account, settings)


async def _open_account(parts: Parts, gateway: Gateway, platform: str, account: str, settings: Any) -> None:
    # Some platforms' libraries take seconds to import: meanwhile the web chat is up already.
    module = await asyncio.to_thread(_module, platform)
    try:
        channel: Channel = module.create(account, settings, parts.context(platform, account))
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


async def _worker(parts: Parts, app: App, stack: AsyncExitStack) -> None:
    from bot.answering import Answering
    from bot.brain import open_brain
    from bot.commands.base import CommandServices
    from bot.profiles import Profiles
    from bot.recent import RecentFiles
    from bot.turns import Turns
    from bot.worker import Worker

    app.brain = brain = await stack.enter_async_context(open_brain(parts.current(), parts.store))
    services = CommandServices(
        access=parts.access,
        profiles=Profiles(parts.store),
        memory=brain.memory,
        control=parts.control,
        lanes=parts.lanes,
        live=parts.live,
        library=lambda: brain.library,
        recent_files=RecentFiles(parts.store),
        configuration=parts.current,
        version=version("parley"),
    )

    def answering(lanes: Lanes) -> Answering:
        turns = Turns(
            lanes=lanes,
            engine=lambda: brain.engine,
            live=parts.live,
            outbox=parts.outbox,
            background=app.background,
            metrics=parts.metrics,
        )
        return Answering(lanes=lanes, turns=turns, commands=parts.commands, services=services, metrics=parts.metrics)

    app.start_worker(
        Worker(
            turns=parts.lanes,
            beside=parts.beside,
            answering=answering,
            control=parts.control,
            concurrency=parts.current().settings.limits.concurrency,
        )
    )


async def _changed(parts: Parts, app: App, before: Configuration, after: Configuration) -> None:
    """Bring the running process in line with a new configuration."""
    if app.brain:
        await app.brain.reconfigure(before, after)
    if app.gateway:
        old, new = (
            {
                (platform, account): settings
                for platform, account, settings in configuration.settings.channels.accounts()
            }
            for configuration in (before, after)
        )
        for platform, account in (key for key in old if new.get(key) != old[key]):
            if (platform, account) in app.gateway.connections:
                await app.gateway.close(platform, account)
        for platform, account in (key for key in new if new[key] != old.get(key)):
            await _open_account(parts, app.gateway, platform, account, new[(platform, account)])
    changed = [key for key in READ_AT_START if _section(before, key) != _section(after, key)]
    if changed:
        log.warning("configuration.restart_needed", sections=changed)


def _section(configuration: Configuration, path: str) -> Any:
    value: Any = configuration.settings
    for name in path.split("."):
        value = getattr(value, name)
    return value
