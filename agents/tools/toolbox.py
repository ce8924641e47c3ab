"""The tools that are installed: ours by name, others through the entry-point group `parley.tools`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points

from redis.asyncio import Redis

from agents.base import Tool
from agents.errors import UnknownTool
from knowledge.base import Retriever

GROUP = "parley.tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServices:
    """What built-in tools stand on; `key` names a key of a conversation, by its suffix."""

    retriever: Retriever
    redis: Redis
    key: Callable[[str, str], str]
    clock: Callable[[], datetime]


def _current_time(services: ToolServices) -> Tool:
    from agents.tools.current_time import CurrentTime

    return CurrentTime(services.clock)


def _calculate(_: ToolServices) -> Tool:
    from agents.tools.calculate import Calculate

    return Calculate()


def _search_knowledge(services: ToolServices) -> Tool:
    from agents.tools.search_knowledge import SearchKnowledge

    return SearchKnowledge(services.retriever)


def _take_note(services: ToolServices) -> Tool:
    from agents.tools.notes import Notes, TakeNote

    return TakeNote(Notes(services.redis, services.key))


def _list_notes(services: ToolServices) -> Tool:
    from agents.tools.notes import ListNotes, Notes

    return ListNotes(Notes(services.redis, services.key))


BUILT_IN: Mapping[str, Callable[[ToolServices], Tool]] = {
    "calculate": _calculate,
    "current_time": _current_time,
    "list_notes": _list_notes,
    "search_knowledge": _search_knowledge,
    "take_note": _take_note,
}
"""A new tool is one file and one line here."""


def installed_tools() -> tuple[str, ...]:
    """Return the names of the tools that an assistant may use, ours and those of installed packages."""
    return tuple(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))}))


class Toolbox:
    """Tools by name; each is made when first used. `extra` come before the installed ones."""

    def __init__(self, services: ToolServices, *, extra: Iterable[Tool] = ()) -> None:
        self._services = services
        self._made: dict[str, Tool] = {tool.name: tool for tool in extra}

    def names(self) -> tuple[str, ...]:
        """Return the names of all tools in this box."""
        return tuple(sorted({*installed_tools(), *self._made}))

    def get(self, name: str) -> Tool:
        """Return a tool.

        Raises:
            UnknownTool: no tool of that name is installed.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def has_effects(self, names: Iterable[str]) -> bool:
        """Return whether any of these tools does more than read."""
        return any(self.get(name).effect != "read" for name in names)

    def _make(self, name: str) -> Tool:
        if name in BUILT_IN:
            return BUILT_IN[name](self._services)
        for entry in entry_points(group=GROUP, name=name):
            loaded = entry.load()
            tool: Tool = loaded() if isinstance(loaded, type) else loaded
            return tool
        raise UnknownTool(f"no tool `{name}` is installed (there are: {', '.join(self.names())})")
