"""The command `/kb` and its actions."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable

from bot.commands.base import Call, Command, Reply
from bot.commands.kb import adding, answers, documents, failures, history, overview, searching, syncing
from bot.commands.kb.options import NUMBERS, WrongOption, action_of
from bot.commands.kb.shown import opening
from bot.commands.kb.wording import button, code
from knowledge.errors import KnowledgeError

Run = Callable[[Call, str], Awaitable[Reply]]

ACTIONS: tuple[tuple[Run, tuple[str, ...]], ...] = (
    (overview.overview, ("help", "帮助", "?", "？")),
    (adding.add, ("add", "upload", "添加", "加入", "上传")),
    (syncing.sync, ("sync", "update", "同步", "更新")),
    (documents.ls, ("ls", "list", "列表", "列出", "文档")),
    (documents.rm, ("rm", "del", "delete", "remove", "删除", "移除")),
    (documents.restore, ("restore", "恢复")),
    (searching.search, ("search", "find", "搜索", "查找", "检索")),
    (history.revisions, ("revisions", "history", "版本", "历史")),
    (history.rollback, ("rollback", "undo", "撤销", "回滚")),
    (history.stats, ("stats", "status", "统计", "状态")),
    (answers.answers, ("answers", "问答", "固定回答")),
    (answers.answer, ("answer", "回答", "答案")),
)
"""Each action with its names, the first being the one that is shown."""

_BY_NAME = {name: run for run, names in ACTIONS for name in names}


async def kb(call: Call) -> Reply:
    """Do what the first word says."""
    action, rest = action_of(call.arguments)
    run = _BY_NAME.get(action or "help")
    if run is None:
        return _unknown(call, action)
    try:
        async with opening(call):
            return await run(call, rest)
    except WrongOption as error:
        given, (least, greatest) = code(f"{error.key}={error.value}"), NUMBERS[error.key]
        return Reply(
            content=call.text(
                f"{given} 不对：应为 {least} 到 {greatest} 的整数。",
                f"{given} is wrong: a whole number from {least} to {greatest} is expected.",
            )
        )
    except KnowledgeError as error:
        return Reply(content=failures.trouble(call, error))


def _unknown(call: Call, action: str) -> Reply:
    close = difflib.get_close_matches(action, list(_BY_NAME), n=2)
    known = call.text("、", ", ").join(f"`{names[0]}`" for _, names in ACTIONS)
    return Reply(
        content=call.text(
            f"没有 {code(action)} 这个操作。可用的有：{known}。",
            f"There is no action {code(action)}. There are: {known}.",
        ),
        actions=tuple(button(call, f"/kb {name}", name) for name in close),
    )


COMMANDS = (
    Command(
        name="kb",
        aliases=("知识库",),
        arguments="…",
        run=kb,
        who="admin",
        summary={
            "zh": "管理知识库：添加文件和网页、同步、搜索、回滚、固定回答",
            "en": "Look after the knowledge bases: add files and pages, sync, search, roll back, fix answers",
        },
        stopped={
            "zh": "已处理的部分会保留；`/kb sync` 可继续，`/kb revisions` 可撤销。",
            "en": "What was taken in so far is kept: `/kb sync` goes on, `/kb revisions` shows what can be undone.",
        },
    ),
)
