from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.interpolation import interpolate

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
PLAIN = st.text().filter(lambda text: "${" not in text and not text.endswith("$"))
DEFAULTS = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]))
PIECES = st.lists(
    st.one_of(
        st.tuples(st.just("plain"), PLAIN, st.just("")),
        st.tuples(st.just("variable"), NAMES, st.just("")),
        st.tuples(st.just("defaulted"), NAMES, DEFAULTS),
        st.tuples(st.just("escaped"), PLAIN, st.just("")),
    )
)


@given(PIECES, st.dictionaries(NAMES, st.text()))
def test_each_piece_is_replaced_by_what_it_stands_for(
    pieces: list[tuple[str, str, str]], environment: dict[str, str]
) -> None:
    text, expected, missing = "", "", 0
    for kind, content, default in pieces:
        if kind == "plain":
            text, expected = text + content, expected + content
        elif kind == "escaped":
            text, expected = text + "$${" + content, expected + "${" + content
        elif kind == "variable":
            text, expected = text + f"${{{content}}}", expected + environment.get(content, "")
            missing += content not in environment
        else:
            text += f"${{{content}:-{default}}}"
            expected += environment.get(content) or default
    found, complaints = interpolate(text, environment)
    assert found == expected
    assert len(complaints) == missing


@given(st.text(), st.dictionaries(NAMES, st.text()))
def test_any_text_is_read_without_an_exception(text: str, environment: dict[str, str]) -> None:
    found, complaints = interpolate(text, environment)
    assert complaints or "${" in text or found == text


@given(NAMES, st.text())
def test_what_a_variable_holds_is_not_interpolated_again(name: str, value: str) -> None:
    assert interpolate(f"${{{name}}}", {name: value, "OTHER": "leaked"}) == (value, ())


def test_a_variable_set_to_nothing_takes_its_default() -> None:
    assert interpolate("${A:-b}", {"A": ""}) == ("b", ())
    assert interpolate("[${A}]", {"A": ""}) == ("[]", ())


def test_every_missing_variable_is_named() -> None:
    _, complaints = interpolate("${FIRST} ${SECOND}", {})
    assert [("FIRST" in one, "SECOND" in one) for one in complaints] == [(True, False), (False, True)]
