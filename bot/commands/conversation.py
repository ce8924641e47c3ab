"""Commands on the conversation itself: /new, /stop, /status."""

from __future__ import annotations

from bot.access import person_of
from bot.commands.base import Call, Command, Reply
from bot.control import Signal


async def new(call: Call) -> Reply:
    """Forget the conversation and begin again."""
    await call.services.memory.forget(call.conversation)
    content = call.text(
        "✨ 新的对话开始了，之前的内容已忘记。", "✨ A new conversation; what came before is forgotten."
    )
    if call.assistant.opening:
        content += f"\n\n{call.assistant.opening}"
    return Reply(content=content, suggestions=call.assistant.questions)


async def stop(call: Call) -> Reply:
    """Stop the running turn, wherever it runs; the turn itself says that it was stopped."""
    _, running = await call.services.lanes.depth(call.conversation)
    if not running:
        return Reply(content=call.text("现在没有正在进行的回答。", "Nothing is being answered right now."))
    signal = Signal(kind="stop", conversation=call.conversation, by=person_of(call.message.sender))
    await call.services.control.send(signal)
    return Reply(content="")


async def status(call: Call) -> Reply:
    """Show who answers here, how things are, and what the conversation is called in the configuration."""
    waiting, running = await call.services.lanes.depth(call.conversation)
    model = call.services.configuration().settings.models[call.assistant.model]
    rows = [
        (call.text("助手", "Assistant"), call.assistant.name),
        (call.text("模型", "Model"), _model(call, model.provider, model.model)),
        (call.text("知识库", "Knowledge"), ", ".join(call.assistant.knowledge.bases) or "–"),
        (call.text("正在回答", "Answering now"), call.text("是", "yes") if running else call.text("否", "no")),
        (call.text("排队的消息", "Messages waiting"), str(max(waiting - running, 0))),
        (call.text("会话", "Conversation"), f"`{call.conversation}`"),
        (call.text("版本", "Version"), call.services.version),
    ]
    return Reply(content="\n".join(f"- {label}: {value}" for label, value in rows))


def _model(call: Call, provider: str, model: str) -> str:
    if provider == "offline":
        return call.text("offline（未配置语言模型）", "offline (no language model is configured)")
    return f"{model} ({call.assistant.model})"


COMMANDS = (
    Command(
        name="new",
        aliases=("reset", "新对话"),
        run=new,
        summary={"zh": "开始新的对话，忘记之前的内容", "en": "Start a new conversation and forget this one"},
    ),
    Command(
        name="stop",
        aliases=("停止",),
        run=stop,
        beside=True,
        summary={"zh": "停止正在生成的回答", "en": "Stop the answer that is being written"},
    ),
    Command(
        name="status",
        aliases=("状态",),
        run=status,
        beside=True,
        summary={"zh": "查看当前助手、模型和排队情况", "en": "Show the assistant, its model and what waits"},
    ),
)
