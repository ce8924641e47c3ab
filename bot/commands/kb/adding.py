"""/kb add: files that came along, and addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from bot.access import person_of
from bot.commands.base import Call, Reply
from bot.commands.kb import failures
from bot.commands.kb.choosing import chosen, unused
from bot.commands.kb.options import Asked, read
from bot.commands.kb.shown import Shown, shown
from bot.commands.kb.wording import button, code, counted, short
from channels.errors import ChannelError
from channels.types import Attachment
from config.settings import WebSource
from knowledge.errors import DocumentRefused, KnowledgeError
from knowledge.types import Access

if TYPE_CHECKING:
    from knowledge.ingest.additions import Addition
    from knowledge.ingest.progress import Report
    from knowledge.opened import OpenBase

THINGS_MAX = 20
"""Files and links in one message."""
WAIT_S = 600.0
_LINK = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
_AFTER_LINK = "，。、；：！？）】》」,.;:!?)\"'"
Kind = Literal["page", "sitemap", "crawl", "feed"]
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("page", "网页", "页面"), "page"),
    **dict.fromkeys(("sitemap", "站点地图"), "sitemap"),
    **dict.fromkeys(("crawl", "site", "爬取", "抓取", "整站"), "crawl"),
    **dict.fromkeys(("feed", "rss", "atom", "订阅"), "feed"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a message asks to add."""

    links: tuple[str, ...] = ()
    kind: Kind | None = None
    rest: str = ""
    """Words that mean nothing here."""


def wanted(text: str) -> Wanted:
    """Read links and the way to fetch them."""
    links = tuple(dict.fromkeys(link.rstrip(_AFTER_LINK) for link in _LINK.findall(text)))
    words = _LINK.sub(" ", text).replace("，", " ").split()
    kinds = [_KINDS[word.lower()] for word in words if word.lower() in _KINDS]
    rest = " ".join(word for word in words if word.lower() not in _KINDS and word not in ",;、；")
    return Wanted(links=links, kind=kinds[-1] if kinds else None, rest=rest)


async def add(call: Call, text: str) -> Reply:
    """Take in the files of the message, of the one replied to, or sent last, and the addresses in it."""
    asked = read(text, where="anywhere")
    things = wanted(asked.text)
    files = await _files(call, things)
    if not files and not things.links:
        return _nothing(call, things)
    if len(files) + len(things.links) > THINGS_MAX:
        return Reply(
            content=call.text(
                f"一次最多 {THINGS_MAX} 个文件或链接。", f"At most {THINGS_MAX} files or links at a time."
            )
        )
    base = chosen(call, asked)
    if isinstance(base, Reply):
        return base
    opened = await call.services.library().base(base)
    before = await opened.revision()
    async with shown(call) as show:
        adding = Adding(call, opened, asked, show)
        count = len(files) + len(things.links)
        everything: list[Attachment | str] = [*files, *things.links]
        for number, thing in enumerate(everything, 1):
            show.prefix = f"{number}/{count} " if count > 1 else ""
            await (adding.link(thing, things.kind) if isinstance(thing, str) else adding.file(thing))
    return _reply(call, asked, opened.name, adding, before)


async def _files(call: Call, things: Wanted) -> tuple[Attachment, ...]:
    message = call.message
    if message.attachments or message.quoted_attachments:
        return message.attachments or message.quoted_attachments
    # After a file, "/kb add" alone means that file; a pressed button carries none.
    return () if things.links or things.rest else await call.services.recent_files.of(message)


