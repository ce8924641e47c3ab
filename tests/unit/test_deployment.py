from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.loader import load_configuration

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]


def test_the_services_are_those_of_the_documentation() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8"), re.M)
    assert sorted(documented) == sorted(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_and_has_no_rights_to_spare(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


def test_the_store_writes_an_append_only_file() -> None:
    command = SERVICES["valkey"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"


def test_secrets_come_from_the_env_file_alone() -> None:
    for name in ("gateway", "worker"):
        assert SERVICES[name]["env_file"] == ".env"
        assert not [key for key in SERVICES[name]["environment"] if "KEY" in key or "TOKEN" in key]


def test_the_health_checks_are_python_that_compiles() -> None:
    scripts = [service["healthcheck"]["test"][3] for name, service in SERVICES.items() if name != "valkey"]
    for script in scripts:
        compile(script, "healthcheck", "exec")


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    sources = {source for line in copied for source in line.split()}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)


def test_the_example_configuration_and_environment_are_valid(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy" / "config", tmp_path, dirs_exist_ok=True)
    shutil.copy(ROOT / "deploy" / "env.example", tmp_path / ".env")
    configuration = load_configuration(environment={}, folder=tmp_path)
    assert configuration.settings.log.format == "json"
    assert configuration.settings.models["default"].model == "gpt-4o-mini"


def test_the_example_environment_names_what_the_defaults_read() -> None:
    defaults = (ROOT / "config" / "defaults" / "parley.yaml").read_text(encoding="utf-8")
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    named = {line.partition("=")[0] for line in io.StringIO(example) if "=" in line and not line.startswith("#")}
    assert named <= set(re.findall(r"\$\{(\w+):-", defaults))
