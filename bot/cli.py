"""The command line: `parley run`, `gateway`, `worker`, `chat`, `doctor`, `config`, `keys`, `dead`, `kb`,
`version`.

Exit codes: 0 all is well; 1 a check found a problem; 2 wrong usage; 3 the process could not start.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from bot.console import ConfigOption, loaded, loader, out, quiet, run
from bot.kb.cli import kb_cli

cli = typer.Typer(
    name="parley",
    help="AI assistants in the chats people already use. Start with [bold]parley run[/bold].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
configuration_cli = typer.Typer(help="Check or show the configuration.", no_args_is_help=True)
dead_cli = typer.Typer(help="Messages that were given up: list, retry or forget them.", no_args_is_help=True)
keys_cli = typer.Typer(help="API keys for the OpenAI-compatible API at /v1.", no_args_is_help=True)
cli.add_typer(configuration_cli, name="config")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(dead_cli, name="dead")
cli.add_typer(kb_cli, name="kb")


@cli.command("run")
def run_all(config: ConfigOption = None) -> None:
    """Run everything in one process: web chat, channels and answers. Ctrl-C stops it cleanly."""
    _process(config, "gateway", "worker")


@cli.command()
def gateway(config: ConfigOption = None) -> None:
    """Run only the connections: HTTP, channels and deliveries. Needs a Redis that workers share."""
    _process(config, "gateway")


@cli.command()
def worker(config: ConfigOption = None) -> None:
    """Run only the answering. Start as many as you like, on as many machines."""
    _process(config, "worker")


@cli.command()
def chat(
    config: ConfigOption = None,
    assistant: Annotated[str | None, typer.Option("--assistant", "-a", help="Who should answer.")] = None,
) -> None:
    """Chat in this terminal. Lines piped in are answered one by one."""
    from bot.chat import chat as start

    run(start(loaded(config), load=loader(config), assistant=assistant))


@cli.command()
def doctor(config: ConfigOption = None) -> None:
    """Check models, store, running processes and dead letters, and say what to do. Exit code 1 on a problem."""
    from bot.doctor import examine

    quiet()
    run(examine(loaded(config), out))


@cli.command()
def version() -> None:
    """Print the version."""
    out.print(installed_version("parley"))


@configuration_cli.command("check")
def check(config: ConfigOption = None) -> None:
    """Check all files and print every problem with file and line. Exit code 1 if there is one."""
    valid = loaded(config)
    names = ", ".join(valid.assistants)
    out.print(f"[green]✓[/green] The configuration is valid: {len(valid.files)} files, assistants: {names}")


@configuration_cli.command("show")
def show(config: ConfigOption = None) -> None:
    """Print the configuration that is in force, defaults included. Secrets are hidden."""
    from bot.show import as_yaml

    sys.stdout.write(as_yaml(loaded(config)))


@keys_cli.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="The application that will use it.")], config: ConfigOption = None
) -> None:
    """Create an API key and print it once: only its hash is kept."""
    from bot.keyring import create

    run(create(loaded(config), name))


@keys_cli.command("list")
def list_keys(config: ConfigOption = None) -> None:
    """List the applications that have a key."""
    from bot.keyring import show_all

    run(show_all(loaded(config), out))


@keys_cli.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="The application whose key ends now.")], config: ConfigOption = None
) -> None:
    """Revoke an application's key."""
    from bot.keyring import revoke

    run(revoke(loaded(config), name))


@dead_cli.command("list")
def list_dead(config: ConfigOption = None) -> None:
    """List the messages that were given up, and why."""
    from bot.dead_letters import list_letters

    run(list_letters(loaded(config), out))


@dead_cli.command("retry")
def retry_dead(config: ConfigOption = None) -> None:
    """Put all of them back to be answered or delivered again."""
    from bot.dead_letters import retry_letters

    run(retry_letters(loaded(config)))


@dead_cli.command("clear")
def clear_dead(config: ConfigOption = None) -> None:
    """Forget all of them."""
    from bot.dead_letters import bury_letters

    run(bury_letters(loaded(config)))


def _process(config: Path | None, *roles: str) -> None:
    from bot.serve import serve

    run(serve(loaded(config), load=loader(config), roles=frozenset(roles)))  # type: ignore[arg-type]
