from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigurationInvalid, UnknownAssistant
from config.loader import DEFAULTS, Configuration, load_configuration
from config.settings import Owner, RedisSettings

HANDBOOK = Path(__file__).parents[3] / "examples" / "handbook"


def load(folder: Path, path: Path | None = None, **environment: str) -> Configuration:
    return load_configuration(path, environment=environment, folder=folder)


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, path: Path | None = None, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as caught:
        load(folder, path, **environment)
    return [str(problem) for problem in caught.value.problems]


def test_without_files_and_variables_it_answers_offline_from_the_handbook(tmp_path: Path) -> None:
    configuration = load(tmp_path)
    settings = configuration.settings
    assert settings.models["default"].provider == "offline"
    assert (settings.http.host, settings.http.port, settings.http.public_url) == ("127.0.0.1", 8080, None)
    assert settings.redis.url is None
    assert settings.data_dir == tmp_path / "data"
    assert settings.channels.telegram["default"].token is None
    assert all(Path(source).is_relative_to(HANDBOOK) for source in settings.knowledge["handbook"].sources)
    assert configuration.root == tmp_path
    assistant = configuration.assistant(None)
    assert assistant.name == "assistant"
    assert assistant.knowledge.bases == ("handbook",)
    assert len(assistant.questions) == 3


def test_a_key_turns_the_openai_model_on(tmp_path: Path) -> None:
    model = load(tmp_path, OPENAI_API_KEY="key-of-a-test").settings.models["default"]
    assert (model.provider, model.model, model.base_url) == ("openai", "gpt-4o-mini", None)
    assert model.api_key is not None
    assert model.api_key.get_secret_value() == "key-of-a-test"


def test_an_address_alone_is_enough_for_a_model(tmp_path: Path) -> None:
    address = "http://127.0.0.1:11434/v1"
    model = load(tmp_path, OPENAI_BASE_URL=address, PARLEY_MODEL="qwen3:8b").settings.models["default"]
    assert (model.provider, model.base_url, model.model) == ("openai", address, "qwen3:8b")
    assert model.api_key is None


def test_each_variable_of_the_defaults_sets_its_value(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        TELEGRAM_BOT_TOKEN="7:token-of-a-test",
        TELEGRAM_API_BASE="http://127.0.0.1:9000",
        PARLEY_HTTP_HOST="0.0.0.0",
        PARLEY_HTTP_PORT="9090",
        PARLEY_REDIS_URL="redis://127.0.0.1:6379/1",
        PARLEY_DATA_DIR="elsewhere",
        PARLEY_PUBLIC_URL="https://bot.example",
    ).settings
    bot = settings.channels.telegram["default"]
    assert bot.token is not None
    assert bot.token.get_secret_value() == "7:token-of-a-test"
    assert bot.api_base == "http://127.0.0.1:9000"
    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 9090)
    assert settings.http.public_url == "https://bot.example"
    assert settings.redis.url == "redis://127.0.0.1:6379/1"
    assert settings.data_dir == tmp_path / "elsewhere"


def test_a_wrong_variable_is_reported_at_the_default_that_reads_it(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, PARLEY_HTTP_PORT="eighty")
    assert problem.startswith(str(DEFAULTS / "parley.yaml"))
    assert problem.endswith(
        "http.port: expected a whole number from 0 to 65535, found the value of ${PARLEY_HTTP_PORT:-8080}"
    )


def test_the_users_file_is_laid_over_the_defaults(tmp_path: Path) -> None:
    write(
        tmp_path / "parley.yaml",
        "http: {port: 9000}\n"
        "redis:\n"
        "models:\n  default: {model: deepseek-chat, provider: openai}\n  fast: {model: small}\n"
        "channels: {telegram: {support: {token: '7:token-of-a-test'}}}\n",
    )
    settings = load(tmp_path).settings
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 9000)
    assert settings.models["default"].model == "deepseek-chat"
    assert set(settings.models) == {"default", "fast"}
    assert set(settings.channels.telegram) == {"default", "support"}
    assert "handbook" in settings.knowledge


def test_assistants_of_the_user_replace_the_shipped_one_and_are_named_by_their_files(tmp_path: Path) -> None:
    write(tmp_path / "assistants" / "sales.yaml", "description: Sells.\n")
    write(tmp_path / "assistants" / "help.yaml", "name: helper\n")
    configuration = load(tmp_path)
    assert list(configuration.assistants) == ["helper", "sales"]
    assert configuration.assistant(None).name == "helper"
    assert configuration.assistant("sales").description == "Sells."
    with pytest.raises(UnknownAssistant, match='no assistant is called "sails"; did you mean "sales"'):
        configuration.assistant("sails")


def test_the_default_assistant_is_the_one_that_the_settings_name(tmp_path: Path) -> None:
    write(tmp_path / "parley.yaml", "default_assistant: b\n")
    write(tmp_path / "assistants" / "a.yaml", "description: A\n")
    write(tmp_path / "assistants" / "b.yaml", "description: B\n")
    assert load(tmp_path).assistant(None).name == "b"


