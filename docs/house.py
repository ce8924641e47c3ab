"""Check the house rules that no linter knows: `python -m docs.house`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "agents", "channels", "knowledge", "config")
LINES_MAX = 400


def complaints(root: Path = ROOT) -> Iterator[str]:
    """Yield one line per broken rule: a module too long, or an `__init__.py` that is more than a docstring."""
    for package in PACKAGES:
        for module in sorted((root / package).rglob("*.py")):
            text = module.read_text(encoding="utf-8")
            name, lines = module.relative_to(root), len(text.splitlines())
            if lines > LINES_MAX:
                yield f"{name}: {lines} lines; at most {LINES_MAX}"
            if module.name == "__init__.py" and not _only_docstring(text):
                yield f"{name}: expected a docstring and nothing else"


def _only_docstring(text: str) -> bool:
    tree = ast.parse(text)
    return len(tree.body) == 1 and ast.get_docstring(tree) is not None


def main() -> int:
    """Print what is wrong; return 1 where anything is."""
    found = list(complaints())
    sys.stderr.writelines(f"{complaint}\n" for complaint in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
