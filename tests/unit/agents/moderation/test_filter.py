"""No part of a forbidden phrase is ever shown, however the text is dressed or cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.moderation.moderator import Moderator
from agents.moderation.scanner import GAP
from config.assistant import Moderation, WordList

PHRASES = ("ass", "badword", "法轮功", "六四事件", "四事", "kill yourself", "a片", "covid19")


def moderator(*words: str, action: str = "redact") -> Moderator:
    return Moderator(Moderation(output=(WordList(name="rule", action=action, words=words, category="test"),)))


MODERATOR = moderator(*PHRASES)
BLOCKER = moderator(*PHRASES, action="block")


def streamed(chunks: Sequence[str], *, by: Moderator = MODERATOR) -> str:
    stream = by.output_filter()
    return "".join([*(stream.push(chunk) for chunk in chunks), stream.finish()])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("what a badword!", "what a ***!"),
        ("BadWORD", "***"),
        ("ｂａｄｗｏｒｄ", "***"),
        ("𝖇𝖆𝖉𝖜𝖔𝖗𝖉", "***"),
        ("b a d w o r d", "***"),
        ("b.a-d_w/o\tr\r\nd", "***"),
        ("b★a♥d🙂word", "***"),
        ("b\u200ba\u2060d\ufeffw\u00ado\u200dr\ufe0fd", "***"),
        ("ba\u0301d\u0308w\u0336ord\u0301.", "***."),
        ("bádwörd", "***"),
        ("bad" + " " * 10_000 + "word", "***"),
        ("法輪功", "***"),
        ("信法 輪·功的", "信***的"),
        ("法，轮\u20dd。功\u0301了", "***了"),
        ("⽅法轮功", "⽅***"),
        ("kill yourself / KillYourself / kill, your-self", "*** / *** / ***"),
        ("看A片", "看***"),
        ("你ass!", "你***!"),
        ("covid 19 and covid-195", "*** and covid-195"),
        ("六四事件", "***"),
        ("四事六四事件，四事", "******，***"),
    ],
)
def test_a_phrase_is_masked_in_any_dress(text: str, shown: str) -> None:
    assert streamed([text]) == shown
    assert streamed(list(text)) == shown
    assert MODERATOR.check_output(text).text == shown


@pytest.mark.parametrize(
    "text",
    [
        "class",
        "assume",
        "cl\u200bass",
        "cla\u0301ss",
        "glass.",
        "as sure",
        "skill yourself",
        "ba片",
        "covid190",
        "法轮",
        "六四",
    ],
)
def test_a_word_that_only_contains_a_phrase_is_left_alone(text: str) -> None:
    assert streamed([text]) == text
    assert streamed(list(text)) == text


@pytest.mark.parametrize(
    ("phrase", "text", "shown"),
    [
        ("c++", "I write c++, not c or c+.", "I write ***, not c or c+."),
        ("$hit", "oh $ hit, a hit", "oh ***, a hit"),
        ("f*ck", "f*ck and fck", "*** and fck"),
        ("🖕", "so 🖕 there", "so *** there"),
        ("加微信!", "加 微 信 聊", "*** 聊"),
        ("看着", "看著", "***"),
        ("乾燥", "干燥", "***"),
        ("软件", "軟體", "***"),
        ("か", "が か", "が ***"),
        ("하", "한 하", "한 ***"),
        ("하", "\u1112\u1161\u11ab \u1112\u1161", "\u1112\u1161\u11ab ***"),
        ("कम", "काम कम", "काम ***"),
        ("f-word", "the fword, the f word", "the ***, the ***"),
    ],
)
def test_phrases_with_symbols_regional_forms_and_other_scripts(phrase: str, text: str, shown: str) -> None:
    by = moderator(phrase)
    assert streamed([text], by=by) == shown
    assert streamed(list(text), by=by) == shown


def test_a_phrase_without_letters_and_symbols_forbids_nothing() -> None:
    assert streamed(["a ... b"], by=moderator("...", " ")) == "a ... b"


LETTERS = "asbdwordkilyuef19cv" + "法轮功六四事件片方" + "輪" + "ＡｓＳ" + "áß"
BETWEEN = " .,-\r\n_，。·★\u200b\u0301\u20dd\ufe0f\u3000"
ANY = st.text(max_size=3)
SIMPLE = st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=3)
"""Within what the slow way below understands."""


def texts(others: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.one_of(st.sampled_from(PHRASES), st.sampled_from(LETTERS), st.sampled_from(BETWEEN), others)
    return st.lists(parts, max_size=25).map("".join)


CUTS = st.lists(st.integers(1, 6), max_size=80)


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(text[at : at + size])
        at += size
    return [*chunks, text[at:]]


@settings(max_examples=400, deadline=None)
@given(texts(ANY), CUTS)
def test_how_a_text_is_cut_makes_no_difference(text: str, sizes: list[int]) -> None:
    for by in (MODERATOR, BLOCKER):
        assert streamed(cut(text, sizes), by=by) == streamed([text], by=by)


@settings(max_examples=400, deadline=None)
@given(texts(SIMPLE), CUTS)
def test_exactly_what_belongs_to_a_phrase_is_masked(text: str, sizes: list[int]) -> None:
    assert streamed(cut(text, sizes)) == masked(text)


@settings(max_examples=200, deadline=None)
@given(texts(SIMPLE), st.sampled_from(PHRASES), st.lists(st.text(alphabet=BETWEEN, max_size=3), max_size=14), CUTS)
def test_a_block_ends_the_text_before_the_phrase(
    before: str, phrase: str, between: list[str], sizes: list[int]
) -> None:
    dressed = "".join(letter + gap for letter, gap in zip(phrase, [*between, *[""] * len(phrase)], strict=False))
    text = f"{before} {dressed} and more"
    stream = BLOCKER.output_filter()
    shown = ""
    for chunk in cut(text, sizes):
        shown += stream.push(chunk)
    shown += stream.finish()
    verdict = stream.verdict
    assert verdict.action == "block"
    assert verdict.text == shown
    assert masked(shown) == shown
    assert stream.push("anything") == ""


def masked(text: str) -> str:
    """The slow and simple way: every phrase at every place of the whole text, one after another."""
    units = [(unit, index) for index, character in enumerate(text) for unit in plain(character)]
    covered = [span for phrase in PHRASES for span in occurrences(phrase.replace(" ", ""), units, text)]
    merged: list[list[int]] = []
    for start, end in sorted(covered):
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    for start, end in reversed(merged):
        text = text[:start] + "***" + text[end:]
    return text


def plain(character: str) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold()).replace("輪", "轮")
    return "".join(one for one in folded if one.isalnum())


def occurrences(phrase: str, units: list[tuple[str, int]], text: str) -> list[tuple[int, int]]:
    found = []
    for at in range(len(units) - len(phrase) + 1):
        read = units[at : at + len(phrase)]
        if "".join(unit for unit, _ in read) != phrase:
            continue
        before = units[at - 1][0] if at and neighbours(text, units[at - 1][1], read[0][1]) else ""
        last = at + len(phrase)
        after = units[last][0] if last < len(units) and neighbours(text, read[-1][1], units[last][1]) else ""
        if not (same_word(before, phrase[0]) or same_word(phrase[-1], after)):
            end = read[-1][1] + 1
            while end < len(text) and is_invisible(text[end]):
                end += 1
            found.append((read[0][1], end))
    return found


def neighbours(text: str, first: int, second: int) -> bool:
    return all(is_invisible(character) for character in text[first + 1 : second])


def is_invisible(character: str) -> bool:
    return unicodedata.category(character)[0] in "MC" and character not in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"


def same_word(first: str, second: str) -> bool:
    def kind(unit: str) -> str:
        if not unit or "\u3400" <= unit <= "\u9fff":
            return ""
        return "digit" if unit.isnumeric() else "word"

    return kind(first) == kind(second) != ""


def test_text_is_shown_as_soon_as_it_can_no_longer_become_a_phrase() -> None:
    stream = MODERATOR.output_filter()
    pieces = [stream.push(delta) for delta in ("Hello ", "b", "a", "g", " of 法", "轮", "子", "!")]
    assert pieces == ["Hello ", "", "", "bag", " of ", "", "法轮子", "!"]


def test_what_is_held_back_is_bounded() -> None:
    stream = MODERATOR.output_filter()
    shown = stream.push("b")
    for _ in range(100):
        shown += stream.push("-" * 1000)
    assert shown == ""
    assert stream.push("x") == "b" + "-" * GAP + "x"


def test_the_strongest_action_wins_and_the_verdict_names_rules_never_text() -> None:
    both = Moderator(
        Moderation(
            output=(
                WordList(name="mild", action="redact", words=("darn", "bomb"), category="rude"),
                WordList(name="grave", action="block", words=("bomb",), category="weapons"),
            ),
            mask="■",
        )
    )
    stream = both.output_filter()
    assert stream.push("Darn it, a bomb and") + stream.finish() == "■ it, a "
    verdict = stream.verdict
    assert (verdict.action, verdict.rule, verdict.category) == ("block", "grave", "weapons")


def test_a_list_that_only_logs_changes_nothing_and_is_named() -> None:
    quiet = moderator("badword", action="log")
    stream = quiet.output_filter()
    assert [stream.push("a bad"), stream.push("word!"), stream.finish()] == ["a bad", "word!", ""]
    assert (stream.verdict.action, stream.verdict.rule) == ("allow", "rule")
    assert stream.verdict.text == "a badword!"


def test_without_a_list_text_passes_through() -> None:
    stream = Moderator(Moderation()).output_filter()
    assert [stream.push("bad"), stream.push("word"), stream.finish()] == ["bad", "word", ""]
    assert (stream.verdict.action, stream.verdict.text) == ("allow", "badword")
