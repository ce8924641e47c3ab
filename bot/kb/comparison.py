"""Measures side by side, and the conditions that they must meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.kb.wording import line, show_indented

if TYPE_CHECKING:
    from knowledge.evaluation.evaluate import Evaluation, Figures, Outcome

_LOWER_IS_BETTER = frozenset({"refused_wrongly", "p50_ms", "p95_ms", "p99_ms"})
_OF_GROUPS = ("refused", "refused_wrongly")
_NOTICED_MS = 0.2  # share by which a latency must differ to be called better: a machine's speed swings
_CELL = 15  # cells that a column of figures takes


def metrics(figures: Figures) -> dict[str, float | None]:
    """Return all measures of a group by the names that tables and conditions use."""
    return {
        **{f"recall@{depth}": value for depth, value in figures.recall.items()},
        "mrr": figures.mrr,
        "ndcg@10": figures.ndcg,
        "given": figures.given,
        "refused": figures.refused,
        "refused_wrongly": figures.refused_wrongly,
        "p50_ms": figures.p50_ms,
        "p95_ms": figures.p95_ms,
        "p99_ms": figures.p99_ms,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A bound that a measure must keep."""

    group: str
    """A language, kind or tag; empty for all questions."""
    metric: str
    bound: float
    lower: bool
    """Whether it is the lowest value allowed, and not the highest."""

    def broken(self, evaluation: Evaluation) -> str:
        """Return how the condition is not kept; empty where it is."""
        groups = evaluation.groups()
        names = [name for name in groups if name == "all" or name.split(" ", 1)[-1] == self.group]
        if self.group and names == ["all"]:
            return f"no question belongs to {self.group}"
        value = metrics(groups[names[-1] if self.group else "all"])[self.metric]
        shown = f"{self.group}:{self.metric}" if self.group else self.metric
        if value is None:
            return f"{shown}: no question has a say in it"
        if value < self.bound if self.lower else value > self.bound:
            return f"{shown} is {value:.3f}, {'less' if self.lower else 'more'} than {self.bound:g}"
        return ""


def conditions(minimum: Sequence[str], maximum: Sequence[str], depths: Sequence[int]) -> list[Condition]:
    """Return the conditions that `--min` and `--max` name, as `recall@5=0.9` or `zh:recall@5=0.9`.

    Raises:
        BadParameter: one makes no sense.
    """
    return [_condition(one, depths, lower=True) for one in minimum] + [
        _condition(one, depths, lower=False) for one in maximum
    ]


def _condition(written: str, depths: Sequence[int], *, lower: bool) -> Condition:
    known = [f"recall@{depth}" for depth in depths]
    known += ["mrr", "ndcg@10", "given", "refused", "refused_wrongly", "p50_ms", "p95_ms", "p99_ms"]
    name, equals, bound = written.partition("=")
    group, _, metric = name.strip().rpartition(":")
    try:
        value = float(bound)
    except ValueError:
        equals = ""
    if not equals or metric not in known:
        raise typer.BadParameter(f"{written}: expected MEASURE=NUMBER, and of measures there are {', '.join(known)}")
    return Condition(group=group, metric=metric, bound=value, lower=lower)


def show_comparison(console: Console, evaluations: Mapping[str, Evaluation]) -> None:
    """Print measures as rows and settings as columns; the best figure of a row is green."""
    names = list(evaluations)
    narrow = len(names) > 1 and console.width < 24 + sum(max(_CELL, len(name) + 3) for name in names)
    heads = [f"({at})" for at in range(1, len(names) + 1)] if narrow else names
    if narrow:
        for head, name in zip(heads, names, strict=True):
            console.print(Text.assemble((head, "bold"), " ", line(name)))
    table = Table(pad_edge=False)
    table.add_column("")
    for head in heads:
        table.add_column(line(head), justify="right")
    first = next(iter(evaluations.values())).groups()
    others = [evaluation.groups() for evaluation in evaluations.values()]
    for group, figures in first.items():
        _add_rows(table, group, figures, [one[group] for one in others])
    console.print(table)
    console.print(
        "recall, MRR and nDCG count whatever the score; given: high enough, and among those an assistant gets; "
        "times are with the embedding of the question",
        style="dim",
    )


def _add_rows(table: Table, group: str, figures: Figures, columns: Sequence[Figures]) -> None:
    table.add_section()
    table.add_row(Text(f"{group} ({figures.questions})", "bold"), *("" for _ in columns))
    measured = [metrics(one) for one in columns]
    depths = [name for name in measured[0] if name.startswith("recall@")]
    middle = {"recall@5"} & set(depths) or set(depths[-1:])
    wanted = list(measured[0]) if group == "all" else [*middle, *_OF_GROUPS]
    for metric in wanted:
        values = [one[metric] for one in measured]
        if any(value is not None for value in values):
            table.add_row(f"  {metric}", *_cells(metric, values))


def _cells(metric: str, values: Sequence[float | None]) -> list[Text]:
    known = [value for value in values if value is not None]
    best = min(known) if metric in _LOWER_IS_BETTER else max(known)
    near = _NOTICED_MS * best if metric.endswith("_ms") else 0.0005
    apart = max(known) - min(known) > near
    cells: list[Text] = []
    for at, value in enumerate(values):
        if value is None:
            cells.append(Text("–", "dim"))
            continue
        digits = 1 if metric.endswith("_ms") else 3
        cell = Text(f"{value:.{digits}f}", "bold green" if apart and abs(value - best) <= near else "")
        before = values[0]
        if at and before is not None and apart:
            cell = Text.assemble(Text(f"{value - before:+.{digits}f} ", "dim"), cell)
        cells.append(cell)
    return cells


def show_misses(console: Console, evaluation: Evaluation) -> None:
    """Print what a person should look at: what was expected, and what came up instead."""
    missed = evaluation.misses()
    console.print(Text(f"{len(missed)} of {len(evaluation.outcomes)} questions to look at", "bold"))
    for one in missed:
        console.print(Text.assemble((_why(one), "yellow"), " ", line(one.question.text)), soft_wrap=True)
        for expected, place in zip(one.question.expects, one.places, strict=True):
            where = f"place {place}" if place else "not found"
            show_indented(console, Text.assemble("expected ", line(str(expected)), f": {where}"))
        for found in one.found:
            shown = Text.assemble(f"{found.score:.3f} ", line(found.document), " · ", line(found.position))
            shown.stylize("dim")
            show_indented(console, shown)


def _why(one: Outcome) -> str:
    if not one.question.expects:
        return "answered, and should not be:"
    return "refused:" if one.refused else "missed:"
