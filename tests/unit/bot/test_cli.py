"""The command line as a newcomer and a script use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from config.settings import Settings

runner = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TELEGRAM_BOT_TOKEN", "PARLEY_CONFIG", "PARLEY_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PARLEY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_help_names_every_command() -> None:
    text = runner.invoke(cli, ["--help"]).output
    for command in ("run", "gateway", "worker", "chat", "doctor", "config", "keys", "version"):
        assert command in text


def test_a_valid_configuration_exits_with_zero_and_a_broken_one_with_every_problem(folder: Path) -> None:
    assert runner.invoke(cli, ["config", "check"]).exit_code == 0
    (folder / "assistants").mkdir()
    (folder / "assistants" / "a.yaml").write_text("tools: [current_tim]\n")
    result = runner.invoke(cli, ["config", "check"])
    assert result.exit_code == 1
    assert 'did you mean "current_time"?' in result.output
    (folder / "parley.yaml").write_text("htpp: {port: 1}\nlimits: {attempts: none}\n")
    result = runner.invoke(cli, ["config", "check"])
    assert result.exit_code == 1
    assert "parley.yaml:1" in result.output
    assert "parley.yaml:2" in result.output


def test_the_shown_configuration_hides_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-test")
    output = runner.invoke(cli, ["config", "show"]).output
    assert "api_key: '**********'" in output
    assert "very-secret" not in output
    for section in Settings.model_fields:
        assert f"{section}:" in output


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked() -> None:
    created = runner.invoke(cli, ["keys", "create", "crm"])
    secret = created.stdout.strip()
    assert created.exit_code == 0
    assert secret.startswith("pk-parley-")
    listed = runner.invoke(cli, ["keys", "list"]).output
    assert "crm" in listed
    assert secret.rpartition("-")[2] not in listed
    assert runner.invoke(cli, ["keys", "create", "crm"]).exit_code == 3
    assert runner.invoke(cli, ["keys", "revoke", "crm"]).exit_code == 0
    assert runner.invoke(cli, ["keys", "revoke", "crm"]).exit_code == 3


def test_the_doctor_finds_a_healthy_installation_healthy() -> None:
    result = runner.invoke(cli, ["doctor"])
    assert result.exit_code == 0, result.output
    assert "Valkey" in result.output
    assert "append-only file" in result.output


def test_the_doctor_finds_a_model_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = runner.invoke(cli, ["doctor"])
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_dead_letters_are_listed_retried_and_cleared() -> None:
    for command in ("list", "retry", "clear"):
        assert runner.invoke(cli, ["dead", command]).exit_code == 0


def test_a_store_that_is_away_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_REDIS_URL", "redis://127.0.0.1:9/0")
    result = runner.invoke(cli, ["keys", "list"])
    assert result.exit_code == 3
    assert "127.0.0.1:9" in result.output
