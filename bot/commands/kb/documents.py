"""/kb ls, /kb rm, /kb restore: the documents of a base."""

from __future__ import annotations

import difflib
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bot.commands.base import Call, Reply
from bot.commands.kb.choosing import chosen, known, scope_of
from bot.commands.kb.options import Asked, read
from bot.commands.kb.wording import button, code, counted, short
from channels.types import Action

if TYPE_CHECKING:
    from knowledge.opened import OpenBase
    from knowledge.types import DocumentInfo

PAGE = 20
NAMED_MAX = 10
CLOSE_MAX = 4


async def ls(call: Call, text: str) -> Reply:
    """List documents, a page at a time; a pattern chooses among them."""
    asked = read(text)
    asked_base, pattern = _base_and_pattern(call, asked)
    base = chosen(call, asked_base)
    if isinstance(base, Reply):
        return base
    opened = await call.services.library().base(base)
    every = [one for one in await opened.documents(scope_of(call)) if not one.blocked]
    matching = [one for one in every if _matches(one, pattern)]
    if not matching:
        return _none(call, base, pattern)
    shown = matching[asked.start : asked.start + PAGE]
    lines = [_heading(call, base, len(matching), asked.start, len(shown)), ""]
    lines += [_line(call, one) for one in shown]
    if call.message.private:
        lines += _apart(call, await opened.documents(None), seen=len(every))
    return Reply(content="\n".join(lines), actions=_more(call, base, pattern, asked.start + PAGE, len(matching)))


async def rm(call: Call, text: str) -> Reply:
    """Take out a document, or something that was added with all of its documents."""
    asked = read(text)
    base = chosen(call, asked)
    if isinstance(base, Reply):
        return base
    if not asked.text:
        return Reply(
            content=call.text("要删除什么？例如 `/kb rm 报销.pdf`", "Remove what? For example `/kb rm travel.pdf`")
        )
    opened = await call.services.library().base(base)
    found = await _resolved(call, opened, asked.text)
    if len(found) != 1:
        return await _unclear(call, opened, asked.text, found)
    name = found[0]
    count = await _count(opened, name)
    if count > 1 and not asked.sure:
        return _confirm(call, base, name, count)
    before = await opened.revision()
    gone = await call.services.library().remove(base, name)
    return _removed(call, base, name, gone, before)


async def restore(call: Call, text: str) -> Reply:
    """Let a document that was removed in again."""
    asked = read(text)
    base = chosen(call, asked)
    if isinstance(base, Reply):
        return base
    opened = await call.services.library().base(base)
    blocked = [one.document for one in await opened.documents(scope_of(call)) if one.blocked]
    if not asked.text:
        return _restorable(call, base, blocked)
    # A document that a rollback holds back is not blocked: it is named whole.
    found = _among(asked.text, blocked) or [asked.text]
    if len(found) != 1:
        return Reply(content=_which(call), actions=_buttons(call, "restore", base, found))
    report = await call.services.library().restore(base, found[0])
    back = report.added + report.changed
    if back:
        return Reply(content=call.text(f"✅ 已恢复 {code(found[0])}", f"✅ {code(found[0])} is back"))
    return Reply(
        content=call.text(
            f"{code(found[0])} 不再被阻止；来源里没有它，或它没有变化。上传的文件删除后请重新发送。",
            f"{code(found[0])} is not kept out any more, but no source has it. Send a removed upload again.",
        )
    )


def _base_and_pattern(call: Call, asked: Asked) -> tuple[Asked, str]:
    """Read `/kb ls hr *.pdf`: a first word that is a base names it."""
    word, _, rest = asked.text.partition(" ")
    if not asked.base and word in known(call):
        return replace(asked, base=word), rest.strip()
    return asked, asked.text


def _matches(one: DocumentInfo, pattern: str) -> bool:
    wanted = pattern.casefold()
    if not wanted:
        return True
    names = (one.document.casefold(), one.title.casefold())
    if any(character in wanted for character in "*?["):
        return any(fnmatchcase(name, wanted) or fnmatchcase(name.rpartition("/")[2], wanted) for name in names)
    return any(wanted in name for name in names)


def _heading(call: Call, base: str, count: int, start: int, shown: int) -> str:
    which = f" ({start + 1}–{start + shown})" if count > shown else ""
    return call.text(f"📚 {code(base)}：{count} 个文档{which}", f"📚 {code(base)}: {counted(count, 'document')}{which}")


def _apart(call: Call, everything: list[DocumentInfo], *, seen: int) -> list[str]:
    """Return how many documents are not listed, and why."""
    removed = sum(one.blocked for one in everything)
    hidden = len(everything) - removed - seen
    lines = [call.text(f"🔒 另有 {hidden} 个您无权查看", f"🔒 and {hidden} that you may not see")] if hidden > 0 else []
    if removed:
        lines.append(call.text(f"⛔ {removed} 个已删除：`/kb restore`", f"⛔ {removed} removed: `/kb restore`"))
    return ["", *lines] if lines else []


def _line(call: Call, one: DocumentInfo) -> str:
    notes = [call.text(f"{one.chunks} 段", counted(one.chunks, "passage"))]
    roles = sorted({role for access in one.access for role in access.roles})
    notes += [f"🔒 {short(', '.join(roles), 40)}"] if roles else []
    if any(access.conversations for access in one.access):
        notes.append(call.text("🔒 限定对话", "🔒 some chats"))
    notes += [f"🏷 {short(', '.join(sorted(one.tags)), 40)}"] if one.tags else []
    return f"- {code(one.document)} · {' · '.join(notes)}"