@pytest.mark.parametrize("named", ["deploy", "deploy/parley.yaml"])
def test_a_file_or_its_folder_may_be_named(tmp_path: Path, named: str) -> None:
    write(tmp_path / "deploy" / "parley.yaml", "http: {port: 9000}\n")
    by_argument = load(tmp_path, Path(named))
    by_variable = load(tmp_path, PARLEY_CONFIG=named)
    assert by_argument.settings.http.port == by_variable.settings.http.port == 9000
    assert by_argument.root == tmp_path / "deploy"
    assert by_argument.settings.data_dir == tmp_path / "data"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert problems(tmp_path, Path("nowhere.yaml")) == [
        "nowhere.yaml: does not exist; --config or PARLEY_CONFIG names it"
    ]
    assert problems(tmp_path, tmp_path)[0].startswith("parley.yaml: does not exist")


def test_dotenv_fills_in_what_the_environment_lacks(tmp_path: Path) -> None:
    write(tmp_path / ".env", "# ports\nexport PARLEY_HTTP_PORT=9001\nPARLEY_MODEL='small one'\n")
    assert load(tmp_path).settings.http.port == 9001
    settings = load(tmp_path, PARLEY_HTTP_PORT="9002").settings
    assert (settings.http.port, settings.models["default"].model) == (9002, "small one")


def test_dotenv_beside_the_settings_comes_before_that_of_the_working_folder(tmp_path: Path) -> None:
    write(tmp_path / ".env", "PARLEY_HTTP_PORT=9001\n")
    write(tmp_path / "deploy" / "parley.yaml", "log: {level: debug}\n")
    assert load(tmp_path, Path("deploy")).settings.http.port == 9001
    write(tmp_path / "deploy" / ".env", "PARLEY_HTTP_PORT=9003\n")
    assert load(tmp_path, Path("deploy")).settings.http.port == 9003


def test_a_broken_dotenv_is_reported_without_its_content(tmp_path: Path) -> None:
    write(tmp_path / ".env", "GOOD=1\n\nsecret of mine\nLONELY\n")
    assert problems(tmp_path) == [".env:3: expected VARIABLE=value", ".env:4: expected VARIABLE=value"]
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    assert problems(tmp_path) == [".env: is not UTF-8; save it as UTF-8"]


def test_paths_start_at_the_file_that_declares_them(tmp_path: Path) -> None:
    write(tmp_path / "deploy" / "parley.yaml", "knowledge: {manuals: {sources: [../documents]}}\n")
    write(tmp_path / "documents" / "one.md", "One.\n")
    write(tmp_path / "deploy" / "assistants" / "a.yaml", "moderation: {input: [{name: rude, file: words/rude.txt}]}\n")
    words = write(tmp_path / "deploy" / "assistants" / "words" / "rude.txt", "darn\n")
    configuration = load(tmp_path, Path("deploy"))
    assert configuration.settings.knowledge["manuals"].sources == (str(tmp_path / "documents"),)
    assert configuration.assistant("a").moderation.input[0].file == str(words)
    assert words in configuration.files


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "parley.yaml").write_bytes(b"\xef\xbb\xbfhttp: {port: 9000}\r\n")
    assert load(tmp_path).settings.http.port == 9000


def test_a_number_is_a_fine_user_id(tmp_path: Path) -> None:
    write(tmp_path / "parley.yaml", "owners: [{channel: telegram, user: 123456}]\n")
    assert load(tmp_path).settings.owners == (Owner(channel="telegram", account="default", user="123456"),)


def test_the_digest_follows_the_content_of_every_file(tmp_path: Path) -> None:
    write(tmp_path / "assistants" / "a.yaml", "moderation: {input: [{name: rude, file: rude.txt}]}\n")
    words = write(tmp_path / "assistants" / "rude.txt", "darn\n")
    before = load(tmp_path).digest
    assert load(tmp_path).digest == before
    write(words, "darn\nheck\n")
    assert load(tmp_path).digest != before


def test_a_webhook_without_a_token_or_with_an_address_is_fine(tmp_path: Path) -> None:
    write(tmp_path / "parley.yaml", "channels: {telegram: {default: {mode: webhook}}}\n")
    assert load(tmp_path).settings.channels.telegram["default"].mode == "webhook"
    token = "7:token-of-a-test"
    assert "http.public_url" in problems(tmp_path, TELEGRAM_BOT_TOKEN=token)[0]
    settings = load(tmp_path, TELEGRAM_BOT_TOKEN=token, PARLEY_PUBLIC_URL="https://bot.example").settings
    assert settings.channels.telegram["default"].mode == "webhook"


def test_a_password_in_the_address_of_the_store_is_not_shown() -> None:
    address = "rediss://someone:fake:pass/word@127.0.0.1:6379/1"
    settings = RedisSettings(url=address)
    assert settings.model_dump(mode="json")["url"] == "rediss://**********@127.0.0.1:6379/1"
    assert settings.url == address
    for harmless in (None, "redis://127.0.0.1:6379/0", "unix:///run/valkey.sock"):
        assert RedisSettings(url=harmless).model_dump(mode="json")["url"] == harmless
