import io
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
import typer
from rich.console import Console

from bot.errors import BotError
from bot.kb.evaluation import evaluate
from bot.kb.syncing import sync
from config.loader import Configuration, load_configuration
from knowledge.errors import KnowledgeError
from tests.unit.knowledge.parts import write

FILES = {
    "parley.yaml": "data_dir: data\nknowledge:\n  kb: {sources: [docs]}\n",
    "assistants/a.yaml": "name: a\nmodel: default\nknowledge: {bases: [kb], passages: 1}\n",
    "docs/leave.md": (
        "# Handbook\n\n"
        "## Annual leave\n\nEveryone has 24 days of paid leave a year.\n\n"
        "## Parking\n\nA space costs 30 euros.\n"
    ),
    "docs/vpn.md": "# VPN\n\nTwo devices may be connected at once.\n",
    "questions.yaml": (
        "questions:\n"
        "  - {question: How many days of paid leave are there?, expects: [{document: leave.md, text: 24 days}]}\n"
        "  - {question: 停车要多少钱, expects: [{document: leave.md, text: 30 euros}]}\n"
        "  - {question: What is the capital of Australia?, unanswerable: true}\n"
    ),
}


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    write(tmp_path, FILES)
    return load_configuration(tmp_path, environment={}, folder=tmp_path)


def screen(width: int = 200) -> tuple[io.StringIO, Console]:
    text = io.StringIO()
    return text, Console(file=text, width=width, force_terminal=False)


def chunks(folder: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "data/knowledge/kb.sqlite")) as db:
        return db.execute(
            "SELECT revision, text FROM chunks, (SELECT MAX(number) AS revision FROM revisions)"
        ).fetchall()


async def test_settings_stand_side_by_side_and_temporary_indexes_go_away(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    await sync(configuration, ["kb"])
    before = chunks(tmp_path)
    text, console = screen()
    code = await evaluate(
        configuration,
        tmp_path / "questions.yaml",
        bases=["kb"],
        against=["how=lexical", "chunk_characters=100,threshold=0.9"],
        minimum=["recall@5=1", "zh:recall@5=1", "refused=1"],
        maximum=["refused_wrongly=0"],
        json_path=str(tmp_path / "figures.json"),
        misses=True,
        console=console,
    )
    shown = text.getvalue()
    assert code == 0, shown
    assert "as configured" in shown
    assert "chunk_characters=100,threshold=0.9" in shown
    assert "language zh (1)" in shown
    settings = json.loads((tmp_path / "figures.json").read_text())["settings"]
    assert settings["as configured"]["groups"]["all"]["recall"]["5"] == 1
    assert settings["how=lexical"]["groups"]["all"]["refused"] is None
    assert settings["chunk_characters=100,threshold=0.9"]["groups"]["all"]["refused_wrongly"] == 1
    assert not list(temporary.iterdir())
    assert chunks(tmp_path) == before


async def test_a_condition_that_does_not_hold_is_a_problem(
    configuration: Configuration, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await sync(configuration, ["kb"])
    capsys.readouterr()
    code = await evaluate(configuration, tmp_path / "questions.yaml", bases=["kb"], maximum=["p50_ms=0"], json_path="-")
    printed = capsys.readouterr()
    assert code == 1
    assert list(json.loads(printed.out)["settings"]) == ["as configured"]
    assert "p50_ms is" in printed.err


async def test_long_names_become_numbers_in_a_narrow_terminal(configuration: Configuration, tmp_path: Path) -> None:
    await sync(configuration, ["kb"])
    text, console = screen(60)
    await evaluate(
        configuration,
        tmp_path / "questions.yaml",
        bases=["kb"],
        against=["how=vector,passages=3"],
        console=console,
        depths=[2],
    )
    lines = text.getvalue().splitlines()
    assert "(2) how=vector,passages=3" in lines
    assert max(map(len, lines)) <= 60
    assert any("recall@2" in one for one in lines)


@pytest.mark.parametrize(
    ("against", "told"),
    [
        ("treshold=1", 'did you mean "threshold"'),
        ("threshold=2", "less than or equal to 1"),
        ("how=magic", "known here: hybrid"),
        ("rerank=on", "no reranker is configured"),
        ("embeddings.provider=none", "offline"),
        ("around", "expected KEY=VALUE"),
    ],
)
async def test_a_setting_that_makes_no_sense_is_told(
    configuration: Configuration, tmp_path: Path, against: str, told: str
) -> None:
    with pytest.raises(typer.BadParameter, match=r".+") as caught:
        await evaluate(configuration, tmp_path / "questions.yaml", against=[against])
    assert told in str(caught.value)


async def test_a_condition_that_makes_no_sense_is_told(configuration: Configuration, tmp_path: Path) -> None:
    for condition in ("recall@7=1", "mrr", "mrr=high"):
        with pytest.raises(typer.BadParameter, match="of measures there are"):
            await evaluate(configuration, tmp_path / "questions.yaml", minimum=[condition])


async def test_an_empty_base_and_a_broken_file_are_told(configuration: Configuration, tmp_path: Path) -> None:
    with pytest.raises(BotError, match="parley kb sync kb"):
        await evaluate(configuration, tmp_path / "questions.yaml", bases=["kb"])
    with pytest.raises(KnowledgeError, match=r"parley.yaml:1"):
        await evaluate(configuration, tmp_path / "parley.yaml")