def _more(call: Call, base: str, pattern: str, start: int, count: int) -> tuple[Action, ...]:
    if start >= count:
        return ()
    words = " ".join(filter(None, ("ls", pattern, f"base={base} from={start}")))
    return (button(call, call.text(f"下一页（还有 {count - start}）", f"More ({count - start})"), words),)


def _none(call: Call, base: str, pattern: str) -> Reply:
    if pattern:
        return Reply(
            content=call.text(
                f"{code(base)} 中没有匹配 {code(pattern)} 的文档。", f"Nothing in {code(base)} matches {code(pattern)}."
            )
        )
    return Reply(
        content=call.text(
            f"{code(base)} 里还没有您能看到的文档。发送文件并写 `/kb add` 即可添加。",
            f"{code(base)} has no documents that you may see. Send a file with `/kb add` to add one.",
        )
    )


async def _resolved(call: Call, base: OpenBase, name: str) -> list[str]:
    """Return the documents or additions that a name means: itself, or those that end with it as a file name."""
    seen = [one.document for one in await base.documents(scope_of(call)) if not one.blocked]
    found = _among(name, [*seen, *await _additions(call, base)])
    if found or not call.message.private:
        return found
    # Whoever knows the whole name of what they may not read can still take it out.
    every = [one.document for one in await base.documents(None) if not one.blocked]
    return [one for one in dict.fromkeys([*every, *(one.value for one in await base.additions())]) if one == name]


async def _additions(call: Call, base: OpenBase) -> list[str]:
    scope = scope_of(call)
    return [one.value for one in await base.additions() if one.access.permits(scope)]


def _among(name: str, names: list[str]) -> list[str]:
    if name in names:
        return [name]
    wanted = name.casefold()
    found = [one for one in names if wanted in (one.casefold(), one.casefold().rpartition("/")[2])]
    return list(dict.fromkeys(found))


async def _count(base: OpenBase, name: str) -> int:
    addition = next((one for one in await base.additions() if one.value == name), None)
    return 1 if addition is None else max(addition.documents, 1)


async def _unclear(call: Call, base: OpenBase, wanted: str, found: list[str]) -> Reply:
    if found:
        return Reply(content=_which(call), actions=_buttons(call, "rm", base.name, found))
    documents = [one.document for one in await base.documents(scope_of(call)) if not one.blocked]
    actions = _buttons(call, "rm", base.name, _near(wanted, [*documents, *await _additions(call, base)]))
    hint = (
        call.text("您是指：", " Did you mean:") if actions else call.text("用 `/kb ls` 查看。", " `/kb ls` lists them.")
    )
    where, what = code(base.name), code(wanted)
    return Reply(
        content=call.text(f"{where} 中没有 {what}。{hint}", f"There is no {what} in {where}.{hint}"), actions=actions
    )


def _near(wanted: str, names: list[str]) -> list[str]:
    """Return names that hold the one wanted, and names that are written nearly so."""
    by_end = {one.rpartition("/")[2].casefold(): one for one in names}
    near = difflib.get_close_matches(wanted.casefold(), list(by_end), n=CLOSE_MAX, cutoff=0.4)
    inside = [one for one in names if wanted.casefold() in one.casefold()]
    return list(dict.fromkeys([*inside, *(by_end[one] for one in near)]))


def _which(call: Call) -> str:
    return call.text("有几个都叫这个名字，是哪一个？", "Several are named so. Which one?")


def _buttons(call: Call, action: str, base: str, names: list[str]) -> tuple[Action, ...]:
    return tuple(button(call, short(one, 40), f"{action} {one} base={base}") for one in names[:CLOSE_MAX])


def _confirm(call: Call, base: str, name: str, count: int) -> Reply:
    label = call.text(f"🗑 删除 {count} 个文档", f"🗑 Remove {count} documents")
    action = button(call, label, f"rm {name} base={base} sure=yes")
    return Reply(
        content=call.text(
            f"{code(name)} 带来了 {count} 个文档，全部删除吗？",
            f"{code(name)} has brought {count} documents. Remove them all?",
        ),
        actions=(action,),
    )


def _removed(call: Call, base: str, name: str, gone: tuple[str, ...], before: int) -> Reply:
    lines = [call.text(f"🗑 已从 {code(base)} 删除 {code(name)}", f"🗑 Removed {code(name)} from {code(base)}")]
    if len(gone) > 1 and call.message.private:
        lines += ["", *(f"- {code(one)}" for one in gone[:NAMED_MAX])]
        more = len(gone) - NAMED_MAX
        lines += [call.text(f"- ……还有 {more} 个", f"- … and {more} more")] if more > 0 else []
    undo = f"/kb rollback {before} base={base}"
    lines += ["", call.text(f"撤销：{code(undo)}", f"To undo: {code(undo)}")]
    return Reply(content="\n".join(lines), actions=(button(call, call.text("↩️ 撤销", "↩️ Undo"), undo),))


def _restorable(call: Call, base: str, blocked: list[str]) -> Reply:
    if not call.message.private:
        # Nobody knows any more who might see what was removed.
        return Reply(content=call.text("请在私聊中查看，或写明名称。", "Ask in private, or give the name."))
    if not blocked:
        return Reply(content=call.text(f"{code(base)} 中没有被删除的文档。", f"Nothing of {code(base)} is kept out."))
    content = call.text("恢复哪一个？", "Which one should come back?")
    return Reply(content=content, actions=_buttons(call, "restore", base, blocked))
