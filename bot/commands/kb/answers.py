"""/kb answers, /kb answer: fixed answers to questions."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.limits import permitted
from bot.access import person_of
from bot.commands.base import Call, Reply
from bot.commands.kb.choosing import first, scope_of, several
from bot.commands.kb.drafts import Draft, drafted, says_nothing
from bot.commands.kb.options import Asked, action_of, read
from bot.commands.kb.wording import button, code, counted, paragraph, prose, short
from channels.types import Action
from knowledge.types import Access

if TYPE_CHECKING:
    from knowledge.types import Annotation

PAGE = 15
QUESTION_MAX = 500
ANSWER_MAX = 4000
REMOVE = frozenset({"rm", "del", "delete", "remove", "删除", "移除"})


async def answers(call: Call, text: str) -> Reply:
    """List the fixed answers, the latest first."""
    asked = read(text)
    bases = several(call, asked)
    if isinstance(bases, Reply):
        return bases
    found: list[Annotation] = []
    for base in bases:
        opened = await call.services.library().base(base)
        found += sorted(await opened.annotations(scope_of(call)), key=lambda one: -one.number)
    if not found:
        return Reply(
            content=call.text(
                "还没有固定回答。用 `/kb answer 问题 => 回答` 添加，或回复我的某个回答并写 `/kb answer`。",
                "There are no fixed answers. `/kb answer QUESTION => ANSWER` makes one; so does `/kb answer` as a "
                "reply to one of my answers.",
            )
        )
    shown = found[asked.start : asked.start + PAGE]
    lines = [call.text(f"📌 {len(found)} 个固定回答", f"📌 {counted(len(found), 'fixed answer')}"), ""]
    lines += [_line(call, one, many=len(bases) > 1) for one in shown]
    lines += ["", call.text("删除：`/kb answer rm 编号`", "To remove one: `/kb answer rm NUMBER`")]
    return Reply(content="\n".join(lines), actions=_more(call, asked, len(found)))


async def answer(call: Call, text: str) -> Reply:
    """Fix the answer to a question, or remove a fixed answer."""
    action, rest = action_of(text)
    if action in REMOVE and re.match(r"#?\d+\b", rest):
        return await _remove(call, rest)
    asked = read(text, where="before")
    base = first(call, asked)
    if isinstance(base, Reply):
        return base
    recalled = await call.services.memory.recall(call.conversation, call.assistant.memory)
    draft = drafted(asked.text, call.message.quoted, recalled.messages, earlier=recalled.summary_access)
    # A role may have been taken away since: what was said under it is out of reach.
    if draft is None or not permitted(draft.access, scope_of(call)):
        return _unknown(call)
    if says_nothing(draft.answer, call.assistant.knowledge.not_found):
        return _empty(call, draft)
    if len(draft.question) > QUESTION_MAX or len(draft.answer) > ANSWER_MAX:
        return Reply(
            content=call.text(
                f"问题最长 {QUESTION_MAX} 个字符，回答最长 {ANSWER_MAX} 个字符。",
                f"A question has at most {QUESTION_MAX} characters, an answer {ANSWER_MAX}.",
            )
        )
    return await _store(call, base, _limited(draft, asked))


async def _store(call: Call, base: str, draft: Draft) -> Reply:
    opened = await call.services.library().base(base)
    author = person_of(call.message.sender)
    number = await opened.annotate(draft.question, draft.answer, access=draft.access, author=author)
    remove = f"/kb answer rm {number} base={base}"
    lines = [
        call.text(f"📌 固定回答 {number} 已存入 {code(base)}", f"📌 Fixed answer {number} is in {code(base)}"),
        "",
        f"**{call.text('问', 'Q')}** {prose(paragraph(draft.question, 300))}",
        f"**{call.text('答', 'A')}** {prose(paragraph(draft.answer, 600))}",
        "",
        _who(call, base, draft.access),
        call.text(
            f"有人问到几乎相同的问题时，会直接这样回答。删除：{code(remove)}",
            f"It is given whenever nearly the same is asked. To remove it: {code(remove)}",
        ),
    ]
    return Reply(content="\n".join(lines), actions=(button(call, call.text("🗑 删除", "🗑 Remove"), remove),))


async def _remove(call: Call, text: str) -> Reply:
    asked = read(text)
    bases = several(call, asked)
    if isinstance(bases, Reply):
        return bases
    match = re.fullmatch(r"#?(\d{1,12})", asked.text)
    if match is None:
        return Reply(
            content=call.text("请给出编号，例如 `/kb answer rm 3`。", "Give its number, as in `/kb answer rm 3`.")
        )
    number, library, scope = int(match[1]), call.services.library(), scope_of(call)
    holding = [
        name
        for name in bases
        if any(one.number == number for one in await (await library.base(name)).annotations(scope))
    ]
    if len(holding) > 1:
        actions = tuple(button(call, name, f"answer rm {number} base={name}") for name in holding)
        return Reply(content=call.text("哪个知识库的？", "Of which knowledge base?"), actions=actions)
    if holding and await (await library.base(holding[0])).unannotate(number):
        return Reply(content=call.text(f"🗑 固定回答 {number} 已删除。", f"🗑 Fixed answer {number} is removed."))
    return Reply(
        content=call.text(
            f"没有编号为 {number} 的固定回答。`/kb answers` 列出全部。",
            f"There is no fixed answer {number}. `/kb answers` lists them.",
        )
    )


def _limited(draft: Draft, asked: Asked) -> Draft:
    return replace(draft, access=(*draft.access, Access(roles=asked.roles))) if asked.roles else draft


def _who(call: Call, base: str, access: tuple[Access, ...]) -> str:
    settings = call.services.configuration().settings.knowledge[base]
    roles = [frozenset(settings.roles), *(one.roles for one in access)]
    every = list(dict.fromkeys(" / ".join(sorted(some)) for some in roles if some))
    chats = bool(settings.conversations) or any(one.conversations for one in access)
    parts = [call.text(f"角色 {code(some)}", f"the role {code(some)}") for some in every]
    parts += [call.text("限定的对话", "certain chats")] if chats else []
    if not parts:
        return call.text("👥 所有人都能得到这个回答。", "👥 Everyone may be given it.")
    limits = call.text("，且 ", ", and ").join(parts)
    return call.text(f"🔒 仅限{limits}。", f"🔒 Only for {limits}.")


def _line(call: Call, one: Annotation, *, many: bool) -> str:
    base = f"{code(one.base)} " if many else ""
    hits = call.text(f"给出 {one.hits} 次", f"given {one.hits}×")
    return (
        f"- **{one.number}** {base}{prose(paragraph(one.question, 80))} → {prose(paragraph(one.answer, 80))} ({hits})"
    )


def _more(call: Call, asked: Asked, count: int) -> tuple[Action, ...]:
    start = asked.start + PAGE
    if start >= count:
        return ()
    base = f" base={short(asked.base)}" if asked.base else ""
    return (button(call, call.text("下一页", "More"), f"answers{base} from={start}"),)


def _empty(call: Call, draft: Draft) -> Reply:
    question = prose(paragraph(draft.question, 200))
    return Reply(
        content=call.text(
            f"上一个回答只是说没有找到。请写出“{question}”的正确回答：\n`/kb answer 正确的回答`",
            f"That answer only says that nothing was found. Write what “{question}” should be answered with:\n"
            "`/kb answer THE RIGHT ANSWER`",
        )
    )


def _unknown(call: Call) -> Reply:
    return Reply(
        content=call.text(
            "没有找到对应的问题和回答。可以这样写：\n`/kb answer 年假有几天？ => 满一年后每年 10 天。`",
            "I cannot find the question and answer meant. Write them out:\n"
            "`/kb answer How many days of leave? => Ten a year.`",
        )
    )
