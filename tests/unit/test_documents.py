"""What the documents say is true: links, commands, variables, settings, metrics, events and examples."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer.main
from pydantic import BaseModel

from bot.cli import cli
from bot.commands.table import CommandTable
from bot.telemetry import Metrics
from config.assistant import Assistant
from config.loader import load_configuration
from config.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "agents", "channels", "knowledge", "config")
READMES = ("README.md", "README.zh-CN.md")
PAIRS = [
    READMES,
    ("docs/getting-started.md", "docs/getting-started.zh-CN.md"),
    ("docs/knowledge.md", "docs/knowledge.zh-CN.md"),
]

_CODE = re.compile(r"^([ ]*)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[str]:
    """The documents for people; what else is Markdown is material of examples, tests and benchmarks."""
    folders = ("", "docs", "docs/decisions")
    return sorted(str(file.relative_to(ROOT)) for folder in folders for file in (ROOT / folder).glob("*.md"))


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    return _CODE.sub("", text_of(page))


def slugs(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(page: str, *languages: str) -> list[str]:
    return [body for _, language, body in _CODE.findall(text_of(page)) if language in languages]


@pytest.mark.parametrize("page", pages())
def test_every_relative_link_leads_somewhere(page: str) -> None:
    for link in _LINK.findall(_SPAN.sub("", prose(page))):
        target, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), f"{page}: {link}"
        if anchor and path.suffix == ".md":
            assert anchor in slugs(str(path.relative_to(ROOT)) if path.is_absolute() else page), f"{page}: {link}"


def command_tree() -> dict[str, set[str]]:
    group: Any = typer.main.get_command(cli)
    return {name: set(getattr(command, "commands", ())) for name, command in group.commands.items()}


@pytest.mark.parametrize("page", pages())
def test_every_named_command_and_make_target_exists(page: str) -> None:
    tree = command_tree()
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    for code in [*_SPAN.findall(prose(page)), *blocks(page, "sh")]:
        for name, sub in re.findall(r"\bparley ([a-z]+)(?: ([a-z]+))?", code):
            assert name in tree, f"{page}: parley {name}"
            assert not sub or not tree[name] or sub in tree[name], f"{page}: parley {name} {sub}"
        for target in re.findall(r"\bmake ([a-z]+)", code):
            assert target in targets, f"{page}: make {target}"


@pytest.mark.parametrize("page", READMES)
def test_the_readme_names_every_command(page: str) -> None:
    text = text_of(page)
    for name, subcommands in command_tree().items():
        for wanted in [f"parley {name} {sub}" for sub in subcommands] or [f"parley {name}"]:
            assert f"`{wanted}`" in text
    for command in CommandTable().commands:
        assert f"`/{command.name} {command.arguments}".rstrip() + "`" in text
        assert all(f"`/{alias}`" in text for alias in command.aliases)


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_structure(english: str, chinese: str) -> None:
    def structure(page: str) -> list[str]:
        return re.findall(r"^(#+|\d\.|-|\||!\[)", prose(page), re.MULTILINE)

    def commands(page: str) -> list[str]:
        return [re.sub(r"\s+#.*", "", body) for body in blocks(page, "sh", "python")]

    def languages(page: str) -> list[str]:
        return [language for _, language, _ in _CODE.findall(text_of(page))]

    assert structure(english) == structure(chinese)
    assert languages(english) == languages(chinese)
    assert commands(english) == commands(chinese)


@pytest.mark.parametrize("page", [*READMES, PAIRS[1][0], PAIRS[1][1]])
def test_every_named_variable_is_read_by_the_shipped_defaults(page: str) -> None:
    text = text_of(page)
    defaults = (ROOT / "config/defaults/parley.yaml").read_text(encoding="utf-8")
    made_by_the_reader = set(re.findall(r"export (\w+)=\$\(", text))
    named = set(re.findall(r"\b(?:PARLEY|OPENAI|TELEGRAM)_[A-Z_]+\b", text)) - made_by_the_reader
    assert named
    assert [name for name in named if f"${{{name}:-" not in defaults] == []


def knows(model: type[BaseModel], path: list[str]) -> bool:
    field = model.model_fields.get(path[0])
    if field is None or len(path) == 1:
        return field is not None
    return (
        isinstance(field.annotation, type)
        and issubclass(field.annotation, BaseModel)
        and knows(field.annotation, path[1:])
    )


@pytest.mark.parametrize("page", pages())
def test_every_named_setting_is_in_the_schema(page: str) -> None:
    sections = {
        name
        for model in (Settings, Assistant)
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    for span in _SPAN.findall(prose(page)):
        name = span.partition(":")[0]
        if re.fullmatch(r"[a-z_]+(\.(?!py$)[a-z_]+)+", name) and name.partition(".")[0] in sections:
            known = any(knows(model, name.split(".")) for model in (Settings, Assistant))
            assert known or is_event(name), f"{page}: {name}"


def is_event(name: str) -> bool:
    return f'"{name}"' in sources()


@cache
def sources() -> str:
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_every_metric_and_event_of_the_operations_page_exists() -> None:
    page = prose("docs/operations.md")
    metrics = re.findall(r"^# HELP (\w+)", Metrics().text().decode(), re.MULTILINE)
    named = set(re.findall(r"\bparley_[a-z_]+", page))
    assert named
    assert [name for name in named if name not in metrics] == []
    logs = page.partition("## Logs")[2].partition("\n## ")[0]
    events = [event for row in re.findall(r"^\| (`.+?) \|", logs, re.MULTILINE) for event in _SPAN.findall(row)]
    code = sources()
    assert events
    assert [event for event in events if f'"{event}"' not in code] == []


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    wanted = {re.split(r"[<>=; ]", line)[0] for line in declared}
    rows = re.findall(r"^\| (`.+?) \|", text_of("docs/decisions/0001-libraries.md"), re.MULTILINE)
    assert {name for row in rows for name in _SPAN.findall(row)} == wanted


def examples(page: str) -> Iterator[dict[str, str]]:
    """Each assistant of a page with the settings that were shown before it; settings without one alone."""
    settings = "{}"
    for body in blocks(page, "yaml"):
        name, _, content = body.partition("\n")
        if name == "# parley.yaml":
            settings = content
            yield {"parley.yaml": content}
        elif name.startswith("# assistants/"):
            yield {"parley.yaml": settings, name.removeprefix("# "): content}


@pytest.mark.parametrize("page", pages())
def test_every_example_of_a_configuration_is_valid(page: str, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    environment = {"TELEGRAM_BOT_TOKEN": "123456:ABC", "OPENAI_API_KEY": "sk-test"}
    for number, files in enumerate(examples(page)):
        folder = tmp_path / str(number)
        (folder / "assistants").mkdir(parents=True)
        (folder / "documents").mkdir()
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        load_configuration(None, environment=environment, folder=folder)
