"""What the bot itself says, in both languages; assistants bring their own texts."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["zh", "en"]

TEXTS: dict[str, dict[Language, str]] = {
    "busy": {
        "zh": "消息太多了，我还没来得及回答前面的。请稍等片刻再发。",
        "en": "That is more than I can keep up with. Please wait for my answers, then send it again.",
    },
    "stopped": {"zh": "⏹ 已停止。", "en": "⏹ Stopped."},
    "interrupted": {"zh": "⏹ 已转到您的新消息。", "en": "⏹ Moving on to your new message."},
    "model_failed": {
        "zh": "抱歉，语言模型暂时没有应答，请稍后再试。（编号 {trace}）",
        "en": "Sorry, the language model did not answer. Please try again in a moment. (ref. {trace})",
    },
    "model_refused": {
        "zh": "抱歉，语言模型拒绝了这个请求，请联系管理员。（编号 {trace}）",
        "en": "Sorry, the language model refused this request. Please tell an administrator. (ref. {trace})",
    },
    "too_slow": {
        "zh": "抱歉，这个回答超过了 {seconds} 秒的时限。请把问题拆小一些再试。（编号 {trace}）",
        "en": "Sorry, this took longer than {seconds} seconds. Please try a smaller question. (ref. {trace})",
    },
    "failed": {
        "zh": "抱歉，处理这条消息时出错了，错误已记录。（编号 {trace}）",
        "en": "Sorry, something went wrong with this message; it has been recorded. (ref. {trace})",
    },
    "gave_up": {
        "zh": "抱歉，多次尝试后仍无法处理这条消息，已转交运维人员。（编号 {trace}）",
        "en": "Sorry, I could not process this message after several tries; an operator will see it. (ref. {trace})",
    },
    "too_long": {
        "zh": "这条消息有 {length} 个字符，超过了 {limit} 的上限，请缩短后再发。",
        "en": "This message has {length} characters, more than the limit of {limit}. Please shorten it.",
    },
    "unknown_assistant": {
        "zh": "没有名为“{name}”的助手。发送 /assistants 查看可用的助手。",
        "en": "There is no assistant “{name}”. Send /assistants to see which there are.",
    },
    "attachment": {"zh": "[附件：{kind} {name}]", "en": "[attachment: {kind} {name}]"},
    "hello": {"zh": "你好！请直接提问，发送 /help 查看命令。", "en": "Hello! Just ask. Send /help for commands."},
}

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[A-Za-z]{2,}")


def say(text: str, language: Language, **values: object) -> str:
    """Return a text in a language with its values put in."""
    return TEXTS[text][language].format(**values)


def language_of(text: str, *, hint: str | None = None, fixed: str = "auto") -> Language:
    """Return the language to answer in: `fixed` if it is one, else the text's own, else the platform's `hint`."""
    if fixed == "zh":
        return "zh"
    if fixed == "en":
        return "en"
    han, words = len(_HAN.findall(text)), len(_LETTER.findall(text))
    if han == words == 0:
        return "zh" if (hint or "").lower().startswith("zh") else "en"
    # A Chinese sentence may hold a few English terms; an English one rarely holds as many characters as words.
    return "zh" if han > words else "en"
