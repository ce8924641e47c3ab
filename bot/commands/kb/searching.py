"""/kb search: what a question finds, with all scores (the hit test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.base import Call, Reply
from bot.commands.kb.choosing import scope_of, several
from bot.commands.kb.options import read
from bot.commands.kb.wording import code, paragraph, prose

if TYPE_CHECKING:
    from knowledge.types import Passage

SHOWN = 5
EXCERPT = 220
QUERY_MAX = 500


async def search(call: Call, text: str) -> Reply:
    """Show the best passages for a question, and from where on they count as found."""
    asked = read(text)
    bases = several(call, asked)
    if isinstance(bases, Reply):
        return bases
    query = asked.text[:QUERY_MAX]
    if not query:
        return Reply(
            content=call.text(
                "要查什么？例如 `/kb search 年假有几天`", "Search what? For example `/kb search annual leave`"
            )
        )
    library, scope = call.services.library(), scope_of(call)
    found = await library.ranked(query, bases=bases, limit=SHOWN, scope=scope, tags=asked.tags)
    fixed = await library.answer(query, bases=bases, scope=scope, count=False)
    lines = [f"🔎 **{prose(paragraph(query, 100))}**", ""]
    if fixed is not None:
        answer = prose(paragraph(fixed.answer, EXCERPT))
        lines += [
            call.text(
                f"📌 固定回答 {fixed.number}（相似度 {fixed.score:.2f}）会直接给出：{answer}",
                f"📌 Fixed answer {fixed.number} (similarity {fixed.score:.2f}) is given: {answer}",
            ),
            "",
        ]
    if not found:
        return Reply(content="\n".join([*lines, call.text("没有找到任何段落。", "No passage was found.")]))
    return Reply(content="\n".join([*lines, *_passages(call, query, found, many=len(bases) > 1)]).strip())


def _passages(call: Call, query: str, found: list[Passage], *, many: bool) -> list[str]:
    lines: list[str] = []
    under = False
    for number, one in enumerate(found, 1):
        threshold = _threshold(call, one.base)
        if one.score < threshold and not under:
            under = True
            lines += [
                call.text(
                    f"――― 低于阈值 {threshold:.3g}，不会用来回答 ―――",
                    f"――― below the threshold {threshold:.3g}: not answered from ―――",
                ),
                "",
            ]
        where = " › ".join(filter(None, (paragraph(one.title, 60), paragraph(one.position, 80))))
        base = f"{code(one.base)} " if many else ""
        scores = call.text(
            f"综合 {one.score:.3f} · 向量 {one.vector_score:.3f} · 词语 {one.lexical_score:.3f}",
            f"fused {one.score:.3f} · vector {one.vector_score:.3f} · words {one.lexical_score:.3f}",
        )
        lines += [f"**{number}. {prose(where)}**", f"{base}{scores}", f"> {_marked(one.text, query)}", ""]
    return lines


def _threshold(call: Call, base: str) -> float:
    return call.services.configuration().settings.knowledge[base].threshold


def _marked(text: str, query: str) -> str:
    """Return the part of a passage that matches most, the words that match in bold."""
    from knowledge.retrieval.highlighting import excerpt, spans

    line = " ".join(text.split())
    begin, end = excerpt(line, spans(line, query), length=EXCERPT)
    part, before, after = line[begin:end], "…" if begin else "", "…" if end < len(line) else ""
    marked, at = [before], 0
    for left, right in spans(part, query):
        if not part[left:right].strip():
            continue
        marked += [prose(part[at:left]), f"**{prose(part[left:right])}**"]
        at = right
    return "".join([*marked, prose(part[at:]), after])
