"""`${VARIABLE}` and `${VARIABLE:-default}` in the texts of a configuration file.

It works on single values after the YAML was read, so a variable can never add keys or change the structure of a file.
`$${` stands for a literal `${`; a `$` before anything else is just a `$`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}|\$\{")


def interpolate(text: str, environment: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the text with its variables replaced, and what is wrong with them.

    As in a shell, the default also stands in for a variable that is set to nothing.
    """
    complaints: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match["escaped"]:
            return "${"
        if name is None:
            complaints.append("expected ${VARIABLE} or ${VARIABLE:-default}; write $${ for a literal ${")
            return ""
        if default is None and name not in environment:
            complaints.append(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return environment.get(name, "") or default or ""

    return _REFERENCE.sub(replace, text), tuple(complaints)
