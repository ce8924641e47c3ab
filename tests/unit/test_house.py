from __future__ import annotations

from pathlib import Path

import pytest

from docs import generate, house


def test_the_configuration_reference_is_up_to_date() -> None:
    assert generate.main(["--check"]) == 0


def test_a_stale_reference_is_noticed_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "DOCUMENT", tmp_path / "configuration.md")
    assert generate.main(["--check"]) == 1
    assert "make docs" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_every_link_of_the_reference_leads_to_a_heading() -> None:
    text = generate.document()
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#") and " " in line]
    anchors = {
        "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_") for heading in headings
    }
    links = {part.partition(")")[0] for part in text.split("](#")[1:]}
    assert links
    assert links <= anchors
    assert len(anchors) == len(headings)


def test_the_house_rules_hold() -> None:
    assert list(house.complaints()) == []


def test_a_module_too_long_and_code_in_an_init_are_named(tmp_path: Path) -> None:
    package = tmp_path / "bot"
    package.mkdir()
    (package / "long.py").write_text("x = 1\n" * 401)
    (package / "__init__.py").write_text('"""A package."""\n\nfrom bot.long import x\n')
    assert list(house.complaints(tmp_path)) == [
        "bot/__init__.py: expected a docstring and nothing else",
        "bot/long.py: 401 lines; at most 400",
    ]
