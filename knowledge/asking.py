"""Taking a question apart: "which leave is there, and who approves it?" asks for two passages."""

from __future__ import annotations

import re

PARTS_MAX = 4
PART_WEIGHT = 0.9
"""A part that fits counts a little less than the whole question that fits."""
_BORDER = re.compile(
    r"[，；？?;]|,\s+(?:and|or|but)\s+|,\s+"
    r"|\s+and\s+(?=(?:what|how|when|who|where|which|do|does|is|are|can|may)\b)",
    re.IGNORECASE,
)


def parts(question: str) -> list[str]:
    """Return the clauses of a question that can be asked alone; none where it has only one."""
    clauses = [clause.strip(" 。.!！") for clause in _BORDER.split(question)]
    found = [clause for clause in clauses if len(clause) >= (4 if any(char > "\u2fff" for char in clause) else 12)]
    return found[:PARTS_MAX] if len(found) > 1 else []
