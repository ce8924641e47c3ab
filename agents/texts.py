"""What an assistant says in its own name when no model speaks, in both languages."""

from __future__ import annotations

import re

from agents.types import Language

TEXTS: dict[str, dict[Language, str]] = {
    "not_found": {
        "zh": "抱歉，我在知识库里没有找到相关内容，无法回答这个问题。",
        "en": "Sorry, I found nothing about this in the knowledge base, so I cannot answer it.",
    },
    "blocked": {
        "zh": "抱歉，我无法就这个内容进行回复。",
        "en": "Sorry, I cannot reply to that.",
    },
    "steps_exhausted": {
        "zh": "（这个问题需要的步骤超过了上限，我先停在这里。）",
        "en": "(This question needs more steps than one answer may take, so I stop here.)",
    },
    "offline_note": {
        "zh": "_（当前没有配置语言模型：以上是知识库原文的摘录。设置环境变量 `OPENAI_API_KEY` 后重启，"
        "即可得到完整的回答。）_",
        "en": "_(No language model is configured: these are excerpts from the knowledge base. Set `OPENAI_API_KEY` "
        "and restart to get written answers.)_",
    },
    "offline_partly": {
        "zh": "没有找到确切的答案，最接近的内容是：",
        "en": "I found no exact answer; this comes closest:",
    },
    "offline_not_found": {
        "zh": "_（当前没有配置语言模型，我只能摘录知识库。设置环境变量 `OPENAI_API_KEY` 后重启，即可自由对话。）_",
        "en": "_(No language model is configured, so I can only quote the knowledge base. Set `OPENAI_API_KEY` and "
        "restart to talk freely.)_",
    },
    "offline_hello": {
        "zh": "你好！我可以根据知识库回答问题，并附上出处。{examples}",
        "en": "Hello! I answer questions from the knowledge base and name the source. {examples}",
    },
    "offline_thanks": {"zh": "不客气！", "en": "You are welcome!"},
    "offline_examples": {"zh": "例如：{questions}", "en": "For example: {questions}"},
    "offline_no_base": {
        "zh": "我还不能回答：这个助手既没有语言模型，也没有知识库。",
        "en": "I cannot answer yet: this assistant has neither a language model nor a knowledge base.",
    },
    "about": {"zh": "关于“{heading}”，还有哪些规定？", "en": "What else is there about “{heading}”?"},
}

_GREETING = (
    r"你好|您好|你好啊|大家好|哈喽|哈啰|嗨|嘿|早|早上好|上午好|中午好|下午好|晚上好|晚安|在吗|在么|再见|拜拜|"
    r"你是谁|你叫什么(?:名字)?|你能做什么|你会什么|你可以做什么|怎么用|帮助|"
    r"h[ie]|hello|hey|hiya|howdy|yo|good (?:morning|afternoon|evening|night|day)|bye|goodbye|see you|"
    r"who are you|what are you|what can you do|what do you do|how are you(?: doing)?|help|test|测试"
)
_THANKS = (
    r"谢谢|谢谢你|谢谢您|多谢|感谢|非常感谢|辛苦了|好的?|好的谢谢|明白了?|知道了|收到|不客气|没事了|"
    r"thanks?|thank you(?: so much| very much)?|thx|many thanks|cheers|ok(?:ay)?|got it|great|nice|perfect|cool|"
    r"understood"
)
_ADDRESS = r"(?:there|all|everyone|bot|a lot|啊|呀|呢|哦|了|啦|吗)"
_COURTESY = re.compile(
    rf"\W*(?:(?P<greeting>{_GREETING})|(?P<thanks>{_THANKS}))(?:\W*{_ADDRESS})?"
    rf"(?:\W+(?:{_GREETING}|{_THANKS})(?:\W*{_ADDRESS})?)*\W*",
    re.IGNORECASE,
)
COURTESY_MAX = 60


def say(key: str, language: Language, **values: str) -> str:
    """Return a text in a language, with `values` in it."""
    return TEXTS[key][language].format(**values)


def courtesy(text: str) -> str:
    """Return `greeting` or `thanks` when a message is nothing else, and an empty text when it asks something."""
    if len(text) > COURTESY_MAX:
        return ""
    found = _COURTESY.fullmatch(text)
    if found is None:
        return ""
    return "greeting" if found["greeting"] else "thanks"
