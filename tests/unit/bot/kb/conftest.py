"""A folder with two bases, an embedding endpoint that costs nothing, and the command line on them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli
from tests.unit.knowledge.parts import WordEmbedder, write

SETTINGS = """
embeddings: {{provider: openai, model: {model}, base_url: "{url}", timeout_s: 5, retries: 0}}
chroma: {{url: "{chroma}"}}
knowledge:
  kb: {{sources: [docs], threshold: 0.3}}
  other: {{sources: [other]}}
"""
DOCUMENTS = {
    "assistants/clerk.yaml": "name: clerk\nknowledge: {bases: [kb]}\n",
    "docs/年假.md": "# 年假\n\n## 天数\n\n员工每年享有十二天带薪年假。\n",
    "docs/expenses.md": "# Expenses\n\nHand in a receipt within thirty days.\n",
    "docs/secret.md": "---\nroles: [hr]\ntags: [pay]\n---\n# Salaries\n\nThe canary earns a receipt of 9000.\n",
}


@dataclass(slots=True)
class Endpoint:
    """OpenAI's embeddings protocol over words; keeps the texts that it was given."""

    url: str = ""
    texts: list[str] = field(default_factory=list)
    down: bool = False


@pytest.fixture(scope="session")
def _endpoint() -> Iterator[Endpoint]:
    made = Endpoint()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.texts += asked["input"]
            vectors = asyncio.run(WordEmbedder(asked["model"]).embed(asked["input"]))
            body = {"data": [{"index": at, "embedding": row} for at, row in enumerate(vectors)]}
            self.send_response(500 if made.down else 200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(_endpoint: Endpoint) -> Endpoint:
    _endpoint.texts.clear()
    _endpoint.down = False
    return _endpoint


@dataclass(frozen=True, slots=True)
class Shell:
    """The command line in one folder."""

    folder: Path
    endpoint: Endpoint

    def configure(self, *, model: str = "words", chroma: str = "") -> None:
        text = SETTINGS.format(url=self.endpoint.url, model=model, chroma=chroma)
        (self.folder / "parley.yaml").write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        """Run `parley kb …`, and check its exit code."""
        result = CliRunner().invoke(cli, ["kb", *arguments])
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        return result

    def data(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def documents(self, base: str = "kb") -> list[str]:
        return [one["document"] for one in self.data("ls", base) if not one["blocked"]]


@pytest.fixture
def shell(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PARLEY_CONFIG", "PARLEY_CHROMA_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    write(tmp_path, DOCUMENTS)
    (tmp_path / "other").mkdir()
    made = Shell(tmp_path, endpoint)
    made.configure()
    return made


@pytest.fixture
def synced(shell: Shell) -> Shell:
    shell("sync")
    return shell
