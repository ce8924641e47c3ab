"""References in answers: what becomes of them, however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.citations import CitationFilter, References, strip
from agents.types import Cited
from tests.unit.agents.making import passage

PASSAGES = tuple(passage(f"text {number}", chunk=f"c{number}") for number in range(1, 4))


def rewritten(text: str, size: int | None = None) -> tuple[str, tuple[Cited, ...]]:
    references = References(PASSAGES)
    rewriting = CitationFilter(references.shown)
    size = size or len(text) or 1
    pieces = [rewriting.push(text[start : start + size]) for start in range(0, len(text), size)]
    return "".join(pieces) + rewriting.finish(), references.cited()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Twelve days [2].", "Twelve days [1]."),
        ("A [3], b [1], c [3].", "A [1], b [2], c [1]."),
        ("Both [1, 2].", "Both [1][2]."),
        ("Both [1][2].", "Both [1][2]."),
        ("十二天【2】。", "十二天[1]。"),
        ("十二天［2、3］。", "十二天[1][2]。"),
        ("Source 【1†handbook.md】.", "Source [1]."),
        ("Invented [9].", "Invented."),
        ("Half [1, 9].", "Half [1]."),
        ("Zero [0] and [ 2 ].", "Zero and [1]."),
        ("The year [2024] and [see] and [] stay.", "The year [2024] and [see] and [] stay."),
        ("- [ ] a task", "- [ ] a task"),
        ("Code `items[9]` stays, [9] goes.", "Code `items[9]` stays, goes."),
        ("```\na[9] = b[1]\n```\nDone [1].", "```\na[9] = b[1]\n```\nDone [1]."),
        ("A stray ` mark\n\nand then [9] goes [1].", "A stray ` mark\n\nand then goes [1]."),
        ("Open [3", "Open [3"),
        ("Nested [1†x[] stays, [1†a b] goes.", "Nested [1†x[] stays, [1] goes."),
        (f"Many [{', '.join('1' * 30)}].", f"Many [{', '.join('1' * 30)}]."),
        (f"Some [{', '.join('1' * 20)}].", f"Some {'[1]' * 20}."),
        ("A link [2](https://example.org).", "A link [1](https://example.org)."),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, None])
def test_references_are_renumbered_and_invented_ones_taken_out(said: str, shown: str, size: int | None) -> None:
    assert rewritten(said, size)[0] == shown


def test_the_cited_passages_are_those_referred_to_in_order_of_appearance() -> None:
    _, cited = rewritten("First [3], then [1], again [3], never [7].")

    assert [(one.number, one.passage.chunk) for one in cited] == [(1, "c3"), (2, "c1")]


def test_an_undecided_reference_is_held_back_and_nothing_else_is() -> None:
    rewriting = CitationFilter(References(PASSAGES).shown)

    assert rewriting.push("Twelve days") == "Twelve days"
    assert rewriting.push(" [") == ""
    assert rewriting.push("1") == ""
    assert rewriting.push("] a year") == " [1] a year"


def test_passages_that_a_tool_found_can_be_referred_to() -> None:
    references = References(PASSAGES)
    references.add(Cited(number=4, passage=passage("found", chunk="c4")))

    assert references.shown(4) == 1
    assert [one.chunk for one in references.uncited()] == ["c1", "c2", "c3"]


def test_what_is_remembered_has_no_references() -> None:
    assert strip("Twelve days [1][2]. See `a[1]`.") == "Twelve days. See `a[1]`."


PIECES = st.sampled_from(
    ["[", "]", "1", "2", "9", ", ", " ", "`", "```", "\n", "\n\n", "word", "【", "】", "†x", "好", "1, " * 18]
)


@settings(deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=12))
def test_how_the_text_is_cut_makes_no_difference(pieces: list[str]) -> None:
    references = References(PASSAGES)
    rewriting = CitationFilter(references.shown)
    streamed = "".join(rewriting.push(piece) for piece in pieces) + rewriting.finish()

    assert (streamed, references.cited()) == rewritten("".join(pieces))


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="[]【】［］"), max_size=200), st.integers(1, 9))
def test_text_without_references_passes_unchanged(text: str, size: int) -> None:
    assert rewritten(text, size)[0] == text
