"""Commands on people and rights: /whoami, /claim."""

from __future__ import annotations

from bot.commands.base import Call, Command, Reply


async def whoami(call: Call) -> Reply:
    """Show the platform's id of the sender and their roles."""
    sender = call.message.sender
    rows = [
        (call.text("平台", "Platform"), f"{sender.channel} ({sender.account})"),
        (call.text("用户 ID", "User id"), f"`{sender.user}`"),
        (call.text("角色", "Roles"), ", ".join(sorted(call.principal.roles)) or call.text("成员", "member")),
    ]
    return Reply(content="\n".join(f"- {label}: {value}" for label, value in rows))


async def claim(call: Call) -> Reply:
    """Become the first owner with the code that the first start printed."""
    if not call.message.private:
        return Reply(
            content=call.text(
                "请在私聊中使用 /claim：这里其他人能看到口令。",
                "Use /claim in a private chat: here others can read the code.",
            )
        )
    if await call.services.access.claim(call.message.sender, call.arguments):
        return Reply(content=call.text("🔑 您现在是所有者。", "🔑 You are an owner now."))
    return Reply(
        content=call.text(
            "口令不正确、已被使用，或尝试次数过多（每小时 5 次）。",
            "The code is wrong, was used already, or there were too many tries (5 an hour).",
        )
    )


COMMANDS = (
    Command(
        name="whoami",
        aliases=("我是谁",),
        run=whoami,
        summary={"zh": "查看您的平台 ID 和角色", "en": "Show your platform id and your roles"},
    ),
    Command(
        name="claim",
        arguments="CODE",
        run=claim,
        summary={"zh": "用首次启动时显示的口令成为所有者", "en": "Become the owner with the code of the first start"},
    ),
)
