"""Dead letters: what was given up, with what an operator needs to understand it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from bot.lanes import Claim


def dead_letter(claim: Claim, message: str, *, reason: str, code: str = "") -> str:
    """Return the record of a payload that is given up, as JSON; the payload itself is kept in it."""
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "lanes": claim.lanes,
        "conversation": claim.conversation,
        "message": message,
        "attempts": claim.attempt,
        "code": code,
        "reason": reason,
        "payload": claim.payload,
    }
    return json.dumps(record, ensure_ascii=False)
