"""`parley kb eval`: how well a file of questions is served, as configured and with other settings beside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from bot.console import PROBLEM, complain, err, say
from bot.errors import BotError
from bot.kb.bases import some_bases
from bot.kb.comparison import Condition, conditions, show_comparison, show_misses
from bot.kb.progress import bars
from bot.kb.variants import Variant, configured, opened, variant
from bot.kb.wording import counted, stdout, write_json
from config.loader import Configuration

if TYPE_CHECKING:
    from bot.kb.progress import Bars
    from knowledge.evaluation.evaluate import Evaluation
    from knowledge.evaluation.questions import Question
    from knowledge.library import Library


async def evaluate(
    configuration: Configuration,
    file: Path,
    *,
    bases: Sequence[str] | None = None,
    depths: Sequence[int] = (),
    against: Sequence[str] = (),
    minimum: Sequence[str] = (),
    maximum: Sequence[str] = (),
    json_path: str | None = None,
    misses: bool = False,
    console: Console | None = None,
) -> int:
    """Print a table of measures, a column for each setting; 1 where a condition does not hold as configured.

    `json_path` also writes all figures and misses there; "-" prints them instead of the table.

    Raises:
        BadParameter: an option makes no sense.
        KnowledgeError: the file holds mistakes, or nothing could be measured.
    """
    from knowledge.evaluation.evaluate import DEPTHS
    from knowledge.evaluation.reading import read_questions

    chosen = some_bases(configuration, bases)
    shipped = configured(configuration, chosen)
    variants = [shipped, *(variant(written, shipped, chosen) for written in against)]
    ks = tuple(sorted(set(depths))) or DEPTHS
    if min(ks) < 1:
        raise typer.BadParameter("--k: a depth is at least 1")
    held = conditions(minimum, maximum, ks)
    questions = read_questions(file)
    with bars(err) as shown:
        evaluations = {one.name: await _measured(one, chosen, questions, ks, shown) for one in variants}
    if json_path is not None:
        _write(json_path, file, evaluations)
    if json_path != "-":
        target = console or stdout()
        show_comparison(target, evaluations)
        if misses:
            show_misses(target, evaluations[shipped.name])
    return _verdict(held, evaluations[shipped.name])


async def _measured(
    one: Variant, bases: Sequence[str], questions: Sequence[Question], depths: Sequence[int], shown: Bars
) -> Evaluation:
    from knowledge.evaluation.evaluate import evaluate as asked
    from knowledge.ingest.progress import Progress

    async with opened(one, bases, shown.begin) as (library, reranker):
        for name in bases:
            await _filled(library, name)
        await library.ranked(questions[0].text, bases=bases, limit=1, scope=questions[0].scope)  # loads the model
        tell = shown.begin(f"asking, {one.name}")
        return await asked(
            library,
            questions,
            bases=bases,
            thresholds=one.thresholds(bases),
            how=one.how,
            passages=one.passages,
            depths=depths,
            reranker=reranker,
            progress=lambda done, total: tell(Progress(done=done, total=total, document="")),
        )


async def _filled(library: Library, name: str) -> None:
    base = await library.base(name)
    if not (await base.counts())[1]:
        raise BotError(f"the base {name} holds nothing yet: run `parley kb sync {name}` first")
    lacking = await base.lacking()
    if lacking:
        say(f"{name}: {counted(lacking, 'text')} not embedded yet; `parley kb sync {name}` completes it", "yellow")


def _write(path: str, file: Path, evaluations: dict[str, Evaluation]) -> None:
    data: dict[str, Any] = {
        "questions": str(file),
        "settings": {name: evaluation.as_data() for name, evaluation in evaluations.items()},
    }
    if path == "-":
        write_json(data)
    else:
        Path(path).write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _verdict(held: Sequence[Condition], evaluation: Evaluation) -> int:
    broken = [text for one in held if (text := one.broken(evaluation))]
    for text in broken:
        complain(text)
    return PROBLEM if broken else 0
