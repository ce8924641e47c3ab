"""/kb: what it can do, and how the bases are."""

from __future__ import annotations

from bot.commands.base import Call, Reply
from bot.commands.kb import history
from bot.commands.kb.choosing import NO_BASES_EN, NO_BASES_ZH, own
from bot.commands.kb.wording import button

HELP_ZH = """**添加** – 发送文件并写：
`/kb add` · 可选 `base=知识库 role=角色 tag=标签`
`/kb add https://例子.com/网页`
`/kb add https://例子.com crawl depth=2 pages=50`（整站；还有 `sitemap`、`feed`）

**查看**
`/kb ls [*.pdf]` – 文档
`/kb search 问题` – 会找到什么，得分多少
`/kb stats` – 状态 · `/kb revisions` – 版本

**更改**
`/kb sync` – 与来源同步
`/kb rm 名称` · `/kb restore 名称`
`/kb rollback 编号` – 回到某个版本

**固定回答**
`/kb answer 问题 => 回答`，或回复我的回答写 `/kb answer`
`/kb answers` · `/kb answer rm 编号`

中文也可以：`/知识库 添加、列表、搜索、同步、删除、恢复、撤销、回答…`"""
HELP_EN = """**Add** – send a file with the caption
`/kb add` · optional `base=NAME role=hr tag=x`
`/kb add https://example.com/page`
`/kb add https://example.com crawl depth=2 pages=50` (also `sitemap`, `feed`)

**Look**
`/kb ls [*.pdf]` – the documents
`/kb search QUESTION` – what it finds, and how well
`/kb stats` – how things are · `/kb revisions`

**Change**
`/kb sync` – take in what changed at the sources
`/kb rm NAME` · `/kb restore NAME`
`/kb rollback NUMBER` – back to a revision

**Fixed answers**
`/kb answer QUESTION => ANSWER`, or reply `/kb answer` to one of my answers
`/kb answers` · `/kb answer rm NUMBER`"""


async def overview(call: Call, text: str) -> Reply:
    """Show the state of the bases and what can be done."""
    bases = own(call)
    if not bases:
        return Reply(content=call.text(NO_BASES_ZH, NO_BASES_EN))
    lines = [
        call.text("📚 **知识库**", "📚 **Knowledge bases**"),
        "",
        *await history.states(call, bases),
        "",
        call.text(HELP_ZH, HELP_EN),
    ]
    actions = tuple(
        button(call, call.text(zh, en), words)
        for zh, en, words in (("📄 文档", "📄 Documents", "ls"), ("🔄 同步", "🔄 Sync", "sync"))
    )
    return Reply(content="\n".join(lines), actions=actions)
