"""The figures stand beside the right budgets."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.measures import load_of, percentile
from benchmarks.processes import Cpu
from benchmarks.report import Budget, Report


@pytest.mark.parametrize(
    ("sense", "value", "verdict"),
    [("≤", 0.5, "goal"), ("≤", 0.8, "first"), ("≤", 1.1, "over"), ("≥", 1.2, "goal"), ("≥", 0.9, "first")],
)
def test_a_figure_meets_the_goal_the_first_budget_or_neither(sense: str, value: float, verdict: str) -> None:
    goal, first = (0.5, 1.0) if sense == "≤" else (1.0, 0.5)
    assert Budget(sense=sense, first=first, goal=goal).verdict(value) == verdict


def test_the_report_names_what_is_over_and_writes_what_it_prints(tmp_path: Path) -> None:
    report = Report(raw={"loads": [1, 2]})
    report.add("cpu", "CPU per answer", 2.0, "×", budget=Budget(sense="≤", first=1.5, goal=0.8))
    report.add("start", "start to ready", 1.4, "s", budget=Budget(sense="≤", first=4, goal=2), detail="warm")
    report.add("latency", "one in flight", 12.25, "ms")
    shown = io.StringIO()
    report.print(Console(file=shown, width=160))
    assert [row.key for row in report.over] == ["cpu"]
    assert all(part in shown.getvalue() for part in ("2.00 ×", "≤ 1.50 ×", "✗", "1.4 s", "✓✓", "12.2 ms", "warm"))
    written = json.loads(report.write(tmp_path).read_text("utf-8"))
    assert [row["verdict"] for row in written["rows"]] == ["over", "goal", ""]
    assert written["raw"] == {"loads": [1, 2]}
    assert written["machine"]["cores"] >= 1


def test_load_is_told_per_answer() -> None:
    load = load_of(Cpu(3.0, 0.5).since(Cpu(1.0, 0.0)), 400, 4.0, [0.1, 0.3, 0.2])
    assert (load.python_ms, load.store_ms, load.cpu_ms) == (5.0, 1.25, 6.25)
    assert (load.per_s, load.median_ms) == (100, 200)


def test_percentiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 51, 100, 100]
