"""The documents and the sets of questions of this benchmark."""

from __future__ import annotations

from pathlib import Path

from knowledge.evaluation.questions import Question
from knowledge.evaluation.reading import read_questions

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCES = ("benchmarks/knowledge/corpus", "examples/handbook")
SETS = {
    "chosen on": "questions.yaml",
    "looked at": "questions-more.yaml",
    "held out": "questions-heldout.yaml",
}
"""What each set had to do with choosing weights and threshold, and its file."""


def load(name: str = "chosen on") -> list[Question]:
    """Return the questions of one of `SETS`."""
    return read_questions(HERE / SETS[name])
