"""Commands on assistants: /assistants, /use."""

from __future__ import annotations

import difflib

from bot.commands.base import Call, Command, Reply
from bot.texts import say
from channels.types import Action


async def assistants(call: Call) -> Reply:
    """List the assistants, with a button for each."""
    everyone = call.services.configuration().assistants
    lines = [
        f"- {'✅ ' if name == call.assistant.name else ''}**{name}** {assistant.description}".rstrip()
        for name, assistant in everyone.items()
    ]
    others = [name for name in everyone if name != call.assistant.name]
    actions = tuple(Action(label=name, text=f"/use {name}") for name in others)
    hint = call.text("发送 `/use 名称` 切换。", "Send `/use NAME` to switch.")
    return Reply(content="\n".join([*lines, "", hint]), actions=actions)


async def use(call: Call) -> Reply:
    """Choose the assistant of this conversation."""
    everyone = call.services.configuration().assistants
    if not call.arguments:
        return await assistants(call)
    chosen = everyone.get(call.arguments)
    if chosen is None:
        close = difflib.get_close_matches(call.arguments, list(everyone), n=1)
        actions = tuple(Action(label=name, text=f"/use {name}") for name in close)
        return Reply(content=say("unknown_assistant", call.language, name=call.arguments[:64]), actions=actions)
    await call.services.profiles.use(call.conversation, chosen.name)
    content = call.text(f"现在由 **{chosen.name}** 为您服务。", f"**{chosen.name}** answers here now.")
    return Reply(content=f"{content}\n\n{chosen.opening or ''}".strip(), suggestions=chosen.questions)


COMMANDS = (
    Command(
        name="assistants",
        aliases=("助手",),
        run=assistants,
        summary={"zh": "列出可用的助手", "en": "List the assistants"},
    ),
    Command(
        name="use",
        aliases=("使用",),
        arguments="NAME",
        run=use,
        summary={"zh": "在此对话中换一个助手", "en": "Choose the assistant of this conversation"},
    ),
)
