"""Taking a question apart: without what is only polite, and clause by clause.

"Which leave is there, and who approves it?" asks for two passages.
"""

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
_POLITE = re.compile(
    r"^(?:[\s,，.。!！:：~～]*(?:"
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening))\b(?: there| all| team| everyone)?"
    r"|excuse me|sorry to bother you|quick question|i have a question"
    r"|(?:could|can|would|will) you (?:please |kindly )?(?:tell me|let me know)\b"
    r"|(?:please )?(?:tell me|let me know)\b"
    r"|i(?:'d|’d| would) like to know\b|i(?: want| wanted) to know\b|i(?: was|'m|’m| am) wondering\b"
    r"|may i ask(?=[,:]? (?:what|how|when|who|where|which|if|whether|why)\b)"
    r"|(?:您|你|大家|早上|上午|下午|晚上)好[呀啊]?"
    r"|(?:麻烦|劳驾)?(?:我?想)?(?:请问|请教|咨询|问)(?:一下|下)[您你]?|请问|我?想知道|不好意思|打扰(?:一下|了)"
    r")[\s,，.。!！:：~～]*)+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:[\s,，.。!！?？~～]*(?:many thanks|thank(?:s| you)(?: (?:a lot|so much|very much|in advance))?|cheers"
    r"|谢谢[您你]?|多谢|感谢|辛苦了|拜托了))+[\s,，.。!！~～]*$",
    re.IGNORECASE,
)
_LEAST = 2  # characters that a question without its manners must have left


def plain(question: str) -> str:
    """Return a question without greeting, "could you tell me" and thanks: they say nothing of what is looked for."""
    bare = _THANKS.sub("", _POLITE.sub("", question)).strip()
    return bare if len(bare) > _LEAST else question


def parts(question: str) -> list[str]:
    """Return the clauses of a question that can be asked alone; none where it has only one."""
    clauses = [clause.strip(" 。.!！") for clause in _BORDER.split(question)]
    found = [clause for clause in clauses if len(clause) >= (4 if any(char > "\u2fff" for char in clause) else 12)]
    return found[:PARTS_MAX] if len(found) > 1 else []
