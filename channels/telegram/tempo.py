"""How often things are shown and tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """Waits in seconds."""

    grace_s: float = 0.35
    """A turn that is over within this time shows no sign of life before its answer."""
    step_s: float = 2.0
    """A message is begun with what the bot is doing only when that takes so long; a draft may say it at once."""
    typing_s: float = 4.0
    """Telegram shows "typing…" for five seconds."""
    draft_s: float = 1.0
    draft_renew_s: float = 20.0
    """A draft vanishes after thirty."""
    private_edit_s: float = 1.5
    group_edit_s: float = 3.0
    """A group takes twenty messages a minute, edits among them, and the answer itself must fit in."""
    later_group_edit_s: float = 6.0
    early_edits: int = 5
    """After so many edits, the later ones come more slowly."""
    silence_max_s: float = 600.0
    """A turn that nothing was heard of for so long is no longer shown."""
    retry_s: float = 0.5
    """The first wait before something is tried again; later ones double."""
