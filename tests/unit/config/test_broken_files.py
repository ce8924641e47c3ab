"""Broken configuration files, each with the message it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigurationInvalid
from config.loader import load_configuration

CASES = sorted(folder for folder in (Path(__file__).parent / "broken").iterdir() if folder.is_dir())
CANARY = "canary-of-the-environment"
ENVIRONMENT = {"CANARY": CANARY}


def refused(folder: Path) -> ConfigurationInvalid:
    with pytest.raises(ConfigurationInvalid) as caught:
        load_configuration(environment=ENVIRONMENT, folder=folder)
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_configuration_is_refused_with_its_message(case: Path) -> None:
    assert f"{refused(case)}\n" == (case / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_problem_names_its_file(case: Path) -> None:
    for problem in refused(case).problems:
        assert (case / problem.file).is_file()


def test_ten_kinds_of_mistakes_are_covered() -> None:
    assert len(CASES) >= 10


def test_secrets_never_appear() -> None:
    message = str(refused(next(case for case in CASES if "secrets" in case.name)))
    assert CANARY not in message
    for secret in ("271828182845", "314159265358", "161803398874", "141421356237", "173205080756"):
        assert secret not in message