class Adding:
    """Takes one thing after the other into a base, and notes what became of it."""

    def __init__(self, call: Call, base: OpenBase, asked: Asked, show: Shown) -> None:
        self.failed: list[tuple[str, str]] = []
        """(name, reason), ready to be shown."""
        self.lines: list[str] = []
        """One for each thing that was taken in."""
        self.values: list[str] = []
        """By what name each of them can be taken out."""
        self.changed = False
        self._call = call
        self._base = base
        self._asked = asked
        self._show = show
        self._access = Access(roles=asked.roles)
        self._author = person_of(call.message.sender)

    async def file(self, file: Attachment) -> None:
        """Fetch a file from its platform and take it in."""
        from knowledge.ingest.additions import upload

        name = short(file.name or file.kind)
        try:
            addition = upload(file.name, access=self._access, tags=self._asked.tags, author=self._author)
            self._show.say(f"📥 正在接收 {name}", f"📥 Receiving {name}")
            data = await self._call.services.attachments.fetch(self._call.message, file)
        except ChannelError as error:
            self.failed.append((code(name), failures.fetching(self._call, error)))
        except DocumentRefused as error:
            self.failed.append((code(name), failures.reason(self._call, error)))
        else:
            await self._take_in(addition, name, data)

    async def link(self, link: str, kind: Kind | None) -> None:
        """Fetch an address, and what it leads to, and take it in."""
        from knowledge.ingest.additions import Addition

        asked, how = self._asked, kind or _guessed(link)
        given = {"depth": asked.depth, "pages": asked.pages, "include": asked.include, "exclude": asked.exclude}
        web = WebSource.model_validate({"url": link, "kind": how, **{k: v for k, v in given.items() if v is not None}})
        addition = Addition(value=link, kind=how, web=web, access=self._access, tags=asked.tags, author=self._author)
        await self._take_in(addition, link, None)

    async def _take_in(self, addition: Addition, name: str, data: bytes | None) -> None:
        addition = await _as_limited_as_before(self._base, addition)
        library = self._call.services.library()
        try:
            report = await library.add(self._base.name, addition, data=data, progress=self._show.tell, wait_s=WAIT_S)
        except DocumentRefused as error:
            self.failed.append((code(name), failures.reason(self._call, error)))
            return
        except KnowledgeError as error:
            # What went in before it is told of too.
            self.failed.append((code(name), failures.trouble(self._call, error)))
            return
        several = addition.kind not in ("upload", "page")
        for failed in report.failed:
            shown_name = failed.document if several and failed.document else name
            self.failed.append((code(shown_name), failures.reason(self._call, failed)))
        documents = [one for one in await self._base.documents(None) if one.addition == addition.value]
        visible = [one for one in documents if not one.blocked]
        if visible:
            self.values.append(addition.value)
            self.changed = self.changed or bool(report.added or report.changed or report.removed)
            chunks = sum(one.chunks for one in visible)
            self.lines.append(_line(self._call, name, report, len(visible) if several else 0, chunks))


async def _as_limited_as_before(base: OpenBase, addition: Addition) -> Addition:
    """Keep the limits of what is replaced where none are given: a newer version must not open it to everyone."""
    if addition.access.roles:
        return addition
    before = next((one for one in await base.additions() if one.value == addition.value), None)
    return replace(addition, access=before.access) if before is not None else addition


def _line(call: Call, name: str, report: Report, documents: int, chunks: int) -> str:
    count = call.text(f"{chunks} 段", counted(chunks, "passage"))
    if documents:
        count = call.text(f"{documents} 个文档，{count}", f"{counted(documents, 'document')}, {count}")
    if not (report.added or report.changed or call.again):
        count = call.text(f"{count}，没有变化", f"{count}, unchanged")
    return call.text(f"- {code(name)}：{count}", f"- {code(name)}: {count}")


def _reply(call: Call, asked: Asked, name: str, adding: Adding, before: int) -> Reply:
    base = code(name)
    failed = failures.listed(call, adding.failed)
    if not adding.lines:
        title = call.text(f"没有添加任何内容到 {base}：", f"Nothing was added to {base}:")
        return Reply(content="\n".join([title, "", *failed]))
    lines = [call.text(f"✅ 已添加到 {base}", f"✅ Added to {base}"), "", *adding.lines, *failed, ""]
    if asked.roles:
        roles = code(", ".join(sorted(asked.roles)))
        own = not asked.roles.isdisjoint(call.principal.roles)
        lines.append(call.text(f"🔒 仅限角色 {roles}", f"🔒 Only for the role {roles}"))
        lines += [] if own else [call.text("（您自己没有这个角色）", "(you do not have it yourself)")]
    # What an earlier run has taken in already, no rollback from here undoes.
    undo = f"/kb rollback {before} base={name}" if adding.changed else f"/kb rm {adding.values[0]} base={name}"
    lines.append(call.text(f"现在就可以提问。撤销：{code(undo)}", f"You can ask about it now. To undo: {code(undo)}"))
    return Reply(
        content="\n".join(lines) + unused(call, name),
        actions=(button(call, call.text("↩️ 撤销", "↩️ Undo"), undo),),
    )


def _nothing(call: Call, things: Wanted) -> Reply:
    if things.rest:
        rest = code(things.rest)
        return Reply(
            content=call.text(
                f"没有看懂 {rest}。网址请写完整，以 https:// 开头；文件请随消息一起发送。",
                f"I cannot read {rest}. Give a whole address that begins with https://, or send a file along.",
            )
        )
    return Reply(
        content=call.text(
            "请随消息附上文件并写 `/kb add`，或回复一个文件，或给出链接：\n`/kb add https://example.com/page`",
            "Send a file with `/kb add` as its caption, reply to a file with it, or give a link:\n"
            "`/kb add https://example.com/page`",
        )
    )


def _guessed(link: str) -> Kind:
    path = urlsplit(link).path.lower()
    return "sitemap" if path.endswith(("sitemap.xml", "sitemap_index.xml", "sitemap.xml.gz")) else "page"
