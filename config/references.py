"""Checks between files: names that one place gives and another uses, and files that must exist."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from config.documents import Document
from config.errors import Unreadable
from config.files import FileReader
from config.problems import KeyPath, suggestion

MODEL, BASE, ASSISTANT = "model", "knowledge base", "assistant"

_IN_SETTINGS: tuple[tuple[str, KeyPath], ...] = (
    (MODEL, ("models", "*", "fallbacks", "*")),
    (ASSISTANT, ("default_assistant",)),
    (ASSISTANT, ("channels", "web", "assistant")),
    (ASSISTANT, ("channels", "telegram", "*", "assistant")),
    (ASSISTANT, ("channels", "plugins", "*", "*", "assistant")),
)
_IN_ASSISTANT: tuple[tuple[str, KeyPath], ...] = (
    (MODEL, ("model",)),
    (MODEL, ("follow_ups", "model")),
    (MODEL, ("knowledge", "rewrite_model")),
    (BASE, ("knowledge", "bases", "*")),
)
_SOURCES: KeyPath = ("knowledge", "*", "sources", "*")
_WORD_LISTS: tuple[KeyPath, ...] = (("moderation", "input", "*", "file"), ("moderation", "output", "*", "file"))


def check_settings(settings: Document, assistants: Collection[str], reader: FileReader, folder: Path) -> None:
    """Check `parley.yaml`; its paths become absolute: sources beside their file, `data_dir` in the working folder."""
    known = {MODEL: _keys(settings, "models"), ASSISTANT: assistants}
    _check_names(settings, _IN_SETTINGS, known)
    _check_circles(settings)
    _check_webhooks(settings)
    for path, value in _texts(settings, _SOURCES):
        source = _absolute(settings.mark(path).file.parent, value)
        settings.replace(path, str(source))
        if not reader.exists(source):
            settings.complain(path, f'no file or folder is at "{value}", relative to this file')
    for path, value in _texts(settings, ("data_dir",)):
        settings.replace(path, str(_absolute(folder, value)))


def check_assistant(assistant: Document, settings: Document | None, reader: FileReader) -> None:
    """Check one assistant; without settings (they could not be read) only what stands in its own file."""
    if settings is not None:
        known = {MODEL: _keys(settings, "models"), BASE: _keys(settings, "knowledge")}
        _check_names(assistant, _IN_ASSISTANT, known)
    for pattern in _WORD_LISTS:
        for path, value in _texts(assistant, pattern):
            file = _absolute(assistant.file.parent, value)
            assistant.replace(path, str(file))
            try:
                reader.read(file)
            except Unreadable as error:
                assistant.complain(path, f'the word list "{value}", relative to this file, {error}')


def _check_names(document: Document, uses: Iterable[tuple[str, KeyPath]], known: Mapping[str, Collection[str]]) -> None:
    for kind, pattern in uses:
        for path, value in _texts(document, pattern):
            if value not in known[kind]:
                document.complain(path, f'no {kind} is called "{value}"; {suggestion(value, known[kind])}')


def _check_circles(settings: Document) -> None:
    """A model that falls back on itself, over others or directly, would be tried for ever."""
    edges: dict[str, list[str]] = {}
    for path, value in _texts(settings, ("models", "*", "fallbacks", "*")):
        edges.setdefault(str(path[1]), []).append(value)
    reported: set[frozenset[str]] = set()
    for start in edges:
        circle = _circle(edges, start)
        if circle and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            settings.complain(("models", start, "fallbacks"), f"fallbacks run in a circle: {' → '.join(circle)}")


def _circle(edges: Mapping[str, list[str]], start: str) -> list[str]:
    """Return a way from `start` back to itself, or nothing."""
    ways, seen = [[start]], set[str]()
    while ways:
        way = ways.pop()
        for following in edges.get(way[-1], ()):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def _check_webhooks(settings: Document) -> None:
    """Telegram must be told where to call."""
    if any(value for _, value in _texts(settings, ("http", "public_url"))):
        return
    for path, mode in _texts(settings, ("channels", "telegram", "*", "mode")):
        if mode == "webhook" and any(value for _, value in _texts(settings, (*path[:-1], "token"))):
            settings.complain(path, "webhooks need http.public_url, the address that Telegram reaches this server at")


def _texts(document: Document, pattern: KeyPath) -> list[tuple[KeyPath, str]]:
    """What is no text is the schema's to complain about."""
    return [(path, value) for path, value in document.find(pattern) if isinstance(value, str)]


def _keys(document: Document, section: str) -> Collection[str]:
    return {str(path[1]) for path, _ in document.find((section, "*"))}


def _absolute(folder: Path, value: str) -> Path:
    return Path(os.path.normpath(folder / Path(value).expanduser()))
