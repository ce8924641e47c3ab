"""Read the configuration, and check what only this floor can: that the tools and channels it names are installed."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path

from agents.tools.toolbox import installed_tools
from config.errors import ConfigurationInvalid
from config.loader import ASSISTANTS_FOLDER, SETTINGS_FILE, Configuration, load_configuration
from config.problems import Problem, suggestion
from knowledge.choosing import ENDPOINT, RERANKERS


def load(path: Path | None) -> Configuration:
    """Return the configuration at `path`, at PARLEY_CONFIG or in the working folder.

    Raises:
        ConfigurationInvalid: with every problem of every file; unknown tools and channels are told last.
    """
    configuration = load_configuration(path, environment=dict(os.environ), folder=Path.cwd())
    problems = [*unknown_tools(configuration), *unknown_channels(configuration), *unknown_reranker(configuration)]
    if problems:
        raise ConfigurationInvalid(problems, files=configuration.files, digest=configuration.digest)
    return configuration


def unknown_channels(configuration: Configuration) -> list[Problem]:
    """Return a problem for each plugin channel that is configured and nobody installed."""
    installed = {entry.name for entry in entry_points(group="parley.channels")}
    return [
        Problem(
            file=configuration.root / SETTINGS_FILE,
            path=f"channels.plugins.{platform}",
            message=f'no channel "{platform}" is installed; {suggestion(platform, installed)}',
        )
        for platform in configuration.settings.channels.plugins
        if platform not in installed
    ]


def unknown_reranker(configuration: Configuration) -> list[Problem]:
    """Return a problem where a reranker is configured that nobody installed."""
    name = configuration.settings.rerank.provider
    installed = {ENDPOINT, *(entry.name for entry in entry_points(group=RERANKERS))}
    if name in installed:
        return []
    message = f'no reranker "{name}" is installed; {suggestion(name, installed)}'
    return [Problem(file=configuration.root / SETTINGS_FILE, path="rerank.provider", message=message)]


def unknown_tools(configuration: Configuration) -> list[Problem]:
    """Return a problem for each tool that an assistant names and nobody installed."""
    installed = installed_tools()
    problems = []
    for assistant in configuration.assistants.values():
        for tool in assistant.tools:
            if tool in installed:
                continue
            file = configuration.root / ASSISTANTS_FOLDER / f"{assistant.name}.yaml"
            message = f'no tool "{tool}" is installed; {suggestion(tool, installed)}'
            problems.append(Problem(file=file, path="tools", message=message))
    return problems
