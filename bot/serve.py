"""Run a process until it is told to stop, and tell the person at the terminal what it is doing."""

from __future__ import annotations

import asyncio
import gc
import signal

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from bot.app import App
from bot.process import age_s
from bot.telemetry import configure_logging
from bot.wiring import Load, Role, open_app
from config.loader import Configuration

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(configuration: Configuration, *, load: Load, roles: frozenset[Role]) -> int:
    """Run the roles in this process until SIGTERM or SIGINT; returns the exit code.

    Raises:
        BotError: the process could not start.
    """
    configure_logging(configuration.settings.log)
    stopping = _stop_signals()
    async with open_app(configuration, load=load, roles=roles) as app:
        # What was built so far lives as long as the process: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # A turn makes many short-lived objects and few cycles: looking for those less often saves a tenth of the CPU.
        gc.set_threshold(20_000, 20, 50)
        await _announce(app, configuration)
        await stopping.wait()
        for number in STOP_SIGNALS:
            # A second signal ends the process at once.
            asyncio.get_running_loop().remove_signal_handler(number)
        await app.drain()
    return 0


def _stop_signals() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set from now on: a process told to stop while it starts, starts and stops."""
    stopping = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _announce(app: App, configuration: Configuration) -> None:
    console = Console(stderr=True)
    grid = Table.grid(padding=(0, 2))
    if app.web:
        grid.add_row("chat", f"[bold]{app.web.url}[/bold]" if configuration.settings.channels.web.enabled else "off")
        grid.add_row("API", f"{app.web.url}/v1")
    models = configuration.settings.models
    for alias in sorted({assistant.model for assistant in configuration.assistants.values()}):
        offline = models[alias].provider == "offline"
        hint = "no language model: answers quote the knowledge base. Set OPENAI_API_KEY for a real one"
        grid.add_row("model", hint if offline else f"{models[alias].model} ({alias})")
    grid.add_row("assistants", ", ".join(configuration.assistants))
    if app.gateway:
        platforms = [f"{platform}/{account}" for platform, account, _ in configuration.settings.channels.accounts()]
        grid.add_row("platforms", ", ".join(platforms) or "none yet: set TELEGRAM_BOT_TOKEN for a Telegram bot")
        code = await app.access.owner_code()
        if code:
            grid.add_row("owner", f"nobody yet: send [bold]/claim {code}[/bold] in a private chat, once")
    console.print(Panel(grid, title=f"Parley is ready ({age_s():.1f} s)", title_align="left", expand=False))
