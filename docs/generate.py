"""Write `docs/configuration.md` from the schema: `python -m docs.generate`, with `--check` only to compare."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.assistant import Assistant
from config.loader import DEFAULTS
from config.outline import Outline
from config.problems import KeyPath
from config.settings import Settings

DOCUMENT = Path(__file__).parent / "configuration.md"

_INTRODUCTION = """\
<!-- Written by `make docs` from the schema in config/. Do not edit. -->

# Configuration

Parley reads `parley.yaml` (the process) and `assistants/*.yaml` (one assistant each) from the working folder, or from
the file or folder that `--config` or `PARLEY_CONFIG` names; assistants lie beside `parley.yaml`. Every file is
optional: the [defaults](#the-shipped-defaults) are enough for a first run.

- **Laid over the defaults.** Your `parley.yaml` needs only what differs. Mappings are merged key by key, everything
  else is replaced; an empty key is as good as not written. The shipped assistant answers only while you have none of
  your own.
- **Variables.** `${VARIABLE}` is the value of an environment variable, `${VARIABLE:-text}` has a default for one that
  is unset or empty, `$${` is a literal `${`. Variables stand in values, never in keys; a value can never add keys.
- **`.env`.** A file `.env` beside `parley.yaml`, else in the working folder, fills in variables that the environment
  lacks. Its values are taken literally.
- **Paths.** Knowledge sources and word lists start at the folder of the file that names them; `data_dir` starts at the
  working folder.
- **Checked as a whole.** `parley config check` names every mistake at once with its file, line and path, and fails
  where there is one.
- **Watched.** A valid change takes effect with the next turn. An invalid one is refused with its error shown, and the
  last good configuration stays.

## Environment variables

The shipped defaults read these, so setting one is enough to turn a thing on:

| variable | effect |
|---|---|
| `OPENAI_API_KEY` | the model `default` uses OpenAI with this key |
| `OPENAI_BASE_URL` | the model `default` uses this OpenAI-compatible endpoint; enough alone, for example for Ollama |
| `PARLEY_MODEL` | the name of that model, by default `gpt-4o-mini` |
| `TELEGRAM_BOT_TOKEN` | the Telegram bot `default` is on |
| `TELEGRAM_API_BASE` | its Bot API server, where it is not Telegram's |
| `PARLEY_HTTP_HOST`, `PARLEY_HTTP_PORT` | where the HTTP server listens, by default `127.0.0.1` and `8080` |
| `PARLEY_PUBLIC_URL` | the address at which platforms reach this server, for webhooks |
| `PARLEY_REDIS_URL` | a Redis or Valkey server instead of the embedded one |
| `PARLEY_DATA_DIR` | the folder that Parley writes to, by default `./data` |
| `PARLEY_CONFIG` | a `parley.yaml` or its folder, as `--config` |
"""


def document() -> str:
    """Return the whole text of `docs/configuration.md`."""
    return "\n".join(
        (
            _INTRODUCTION,
            "## `parley.yaml`\n",
            *_Reference(Settings, "").sections(),
            "## `assistants/NAME.yaml`\n",
            *_Reference(Assistant, "Assistant ").sections(),
            "## The shipped defaults\n",
            _file("parley.yaml"),
            _file("assistants/assistant.yaml"),
        )
    )


def _file(name: str) -> str:
    return f"`config/defaults/{name}`:\n\n```yaml\n{(DEFAULTS / name).read_text(encoding='utf-8')}```\n"


class _Reference:
    """The tables of one schema; a kind of section that stands in several places is described once."""

    def __init__(self, model: type[BaseModel], prefix: str) -> None:
        self._outline = Outline(model)
        self._prefix = prefix
        self._described: dict[str, KeyPath] = {}

    def sections(self, path: KeyPath = ()) -> Iterator[str]:
        """Yield a table of the keys at `path`, then one for each section below it."""
        schema = self._outline.at(path)
        if path:
            yield f"### {self._prefix}`{_written(path)}`\n"
        yield _line(schema["description"]) + "\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        below = []
        for key in self._outline.keys(path):
            section = self._section((*path, key))
            if section and self._described.setdefault(self._outline.at(section)["title"], section) not in below:
                below.append(section)
            yield self._row((*path, key), required=key in schema.get("required", ()))
        yield ""
        for section in below:
            yield from self.sections(section)

    def _section(self, path: KeyPath) -> KeyPath | None:
        """Return where the keys of a section stand: at `path`, in its entries, or nowhere."""
        for entry in (path, (*path, "NAME"), (*path, 0)):
            if self._outline.keys(entry):
                return entry
        return None

    def _row(self, path: KeyPath, *, required: bool) -> str:
        schema, section = self._outline.at(path), self._section(path)
        default = "" if section else _default(schema.get("default"))
        if required:
            default = schema.get("x-default", "**required**")
        kind = self._link(section) if section else self._kind(path)
        cells = (f"`{path[-1]}`", kind, default, _line(schema["description"]))
        return "| " + " | ".join(cells) + " |"

    def _link(self, section: KeyPath) -> str:
        described = self._described.get(self._outline.at(section)["title"], section)
        name = f"{self._prefix}{_written(described)}"
        # GitHub keeps letters, digits, hyphens and underscores of a heading, and makes hyphens of spaces.
        anchor = "".join(c for c in name.lower().replace(" ", "-") if c.isalnum() or c in "-_")
        return f"[{_entries(section)}`{_written(section)}`](#{anchor})"

    def _kind(self, path: KeyPath) -> str:
        schema = self._outline.at(path)
        if self._outline.secret(path):
            return "secret text"
        if schema.get("type") == "array":
            most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
            return f"list of {self._kind((*path, 0))}{most}"
        if schema.get("type") == "object":
            values = (*path, "NAME")
            return f"mapping of names to {self._kind(values)}" if self._outline.at(values) else "mapping"
        return self._outline.expected(path)


def _entries(section: KeyPath) -> str:
    return {"NAME": "mapping of names to ", 0: "list of "}.get(section[-1], "")


def _default(value: Any) -> str:
    return "" if value in (None, "", [], {}) else f"`{json.dumps(value, ensure_ascii=False)}`"


def _written(path: KeyPath) -> str:
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _line(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the document, or with `--check` return 1 where it is stale."""
    text = document()
    if "--check" not in arguments:
        DOCUMENT.write_text(text, encoding="utf-8")
        return 0
    if DOCUMENT.is_file() and DOCUMENT.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("docs/configuration.md is stale; run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
