"""`parley chat`: one person at a terminal, in a process of their own.

Where a worker runs on the same store already, it answers; otherwise this process answers itself.
"""

from __future__ import annotations

import getpass
import os
import sys

from rich.console import Console

from bot.app import App
from bot.registry import Registry
from bot.store import open_store
from bot.telemetry import configure_logging
from bot.wiring import BOTH, Load, Role, open_app
from channels.terminal.channel import TerminalChannel
from channels.terminal.lines import Lines, piped, tidy_terminal, typed
from channels.terminal.screen import LiveScreen, PlainScreen
from channels.terminal.texts import language_of_environment
from config.loader import Configuration
from config.settings import LogSettings


async def chat(configuration: Configuration, *, load: Load, assistant: str | None) -> int:
    """Chat until the person leaves or the pipe ends; returns the exit code.

    Raises:
        BotError: the process could not start.
        UnknownAssistant: there is no assistant of that name.
    """
    chosen = configuration.assistant(assistant)
    configure_logging(LogSettings(level="error"))
    roles = await _roles(configuration)
    async with open_app(configuration, load=load, roles=roles, http=False, platforms=False) as app:
        channel = _channel(app, assistant)
        assert app.gateway is not None
        app.gateway.open(channel)
        with tidy_terminal():
            code = await channel.converse(opening=chosen.opening or "", questions=chosen.questions)
        await app.drain()
    return code


async def _roles(configuration: Configuration) -> frozenset[Role]:
    settings = configuration.settings
    async with open_store(settings.redis, settings.data_dir) as store:
        alone = not await Registry(store).alive("worker")
    return BOTH if alone else frozenset({"gateway"})


def _channel(app: App, assistant: str | None) -> TerminalChannel:
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    language = language_of_environment(os.environ)
    return TerminalChannel(
        app.accept,
        lines=Lines(typed() if interactive else piped(sys.stdin)),
        screen=LiveScreen(Console(), language) if interactive else PlainScreen(sys.stdout),
        user=getpass.getuser(),
        language=language,
        assistant=assistant,
        interactive=interactive,
    )
