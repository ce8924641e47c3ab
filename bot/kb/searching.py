"""`parley kb search`: the hit test. What would be found, with all scores, and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from bot.console import say
from bot.kb.bases import some_bases
from bot.kb.wording import clean, counted, limits, limits_data, line, show_indented, stdout, write_json
from bot.library import open_library
from config.loader import Configuration
from knowledge.retrieval.highlighting import Span, excerpt, spans
from knowledge.types import Annotation, Passage, Scope

if TYPE_CHECKING:
    from knowledge.library import Library
    from knowledge.retrieval.fusion import Fusion

SHOWN = 420
"""Characters of a passage that are shown unless the whole is asked for."""
_BAR = 20
_MATCH = "bold black on yellow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A hit test: what is asked, as whom, and how."""

    query: str
    bases: Sequence[str]
    limit: int
    how: Fusion
    scope: Scope
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What came of it."""

    asked: Asked
    passages: Sequence[Passage]
    """Best first, whatever their scores."""
    annotation: Annotation | None
    """The fixed answer that would be given instead."""
    thresholds: dict[str, float]
    elapsed_ms: float

    def enough(self, passage: Passage) -> bool:
        """Tell whether a passage would be given to the assistant; without a hybrid score there is no threshold."""
        return self.asked.how != "hybrid" or passage.score >= self.thresholds[passage.base]


async def search(configuration: Configuration, asked: Asked, *, whole: bool, as_json: bool) -> int:
    """Print what is found for a question; nothing of it counts as given."""
    chosen = some_bases(configuration, asked.bases)
    async with open_library(configuration) as library:
        hits = await hit(library, configuration, asked, chosen)
        lacking = {name: await (await library.base(name)).lacking() for name in chosen}
    if as_json:
        write_json(data(hits))
    else:
        show(stdout(), hits, whole=whole)
        _warn(lacking)
    return 0


async def hit(library: Library, configuration: Configuration, asked: Asked, bases: Sequence[str]) -> Hits:
    """Ask the library."""
    for name in bases:
        await library.base(name)
    await library.ranked(asked.query, bases=bases, limit=1, scope=asked.scope)  # the model's loading is no search
    started = time.monotonic()
    passages = await library.ranked(
        asked.query, bases=bases, limit=asked.limit, scope=asked.scope, tags=asked.tags, how=asked.how
    )
    elapsed = time.monotonic() - started
    annotation = await library.answer(asked.query, bases=bases, scope=asked.scope, count=False)
    thresholds = {name: configuration.settings.knowledge[name].threshold for name in bases}
    return Hits(asked=asked, passages=passages, annotation=annotation, thresholds=thresholds, elapsed_ms=elapsed * 1000)


def _warn(lacking: dict[str, int]) -> None:

    for name, texts in lacking.items():
        if texts:
            text = f"{counted(texts, 'text')} of {name} have no vector yet: `parley kb migrate {name}` makes them"
            say(text, "yellow")


def show(console: Console, hits: Hits, *, whole: bool) -> None:
    """Print hits for a person."""
    given = [passage for passage in hits.passages if hits.enough(passage)]
    short = hits.passages[len(given) :]
    if hits.annotation is not None:
        _show_annotation(console, hits.annotation)
    for rank, passage in enumerate(hits.passages, 1):
        if rank == len(given) + 1:
            _show_border(console, hits, passage.base, found=bool(given))
        _show_passage(console, rank, passage, hits, whole=whole)
    what = f"{len(given)} above the threshold, {len(short)} below" if hits.asked.how == "hybrid" else "no threshold"
    summary = f"{counted(len(hits.passages), 'passage')} ({what}) · {hits.asked.how} · {hits.elapsed_ms:.0f} ms"
    console.print(Text(summary if hits.passages else f"nothing found · {hits.asked.how}", "dim"), soft_wrap=True)


def _show_annotation(console: Console, annotation: Annotation) -> None:
    head = f"★ fixed answer {annotation.number} of {annotation.base} would be given instead"
    console.print(Text(head, "bold magenta"), soft_wrap=True)
    facts = f"similarity {annotation.score:.2f} · given {counted(annotation.hits, 'time')} · asked as: "
    show_indented(console, Text.assemble((facts, "dim"), line(annotation.question)))
    show_indented(console, Text(clean(annotation.answer)))
    console.print()


def _show_border(console: Console, hits: Hits, base: str, *, found: bool) -> None:
    threshold = hits.thresholds[base]
    text = f"── below the threshold {threshold:g}: not given to the assistant ──"
    if not found:
        text = f"── nothing reaches the threshold {threshold:g}: the assistant says that it does not know ──"
    console.print(Text(text, "red"), soft_wrap=True)
    console.print()


def _show_passage(console: Console, rank: int, passage: Passage, hits: Hits, *, whole: bool) -> None:
    enough = hits.enough(passage)
    colour = "green" if enough else "red"
    filled = round(min(1.0, passage.score) * _BAR)
    console.print(
        Text.assemble(
            (f"{rank:>2}  ", "bold"),
            (f"{passage.score:.3f} ", f"bold {colour}"),
            ("━" * filled, colour),
            ("╌" * (_BAR - filled), "dim"),
            ("  vector ", "dim"),
            (f"{passage.vector_score:.3f}", "cyan"),
            ("  words ", "dim"),
            (f"{passage.lexical_score:.3f}", "yellow"),
        ),
        soft_wrap=True,
    )
    place = [line(passage.document), line(passage.position)] if passage.position else [line(passage.document)]
    several = len(hits.thresholds) > 1
    where = Text(" · ", "dim").join([Text(passage.base, "bold"), *place] if several else place)
    show_indented(console, where)
    limited = limits(passage.access)
    if limited:
        show_indented(console, Text(f"only {clean(limited)}", "yellow"))
    shown = highlighted(passage.text, hits.asked.query, length=None if whole else SHOWN)
    if not enough:
        shown.stylize("dim")
    show_indented(console, shown)
    console.print()


def highlighted(text: str, query: str, *, length: int | None) -> Text:
    """Return a passage with what matches the question marked; of a long one the part with the most of it."""
    found = spans(text, query)
    begin, end = (0, len(text)) if length is None else excerpt(text, found, length=length)
    shown = Text(clean(text))
    for left, right in found:
        shown.stylize(_MATCH, left, right)
    part = shown[begin:end] if end > begin else Text()
    return Text.assemble("…" if begin else "", part, "…" if end < len(text) else "")


def data(hits: Hits) -> dict[str, Any]:
    """Return hits for a program. Matches are [begin, end] in characters of the text."""
    annotation = hits.annotation
    return {
        "query": hits.asked.query,
        "how": hits.asked.how,
        "thresholds": hits.thresholds,
        "elapsed_ms": round(hits.elapsed_ms, 2),
        "fixed_answer": annotation
        and {
            "base": annotation.base,
            "number": annotation.number,
            "question": annotation.question,
            "answer": annotation.answer,
            "similarity": round(annotation.score, 4),
            "hits": annotation.hits,
        },
        "passages": [
            {
                **_passage_data(rank, passage),
                "above_threshold": hits.enough(passage),
                "matches": _matches(hits, passage),
            }
            for rank, passage in enumerate(hits.passages, 1)
        ],
    }


def _matches(hits: Hits, passage: Passage) -> list[Span]:
    return spans(passage.text, hits.asked.query)


def _passage_data(rank: int, passage: Passage) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": passage.score,
        "vector": passage.vector_score,
        "lexical": passage.lexical_score,
        "base": passage.base,
        "document": passage.document,
        "title": passage.title,
        "position": passage.position,
        "source": passage.source,
        "access": limits_data(passage.access),
        "text": passage.text,
    }
