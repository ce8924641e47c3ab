"""What the terminal itself says, in both languages, and which of them the person reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["zh", "en"]

TEXTS: Mapping[str, Mapping[Language, str]] = {
    "prompt": {"zh": "你 › ", "en": "you › "},
    "thinking": {"zh": "正在思考…", "en": "Thinking…"},
    "stopping": {"zh": "正在停止…再按一次 Ctrl-C 退出", "en": "Stopping… Ctrl-C again leaves"},
    "sources": {"zh": "来源", "en": "Sources"},
    "choices": {"zh": "输入序号即可发送：", "en": "Type a number to send it:"},
    "welcome": {
        "zh": "输入问题开始聊天，/help 查看命令，Ctrl-C 退出。",
        "en": "Ask away. /help lists commands, Ctrl-C leaves.",
    },
    "busy": {"zh": "消息太多了，请稍后再发。", "en": "Too many messages are waiting; try again in a moment."},
    "bye": {"zh": "再见！", "en": "Bye!"},
}

# Escape sequences in a model's answer could rewrite the screen, set the title or fill the clipboard;
# bidirectional controls could show text in an order that is not the real one.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return the text without characters that would do something to the terminal instead of being shown."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def language_of_environment(environment: Mapping[str, str]) -> Language:
    """Return the language that the person's locale asks for.

    Source: POSIX.1-2017, Base Definitions 8.2: LC_ALL before LC_MESSAGES before LANG.
    """
    named = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if (next((value for value in named if value), "")).lower().startswith("zh") else "en"
