from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.commands.kb.wording import code, paragraph, prose, short
from channels.markup.markdown import parse_markdown

LINES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp", "Zs")), min_size=1, max_size=60)


@given(LINES)
def test_nothing_in_prose_is_markup(text: str) -> None:
    styled = parse_markdown(f"x {prose(text)} x")
    assert styled.text == f"x {text} x"
    assert not styled.spans


def test_what_begins_a_list_or_a_heading_stays_as_it_is() -> None:
    for text in ("- a", "1. a", "# a", "> a", "+ a", "=== a", "2) a"):
        styled = parse_markdown(prose(text))
        assert (styled.text, styled.spans) == (text, ())


@given(st.text(max_size=200))
def test_a_name_is_code_and_cannot_leave_it(name: str) -> None:
    made = code(f"a{name}b")
    assert made.count("`") == 2
    assert "\n" not in made
    assert len(made) <= 82


def test_long_names_keep_both_ends() -> None:
    assert short("a" * 200 + ".pdf", 20).endswith("aa.pdf")
    assert len(short("a" * 200 + ".pdf", 20)) == 20
    assert paragraph("one\n\ntwo  three", 9) == "one two …"
    assert short("safe\u202egpj.exe") == "safe gpj.exe"
