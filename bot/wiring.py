"""The composition root: builds every part of a process and gives each what it needs. Nothing else builds.

Parts that all of a process shares are in `bot/parts.py`, what people reach it by in `bot/fronts.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any, Literal

import structlog

from bot.app import App
from bot.attachments import Attachments
from bot.fronts import change_accounts, create_channel, open_accounts, open_gateway, web_dependencies
from bot.lanes import Lanes
from bot.parts import Parts, open_parts
from bot.registry import Registry
from bot.reload import Current
from bot.store import open_store
from bot.supervisor import Supervisor
from config.loader import Configuration

log = structlog.get_logger()

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
Role = Literal["gateway", "worker"]
BOTH: frozenset[Role] = frozenset({"gateway", "worker"})
"""The roles of `parley run`."""
Load = Callable[[], Configuration]


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
        parts = await open_parts(Current(configuration), store, stack)
        app = _app(parts)
        stack.push_async_callback(app.close)
        if "gateway" in roles:
            app.gateway = open_gateway(parts, app)
        if listener and app.gateway:
            from bot.web.app import create_app
            from bot.web.server import WebServer

            web = web_dependencies(parts, app)
            app.web = WebServer(create_app(web), listener, close_streams=web.close_streams)
        app.start()
        if "worker" in roles:
            await _worker(parts, app, stack)
        if app.gateway and platforms:
            app.supervisor.spawn("accounts", open_accounts(parts, app.gateway, configuration))
        app.keep("configuration", lambda: parts.current.follow(load, lambda old, new: _changed(parts, app, old, new)))
        yield app


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
        attachments=Attachments(partial(create_channel, parts), lambda: parts.current().settings),
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
        await change_accounts(parts, app.gateway, before, after)
    changed = [key for key in READ_AT_START if _section(before, key) != _section(after, key)]
    if changed:
        log.warning("configuration.restart_needed", sections=changed)


def _section(configuration: Configuration, path: str) -> Any:
    value: Any = configuration.settings
    for name in path.split("."):
        value = getattr(value, name)
    return value
