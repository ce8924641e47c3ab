"""The set of questions, and how an answer to one is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path

from knowledge.types import Passage

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCES = ("benchmarks/knowledge/corpus", "examples/handbook")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A passage that must be found: of this document, with one of these texts in it."""

    document: str
    says: tuple[str, ...]

    def meets(self, passage: Passage) -> bool:
        found = f"{passage.position} {passage.text}"
        return f"/{passage.document}".endswith(f"/{self.document}") and any(text in found for text in self.says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    kind: str
    language: str
    expects: tuple[Expected, ...]


def load(path: Path = HERE / "questions.yaml") -> list[Question]:
    """Read the questions; the groups' names say kind and language."""
    from ruamel.yaml import YAML

    loaded: dict[str, list[dict[str, object]]] = YAML(typ="safe").load(path)
    questions: list[Question] = []
    for group, entries in loaded.items():
        kind, _, language = group.rpartition("_")
        for entry in entries:
            wanted = entry.get("expects", [])
            assert isinstance(wanted, list)
            expects = tuple(
                Expected(document=str(document), says=tuple(str(says).split("|"))) for document, says in wanted
            )
            questions.append(Question(text=str(entry["q"]), kind=kind, language=language, expects=expects))
    return questions


def recall(question: Question, passages: Sequence[Passage]) -> float:
    """Return the share of the expected passages that are among `passages`."""
    return sum(any(map(one.meets, passages)) for one in question.expects) / len(question.expects)


def reciprocal_rank(question: Question, passages: Sequence[Passage]) -> float:
    """Return 1 / the place of the first right passage; 0 where there is none."""
    ranks = [at for at, passage in enumerate(passages, 1) if any(one.meets(passage) for one in question.expects)]
    return 1 / ranks[0] if ranks else 0.0


def gain(question: Question, passages: Sequence[Passage]) -> float:
    """Return nDCG: each expected passage counts once, where it is first found, less the later that is."""
    found = 0.0
    for one in question.expects:
        place = next((at for at, passage in enumerate(passages, 1) if one.meets(passage)), None)
        found += 1 / log2(place + 1) if place else 0.0
    return min(1.0, found / sum(1 / log2(at + 1) for at in range(1, len(question.expects) + 1)))
