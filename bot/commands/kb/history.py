"""/kb revisions, /kb rollback, /kb stats: what happened to a base, and how it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.commands.base import Call, Reply
from bot.commands.kb import failures
from bot.commands.kb.choosing import chosen, several
from bot.commands.kb.options import read
from bot.commands.kb.wording import button, code, counted, paragraph, prose
from knowledge.errors import UnknownRevision

if TYPE_CHECKING:
    from knowledge.catalogue.file import Revision
    from knowledge.status import BaseStatus

LISTED_MAX = 10
_STATES = {
    "waiting": ("⏸ 未打开", "⏸ not opened"),
    "indexing": ("⏳ 正在建立索引", "⏳ being indexed"),
    "ready": ("✅ 就绪", "✅ ready"),
    "failed": ("❌ 出错", "❌ failed"),
}
_VERBS = {"sync": "同步", "add": "添加", "remove": "删除", "blocked": "删除", "back to": "回到", "joined": "合并"}


async def revisions(call: Call, text: str) -> Reply:
    """List what can be rolled back to, latest first."""
    base = chosen(call, read(text if "=" in text or "＝" in text or not text else f"base={text}"))
    if isinstance(base, Reply):
        return base
    opened = await call.services.library().base(base)
    kept = await opened.revisions()
    if not kept:
        return Reply(content=call.text(f"{code(base)} 还没有版本。", f"{code(base)} has no revisions yet."))
    lines = [call.text(f"🕘 {code(base)} 的版本", f"🕘 Revisions of {code(base)}"), ""]
    lines += [_line(call, one) for one in kept[:LISTED_MAX]]
    more = len(kept) - LISTED_MAX
    lines += [call.text(f"- ……还有 {more} 个更早的", f"- … and {more} older ones")] if more > 0 else []
    lines += ["", call.text("回到某个版本：`/kb rollback 编号`", "To go back to one: `/kb rollback NUMBER`")]
    return Reply(content="\n".join(lines))


async def rollback(call: Call, text: str) -> Reply:
    """Make a base what it was at a revision; asks first."""
    asked = read(text)
    base = chosen(call, asked)
    if isinstance(base, Reply):
        return base
    if not re.fullmatch(r"[0-9]{1,9}", asked.text):
        listing = await revisions(call, f"base={base}")
        return Reply(content=f"{call.text('回到哪个版本？', 'Back to which revision?')}\n\n{listing.content}")
    number = int(asked.text)
    opened = await call.services.library().base(base)
    now = await opened.revision()
    if number == now:
        return Reply(
            content=call.text(f"{code(base)} 现在就是版本 {number}。", f"{code(base)} is at revision {number} now.")
        )
    if not asked.sure:
        return await _confirm(call, base, number, await opened.revisions())
    made = await opened.roll_back(number)
    undo = f"/kb rollback {now} base={base}"
    return Reply(
        content=call.text(
            f"↩️ {code(base)} 已回到版本 {number}（新版本 {made}）。之后的同步不会把撤销的内容带回来，除非它有变化。\n\n"
            f"撤销：{code(undo)}",
            f"↩️ {code(base)} is as it was at revision {number} (this is revision {made}). Later syncs leave "
            f"it so until a document changes.\n\nTo undo: {code(undo)}",
        )
    )


async def stats(call: Call, text: str) -> Reply:
    """Show how the bases are."""
    bases = several(call, read(text if "=" in text or "＝" in text or not text else f"base={text}"))
    if isinstance(bases, Reply):
        return bases
    states = {one.name: one for one in await call.services.library().status()}
    blocks = ["\n".join(_state(call, states[name], full=True)) for name in bases if name in states]
    return Reply(content="\n\n".join(blocks))


async def states(call: Call, bases: list[str]) -> list[str]:
    """Return a line for each base."""
    found = {one.name: one for one in await call.services.library().status()}
    return [line for name in bases if name in found for line in _state(call, found[name], full=False)]


def _state(call: Call, one: BaseStatus, *, full: bool) -> list[str]:
    state = call.text(*_STATES[one.state])
    counts = call.text(
        f"{one.documents} 个文档，{one.chunks} 段",
        f"{counted(one.documents, 'document')}, {counted(one.chunks, 'passage')}",
    )
    line = f"{code(one.name)} {state} · {counts}" if one.state == "ready" else f"{code(one.name)} {state}"
    if not full:
        return [f"- {line}"]
    lines = [line, ""]
    if one.state == "ready":
        lines.append(
            call.text(f"- 版本 {one.revision}，向量 {one.vectors}", f"- revision {one.revision}, {one.vectors} vectors")
        )
    if one.synced_at:
        when = _time(one.synced_at)
        lines.append(call.text(f"- 上次同步 {when}", f"- last sync {when}"))
    if one.error and call.message.private:
        lines.append(f"- {prose(paragraph(one.error, 200))}")
    return [*lines, *failures.recorded(call, one.failed)]


def _line(call: Call, one: Revision) -> str:
    changes = [f"{sign}{count}" for sign, count in (("+", one.added), ("~", one.changed), ("−", one.removed)) if count]
    # A note names documents, which not everybody in a group may know of.
    note = code(_note(call, one.note), limit=50) if one.note and call.message.private else ""
    return " · ".join(filter(None, (f"- **{one.number}**", _time(one.at), " ".join(changes), note)))


def _note(call: Call, note: str) -> str:
    """Return what the core noted down, its verb in the person's language."""
    for verb, zh in _VERBS.items():
        if note == verb or note.startswith(f"{verb} "):
            return call.text(f"{zh}{note.removeprefix(verb)}", note)
    return note


async def _confirm(call: Call, base: str, number: int, kept: list[Revision]) -> Reply:
    later = [one for one in kept if one.number > number]
    if not any(one.number == number for one in kept):
        raise UnknownRevision(str(number))
    label = call.text(f"↩️ 回到版本 {number}", f"↩️ Back to {number}")
    action = button(call, label, f"rollback {number} base={base} sure=yes")
    lines = [
        call.text(
            f"把 {code(base)} 恢复到版本 {number} 吗？将撤销：",
            f"Take {code(base)} back to revision {number}? This undoes:",
        )
    ]
    lines += ["", *(_line(call, one) for one in later[:LISTED_MAX])]
    return Reply(content="\n".join(lines), actions=(action,))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%m-%d %H:%M")
