"""Parley as it is measured: the whole durable path, without knowledge bases and follow-up questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.processes import PYTHON, Measured, free_port, start, wait_for_http

SECRET = "benchmark-secret-token"  # pragma: allowlist secret
ASSISTANT = """\
name: bench
model: default
language: en
prompt: You are a helpful assistant.
follow_ups:
  enabled: false
memory:
  messages: {history}
  summary: {summary}
knowledge:
  bases: []
"""
PROCESS = """\
log:
  level: warning
  format: json
channels:
  telegram:
    default:
      mode: {mode}
      secret_token: {secret}
"""


@dataclass(slots=True)
class Parley:
    """How to start Parley's processes over one data folder."""

    folder: Path
    model_url: str
    telegram: Mapping[str, str] = field(default_factory=dict)
    """TELEGRAM_BOT_TOKEN and TELEGRAM_API_BASE; empty: web chat only."""
    history: int = 20
    summary: bool = True
    mode: str = "polling"
    redis_url: str = ""
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, role: str = "run", *, name: str = "") -> Measured:
        """Start `parley run`, `gateway` or `worker`."""
        assistants = self.folder / "assistants"
        assistants.mkdir(parents=True, exist_ok=True)
        settings = ASSISTANT.format(history=self.history, summary=str(self.summary).lower())
        (assistants / "bench.yaml").write_text(settings, "utf-8")
        (self.folder / "parley.yaml").write_text(PROCESS.format(mode=self.mode, secret=SECRET), "utf-8")
        data_dir = self.folder / "data"
        env = {
            "PARLEY_CONFIG": str(self.folder / "parley.yaml"),
            "PARLEY_DATA_DIR": str(data_dir),
            "PARLEY_HTTP_PORT": str(self.port),
            "PARLEY_PUBLIC_URL": self.url,
            "PARLEY_REDIS_URL": self.redis_url,
            "OPENAI_BASE_URL": self.model_url,
            "OPENAI_API_KEY": "sk-benchmark",  # pragma: allowlist secret
            **self.telegram,
        }
        return start(name or f"parley {role}", self._command(role), env=env, folder=self.folder, data_dir=data_dir)

    async def ready(self, measured: Measured, http: aiohttp.ClientSession) -> float:
        """Return the seconds from its start until it says that it is ready."""
        return await wait_for_http(f"{self.url}/readyz", measured, http)

    def _command(self, role: str) -> Sequence[str]:
        return [PYTHON, "-m", "bot", role]
