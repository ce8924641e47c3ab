"""From what a runtime says to what a person may read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.citations import References
from agents.moderation.moderator import Moderator
from agents.releasing import MarkFilter, Release
from agents.types import Cited, Found
from config.assistant import Moderation, WordList
from tests.unit.agents.making import passage

BLOCKING = Moderator(Moderation(output=(WordList(name="w", words=("secret plan",)),)))
MASKING = Moderator(Moderation(output=(WordList(name="w", action="redact", words=("secret",)),)))


def pushed(release: Release, *texts: str) -> str:
    return "".join(release.push(text) for text in texts) + release.finish()


@settings(deadline=None)
@given(st.lists(st.sampled_from(["<<", "NOT", "_FOUND", ">>", "<", "hello ", "<<NOT_FOUND>>"]), max_size=8))
def test_however_it_is_cut_the_mark_is_replaced_and_nothing_follows_it(pieces: list[str]) -> None:
    mark = MarkFilter("<<NOT_FOUND>>", "Sorry.")
    shown = "".join(mark.push(piece) for piece in pieces) + mark.finish()
    before, found, _ = "".join(pieces).partition("<<NOT_FOUND>>")

    assert shown == (f"{before}Sorry." if found else before)
    assert mark.found == bool(found)


def test_text_is_rewritten_before_it_is_moderated() -> None:
    release = Release(BLOCKING.output_filter(), references=References((passage("x"),)))

    # Taken together the invented reference hides a forbidden phrase; what a person would read is judged.
    assert pushed(release, "The secret", " [9] plan", " is out.") in ("", "The ")
    assert release.is_blocked


def test_what_was_released_is_the_text() -> None:
    release = Release(MASKING.output_filter(), references=References((passage("x"),)))

    assert pushed(release, "A sec", "ret day", " [1", "]") == "A *** day [1]"
    assert release.text == "A *** day [1]"
    assert not release.is_blocked
    assert release.verdict.action == "redact"


@pytest.mark.parametrize("with_references", [True, False])
def test_tools_add_to_what_may_be_cited(with_references: bool) -> None:
    release = Release(MASKING.output_filter(), references=References() if with_references else None)
    release.found(Found(passages=(Cited(number=1, passage=passage("found")),)))

    assert pushed(release, "Known [1][2]") == ("Known [1]" if with_references else "Known [1][2]")
