"""The table of chat commands, and how a message is read as one.

Commands are read from a person's own message only: never from quotes, documents, tool output or a model.
"""

from __future__ import annotations

import difflib
import re

from bot.commands import assistants, conversation, people
from bot.commands.base import Call, Command, Reply, Texts
from bot.commands.kb import family as kb
from bot.texts import say
from channels.types import CommandEntry, InboundMessage

FAMILIES = (conversation, assistants, kb, people)

HELP_SUMMARY: Texts = {"zh": "显示可用的命令", "en": "Show what you can do here"}

_COMMAND = re.compile(r"^\s*[/／]([A-Za-z_\u4e00-\u9fff]{1,32})(?:\s+(.*))?$", re.DOTALL)


class CommandTable:
    """All commands of all families, by name and alias."""

    def __init__(self) -> None:
        self.commands = (
            Command(name="help", aliases=("帮助",), run=self._help, summary=HELP_SUMMARY),
            *(command for family in FAMILIES for command in family.COMMANDS),
        )
        self._by_name = {name: command for command in self.commands for name in (command.name, *command.aliases)}

    def parse(self, message: InboundMessage) -> tuple[str, str] | None:
        """Return the command's name as written and its arguments, or None for a message that is none.

        A path such as `/etc/hosts` is no command: a name ends at a space or at the end of the text.
        """
        if message.kind == "event" or message.history is not None:
            return None
        match = _COMMAND.match(message.text)
        return (match[1].lower(), (match[2] or "").strip()) if match else None

    def is_beside(self, message: InboundMessage) -> bool:
        """Return whether the message must not wait behind a running turn."""
        parsed = self.parse(message)
        command = self._by_name.get(parsed[0]) if parsed else None
        return command is not None and command.beside

    async def run(self, name: str, call: Call) -> Reply:
        """Run a command if the principal may, and return what it answers."""
        command = self._by_name.get(name)
        if command is None:
            return self._unknown(name, call)
        if not call.services.access.may(call.principal, command.who):
            return _refused(command, call)
        reply: Reply = await command.run(call)
        return reply

    def stopped(self, name: str, call: Call) -> Reply:
        """Return what a person reads after a command was broken off with /stop."""
        command = self._by_name.get(name)
        more = command.stopped[call.language] if command and command.stopped else ""
        return Reply(content=f"{say('stopped', call.language)} {more}".strip())

    def menu(self) -> tuple[CommandEntry, ...]:
        """Return the entries of a platform's command menu, in both languages."""
        return tuple(
            CommandEntry(name=command.name, description=summary, language=language)
            for command in self.commands
            if command.who == "everyone"
            for language, summary in command.summary.items()
        )

    async def _help(self, call: Call) -> Reply:
        lines = [f"**{call.assistant.name}** {call.assistant.description}".strip(), ""]
        for command in self.commands:
            if call.services.access.may(call.principal, command.who):
                usage = f"/{command.name} {command.arguments}".strip()
                lines.append(f"- `{usage}` {command.summary[call.language]}")
        return Reply(content="\n".join(lines), suggestions=call.assistant.questions)

    def _unknown(self, name: str, call: Call) -> Reply:
        close = difflib.get_close_matches(name, list(self._by_name), n=1)
        hint = call.text(f"您是否想用 /{close[0]}？", f" Did you mean /{close[0]}?") if close else ""
        return Reply(
            content=call.text(
                f"没有 /{name} 这个命令。{hint}发送 /help 查看所有命令。",
                f"There is no command /{name}.{hint} Send /help for the list.",
            )
        )


def _refused(command: Command, call: Call) -> Reply:
    name = f"/{command.name}"
    if command.who == "admin":
        return Reply(
            content=call.text(
                f"{name} 仅供管理员使用。发送 /whoami 可查看您的角色；所有者可以在配置中为您添加角色 admin。",
                f"{name} is for administrators only. /whoami shows your roles; an owner can give you the role "
                "admin in the configuration.",
            )
        )
    return Reply(content=call.text(f"只有所有者可以使用 {name}。", f"Only an owner may use {name}."))
