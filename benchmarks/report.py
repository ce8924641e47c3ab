"""The figures beside their budgets: a table for people, a file for machines."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit of the design: `first` must be met now, `goal` is where it is going. "≤" or "≥" both."""

    sense: Literal["≤", "≥"]
    first: float
    goal: float

    def verdict(self, value: float) -> Literal["goal", "first", "over"]:
        def met(limit: float) -> bool:
            return value <= limit if self.sense == "≤" else value >= limit

        return "goal" if met(self.goal) else "first" if met(self.first) else "over"


@dataclass(slots=True, kw_only=True)
class Row:
    """One figure; without a budget it is there for information."""

    key: str
    label: str
    value: float
    unit: str = ""
    budget: Budget | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        return self.budget.verdict(self.value) if self.budget else ""


@dataclass(slots=True)
class Report:
    """Rows in order, and what they were computed from."""

    rows: list[Row] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def add(self, key: str, label: str, value: float, unit: str = "", **fields: Any) -> None:
        self.rows.append(Row(key=key, label=label, value=value, unit=unit, **fields))

    @property
    def over(self) -> list[Row]:
        """The rows that miss their first budget."""
        return [row for row in self.rows if row.verdict == "over"]

    def print(self, console: Console) -> None:
        table = Table(title="Parley against the floor, in one run", title_justify="left")
        for heading, justify in (("", "left"), ("measured", "right"), ("first", "right"), ("goal", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("")
        table.add_column("detail", style="dim")
        for row in self.rows:
            first, goal = (_limit(row, limit) for limit in ("first", "goal"))
            table.add_row(row.label, _figure(row.value, row.unit), first, goal, _MARKS[row.verdict], row.detail)
        console.print(table)
        console.print(_MARKS_EXPLAINED, style="dim")

    def write(self, folder: Path = RESULTS) -> Path:
        """Write `latest.json`, and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "latest.json"
        rows = [asdict(row) | {"verdict": row.verdict} for row in self.rows]
        content = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "rows": rows}
        path.write_text(json.dumps(content | {"raw": self.raw}, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return path


_MARKS: Mapping[str, str] = {"": "", "goal": "[green]✓✓[/]", "first": "[green]✓[/]", "over": "[red]✗[/]"}
_MARKS_EXPLAINED = "✓✓ meets the goal   ✓ meets the first budget   ✗ over it   (budgets of the design)"


def _limit(row: Row, name: str) -> str:
    return f"{row.budget.sense} {_figure(getattr(row.budget, name), row.unit)}" if row.budget else ""


def _figure(value: float, unit: str) -> str:
    formats: Mapping[str, Callable[[float], str]] = {"ms": lambda v: f"{v:.1f} ms", "×": lambda v: f"{v:.2f} ×"}
    return formats.get(unit, lambda v: f"{v:,.1f} {unit}".strip())(value)


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg()[0],
        "versions": {name: version(name) for name in ("aiogram", "aiohttp", "langgraph", "openai", "redis", "uvloop")},
    }
