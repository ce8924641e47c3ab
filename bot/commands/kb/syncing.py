"""/kb sync: bring bases up to date with their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.base import Call, Reply
from bot.commands.kb import failures
from bot.commands.kb.choosing import several
from bot.commands.kb.options import read
from bot.commands.kb.shown import Shown, shown
from bot.commands.kb.wording import button, code, counted

if TYPE_CHECKING:
    from knowledge.ingest.progress import Report

WAIT_S = 600.0


async def sync(call: Call, text: str) -> Reply:
    """Look at the sources of the named base, or of all that the assistant answers from."""
    asked = read(text if "=" in text or "＝" in text or not text else f"base={text}")
    bases = several(call, asked)
    if isinstance(bases, Reply):
        return bases
    lines: list[str] = []
    undo: list[str] = []
    async with shown(call) as show:
        for base in bases:
            show.prefix = f"{base}: " if len(bases) > 1 else ""
            lines += await _one(call, base, show, undo)
    actions = tuple(button(call, call.text("↩️ 撤销", "↩️ Undo"), words) for words in undo) if len(undo) == 1 else ()
    return Reply(content="\n".join(lines).strip(), actions=actions)


async def _one(call: Call, base: str, show: Shown, undo: list[str]) -> list[str]:
    library = call.services.library()
    opened = await library.base(base)
    before = await opened.revision()
    report = await library.sync(base, progress=show.tell, wait_s=WAIT_S)
    lines = [_summary(call, base, report)]
    if report.held:
        lines.append(
            call.text(
                f"- {report.held} 个文档因回滚而保持不变（`/kb restore 名称` 可恢复）",
                f"- {counted(report.held, 'document')} left as a rollback made them "
                "(`/kb restore NAME` lets one in again)",
            )
        )
    failed = [(code(one.document), failures.reason(call, one)) for one in report.failed]
    lines += failures.listed(call, failed, named=call.message.private)
    if report.added or report.changed or report.removed:
        undo.append(f"/kb rollback {before} base={base}")
        lines.append(call.text(f"撤销：{code(undo[-1])}", f"To undo: {code(undo[-1])}"))
    return [*lines, ""]


def _summary(call: Call, base: str, report: Report) -> str:
    if not (report.added or report.changed or report.removed):
        return call.text(
            f"✅ {code(base)} 已是最新（{report.unchanged} 个文档）",
            f"✅ {code(base)} is up to date ({counted(report.unchanged, 'document')})",
        )
    seconds = f"{report.seconds:.0f}" if report.seconds >= 1 else "<1"
    return call.text(
        f"✅ {code(base)} 已同步：新增 {report.added}，更新 {report.changed}，删除 {report.removed}，"
        f"未变 {report.unchanged}（{seconds} 秒）",
        f"✅ {code(base)} synced: {report.added} added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged ({seconds} s)",
    )
