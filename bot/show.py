"""`parley config show`: the configuration in force, as the YAML one would write, without its secrets."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from config.loader import Configuration

MASK = "**********"


def as_yaml(configuration: Configuration) -> str:
    """Return settings and assistants as YAML; secrets appear as `**********`, as pydantic prints them."""
    settings = configuration.settings.model_dump(mode="json")
    settings["channels"]["plugins"] = _masked(settings["channels"]["plugins"])
    document: dict[str, Any] = {
        "parley.yaml": settings,
        "assistants": {
            name: assistant.model_dump(mode="json", exclude={"name"})
            for name, assistant in configuration.assistants.items()
        },
    }
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _masked(value: Any) -> Any:
    """Hide every text and number of a plugin's options: only the plugin knows which of them are secrets."""
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value if isinstance(value, bool) or value is None else MASK
