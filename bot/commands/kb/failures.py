"""What went wrong with a base, a document or a file, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.commands.base import Call
from bot.commands.kb.wording import code, paragraph, prose
from channels.errors import ChannelError, Refused, TooLarge
from knowledge import errors
from knowledge.errors import DocumentRefused, KnowledgeError

LISTED_MAX = 8

_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        r"(.*) is not a public address",
        "这是内部网络的地址（{0}），不会抓取；所有者可以在该知识库的 fetch_networks 中放行",
        "an address inside a private network ({0}) is not fetched; an owner may allow it in the base's fetch_networks",
    ),
    (r"robots\.txt .*", "该网站的 robots.txt 不允许抓取", "the site's robots.txt does not allow it"),
    (r"not reached: (.*)", "网站无法连接，请检查网址（{0}）", "the site cannot be reached; check the address ({0})"),
    (r"no answer in time", "网站没有及时响应，请稍后再试", "the site did not answer in time; try again later"),
    (r"status (\d+)", "网站返回了状态码 {0}", "the site answered with status {0}"),
    (r"more than (\d+) redirects", "跳转超过 {0} 次", "more than {0} redirects"),
    (r"not a web address", "这不是 http 或 https 网址", "not an http or https address"),
    (r"an address with a user name in it", "网址里带有用户名或密码", "the address has a user name in it"),
    (
        r"not a sitemap or feed",
        "这不是站点地图或订阅源；单个网页请去掉该选项",
        "not a sitemap or feed; for one page leave that word out",
    ),
    (r"larger than ([\d.]+ MB) when unpacked", "解压后超过 {0}", "larger than {0} when unpacked"),
    (r"larger than ([\d.]+ MB)", "超过 {0}，请拆分后再发", "larger than {0}; send it in parts"),
    (
        r"no loader reads (.*?): (.*)",
        "不支持 {0} 格式；可用：{1}",
        "files of type {0} are not supported; these are: {1}",
    ),
    (r"no loader reads (.*)", "不支持 {0} 格式", "files of type {0} are not supported"),
    (r"it needs a password|it is encrypted", "文件有密码，请去掉密码后再发", "it has a password; send it without one"),
    (
        r"no text in it.*",
        "里面没有文字（可能是扫描件，请先做文字识别）",
        "there is no text in it (a scan? recognise its text first)",
    ),
    (r"more than (\d+) (?:pages|rows|entries|files)", "内容太多，上限是 {0}", "too much in it; the limit is {0}"),
    (r".*zip bomb.*", "压缩包异常膨胀，已拒绝", "it unpacks to far more than its size and was refused"),
    (
        r"it declares XML entities|it has aliases|an entry.*|nested deeper.*",
        "文件含有不安全的结构，已拒绝",
        "it has an unsafe structure and was refused",
    ),
    (r"this is a binary file.*", "这是二进制文件，不是文本", "this is a binary file, not text"),
    (
        r"(?:damaged|the text is damaged|not valid|the front matter|line \d+ is not|not a table).*",
        "文件已损坏或格式不对",
        "it is damaged or not what its name says",
    ),
    (
        r"the reading process ended|.*(?:time|memory).*",
        "读取它用了太多时间或内存",
        "reading it took too much time or memory",
    ),
    (r"this source does not exist", "找不到这个来源", "this source does not exist"),
)


def reason(call: Call, error: DocumentRefused) -> str:
    """Return why a document was refused, in the person's language."""
    text = str(error)
    for pattern, zh, en in _REASONS:
        match = re.fullmatch(pattern, text, re.DOTALL)
        if match:
            groups = [prose(paragraph(group, 200)) for group in match.groups()]
            return call.text(zh, en).format(*groups)
    return prose(paragraph(text, 200))


def fetching(call: Call, error: ChannelError) -> str:
    """Return why a file could not be fetched from its platform."""
    if isinstance(error, TooLarge):
        size = f"{error.limit_bytes / 1_000_000:.0f} MB"
        return call.text(
            f"文件超过 {size}，平台或配置不允许；请拆分，或在服务器上用命令行添加",
            f"the file is larger than {size}, which the platform or the configuration does not allow; "
            "send it in parts, or add it on the server",
        )
    if isinstance(error, Refused):
        return call.text("文件已过期或被撤回，请重新发送", "the file is gone by now; please send it again")
    return call.text(
        "平台暂时没有给出文件，请稍后再试", "the platform did not give the file out; try again in a moment"
    )


def trouble(call: Call, error: KnowledgeError) -> str:
    """Return what a person reads where a whole action failed."""
    match error:
        case errors.Busy():
            return call.text(
                "⏳ 另一个同步正在进行，等待超时。请稍后再试。",
                "⏳ Another sync of this base is still running. Please try again in a moment.",
            )
        case errors.UnknownRevision():
            return call.text(
                "没有保留这个版本。发送 `/kb revisions` 查看可用的版本。",
                "That revision is not kept. `/kb revisions` shows those that are.",
            )
        case errors.DocumentRefused():
            return f"❌ {prose(paragraph(error.document, 80))}: {reason(call, error)}"
        case errors.EmbeddingUnavailable():
            return call.text(
                "⚠️ 向量模型暂时不可用，已处理的部分不会丢失。请稍后再发一次同样的命令。",
                "⚠️ The embedding model cannot be reached. What was done is kept: send the same command again later.",
            )
        case errors.IndexUnavailable():
            return call.text(
                "⚠️ 知识库索引暂时不可用，请稍后再试；如果一直如此，请查看服务日志。",
                "⚠️ The index cannot be reached. Try again in a moment; if it stays so, look into the server's log.",
            )
        case _:
            return call.text("⚠️ 知识库出错了，请查看服务日志。", "⚠️ The knowledge base failed; see the server's log.")


def recorded(call: Call, failed: Sequence[tuple[str, str]]) -> list[str]:
    """Return the lines of what the last sync could not read, as (document, reason of the core)."""
    told = [(code(name), reason(call, DocumentRefused(why, document=name))) for name, why in failed]
    return listed(call, told, named=call.message.private)


def listed(call: Call, failed: Sequence[tuple[str, str]], *, named: bool = True) -> list[str]:
    """Return a line for each (name, reason), capped; without names only how many there are."""
    if not failed:
        return []
    if not named:
        return [
            call.text(
                f"❌ {len(failed)} 个未能读取（私聊中可查看原因）",
                f"❌ {len(failed)} could not be read (ask in private for the reasons)",
            )
        ]
    colon = call.text("：", ": ")
    lines = [f"- ❌ {name}{colon}{why}" for name, why in failed[:LISTED_MAX]]
    more = len(failed) - LISTED_MAX
    return [*lines, call.text(f"- ……还有 {more} 个", f"- … and {more} more")] if more > 0 else lines
