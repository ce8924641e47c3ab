"""`parley config show`: the configuration in force, as the YAML one would write, without its secrets."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from config.loader import Configuration


def as_yaml(configuration: Configuration) -> str:
    """Return settings and assistants as YAML; secrets appear as `**********`, as pydantic prints them."""
    document: dict[str, Any] = {
        "parley.yaml": configuration.settings.model_dump(mode="json"),
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
