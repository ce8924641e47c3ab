from __future__ import annotations

import tomllib
import zipfile
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
PACKAGES = {"bot", "agents", "channels", "knowledge", "config"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the wheel that is built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_exactly_the_five_packages(wheel: list[str]) -> None:
    folders = {name.partition("/")[0] for name in wheel}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == PACKAGES


def test_the_wheel_holds_what_is_no_python_too(wheel: list[str]) -> None:
    wanted = [
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.suffix in {".yaml", ".lua", ".html", ".css", ".js"}
    ]
    assert "config/defaults/parley.yaml" in wanted
    assert set(wanted) <= set(wheel)


def test_no_other_installed_distribution_owns_one_of_the_five_names() -> None:
    owners = packages_distributions()
    assert [(name, set(owners[name])) for name in PACKAGES & owners.keys() if set(owners[name]) != {"parley"}] == []


def test_parley_is_installed_from_this_checkout_and_never_uploaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]
    (installed,) = [found for found in distributions() if found.name == "parley"]
    assert installed.version == project["version"]
