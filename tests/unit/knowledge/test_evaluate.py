import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import DocumentRule, KnowledgeBase
from knowledge.evaluation.evaluate import Evaluation, evaluate
from knowledge.evaluation.questions import Expected, Question
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

FILES = {
    "docs/leave.md": "# Leave\n\nPermanent employees receive twenty days of holiday.\n",
    "docs/sick.md": "# Illness\n\nBring a certificate of your doctor after three days.\n",
    "docs/pay.md": "# Salary\n\nWages arrive monthly by bank transfer.\n",
    "docs/board.md": "# Board\n\nDirectors plan a secret merger in autumn.\n",
}
HR = Scope(roles=frozenset({"board"}))
QUESTIONS = [
    Question(text="holiday of permanent employees", expects=(Expected(document="leave.md"),), language="en"),
    Question(text="certificate of a doctor", expects=(Expected(document="sick.md", text=("moon",)),), kind="hard"),
    Question(text="secret merger", expects=(Expected(document="board.md"),), scope=HR, kind="secret"),
    Question(text="secret merger", expects=(Expected(document="board.md"),), kind="hidden"),
    Question(text="zebra crossing", kind="unanswerable", tags=frozenset({"far"})),
]


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    write(tmp_path, FILES)
    base = KnowledgeBase(sources=("docs",), rules=(DocumentRule(match="*board.md", roles=("board",)),))
    library = Library({"kb": base}, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder())
    yield library
    await library.close()


async def measured(library: Library, threshold: float = 0.5) -> Evaluation:
    return await evaluate(library, QUESTIONS, bases=["kb"], thresholds={"kb": threshold}, passages=2)


async def test_every_group_gets_its_own_figures(library: Library) -> None:
    groups = (await measured(library)).groups()
    assert list(groups) == [
        "all", "language ", "language en", "kind hard", "kind secret", "kind hidden", "kind unanswerable", "tag far"
    ]  # fmt: skip
    everything = groups["all"]
    assert (everything.questions, everything.answerable) == (5, 4)
    assert everything.recall[1] == everything.recall[10] == 0.5
    assert everything.mrr == everything.ndcg == 0.5
    assert everything.refused == 1
    assert groups["kind unanswerable"].recall == {}
    assert groups["kind unanswerable"].mrr is None
    assert groups["kind secret"].refused is None
    assert 0 < everything.p50_ms <= everything.p95_ms <= everything.p99_ms


async def test_a_question_is_asked_with_its_own_rights(library: Library) -> None:
    groups = (await measured(library)).groups()
    assert groups["kind secret"].recall[1] == 1
    assert groups["kind hidden"].recall[10] == 0


async def test_what_scores_too_low_is_found_but_not_given(library: Library) -> None:
    figures = (await measured(library, threshold=1.0)).over()
    assert figures.recall[1] == 0.5
    assert (figures.given, figures.refused_wrongly) == (0, 1)


async def test_the_misses_are_what_a_person_should_look_at(library: Library) -> None:
    misses = (await measured(library)).misses()
    assert [one.question.kind for one in misses] == ["hard", "hidden"]
    assert misses[0].found[0].document == "docs/sick.md"
    assert (await measured(library, threshold=0.0)).misses()[-1].question.kind == "unanswerable"


async def test_a_threshold_can_be_tried_afterwards(library: Library) -> None:
    evaluation = await measured(library)
    threshold = evaluation.wrongly_refusing(0.25)
    assert evaluation.refusing_below(threshold).over().refused_wrongly == 0.25
    assert evaluation.refusing_below(2.0).over().refused_wrongly == 1


async def test_all_of_it_is_json(library: Library) -> None:
    data = json.loads(json.dumps((await measured(library)).as_data()))
    assert data["groups"]["all"]["recall"] == {"1": 0.5, "3": 0.5, "5": 0.5, "10": 0.5}
    assert data["misses"][0]["expected"] == ["sick.md · moon"]
    assert data["misses"][0]["places"] == [None]
