from __future__ import annotations

import pytest
from pydantic import Field

from config.assistant import Section
from config.outline import Outline


class Shelf(Section):
    """A section with every kind of value."""

    width: float = Field(1, gt=0, le=9)
    height: int | None = Field(None, le=3)
    places: tuple[int, ...] = ()
    owner: str | int = ""
    labels: dict[str, str] = Field(default_factory=dict)
    inner: Inner | None = None


class Inner(Section):
    """A section within."""

    open: bool = False


OUTLINE = Outline(Shelf)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("width",), "a number above 0, at most 9"),
        (("height",), "a whole number, at most 3"),
        (("places",), "a list"),
        (("places", 4), "a whole number"),
        (("owner",), "text or a whole number"),
        (("labels", "any"), "text"),
        (("inner", "open"), "true or false"),
        (("nowhere", "at", "all"), "another value"),
    ],
)
def test_what_belongs_at_a_place(path: tuple[str | int, ...], expected: str) -> None:
    assert OUTLINE.expected(path) == expected


def test_the_keys_of_a_section_that_may_be_left_out() -> None:
    assert OUTLINE.keys(("inner",)) == ("open",)
    assert OUTLINE.keys(("width",)) == ()
