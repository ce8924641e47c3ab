from __future__ import annotations

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.kb.adding import wanted
from bot.commands.kb.options import KEYS, Where, WrongOption, action_of, read

WORDS = st.text(string.ascii_letters + "年假几天.-_/", min_size=1, max_size=12)
NAMES = st.sampled_from([name for key in ("base", "role", "tag") for name in KEYS[key]])
VALUES = st.text(string.ascii_letters + string.digits + "库_.-", min_size=1, max_size=10)


@given(
    words=st.lists(WORDS, max_size=5),
    options=st.lists(st.tuples(NAMES, VALUES, st.sampled_from("=＝")), max_size=4),
    data=st.data(),
)
def test_options_stand_anywhere_and_the_other_words_are_left(
    words: list[str], options: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    written = list(words)
    for name, value, sign in options:
        written.insert(data.draw(st.integers(0, len(written))), f"{name}{sign}{value}")
    asked = read(" ".join(written), where="anywhere")
    assert asked.text.split() == words
    assert asked.roles == {value for name, value, _ in options if name in KEYS["role"]}
    assert asked.tags == {value for name, value, _ in options if name in KEYS["tag"]}
    order = [part for part in written if part not in words]
    bases = [part for part in order if part.partition("=" if "=" in part else "＝")[0] in KEYS["base"]]
    assert asked.base == (bases[-1].replace("＝", "=").partition("=")[2] if bases else "")


@given(st.text(max_size=200), st.sampled_from(["anywhere", "before", "around"]))
def test_any_text_is_read(text: str, where: Where) -> None:
    with suppress(WrongOption):
        assert len(read(text, where=where).text) <= len(text)


@pytest.mark.parametrize(
    ("text", "where", "left", "base"),
    [
        ("base=hr what is base=x for", "before", "what is base=x for", "hr"),
        ("base=hr 年假几天？ => 见 role=x\nbase=y", "before", "年假几天？ => 见 role=x\nbase=y", "hr"),
        ("a file.pdf base=hr", "around", "a file.pdf", "hr"),
        ("what is base=x for? base=hr", "around", "what is base=x for?", "hr"),
        ("base=one base=two", "around", "", "two"),
        ("库=制度 报销.pdf", "around", "报销.pdf", "制度"),
        ("colour=red", "anywhere", "colour=red", ""),
        ("base= x", "anywhere", "base= x", ""),
        ("base=>x", "before", "base=>x", ""),
    ],
)
def test_options_are_looked_for_where_they_can_be_meant(text: str, where: Where, left: str, base: str) -> None:
    asked = read(text, where=where)
    assert (asked.text, asked.base) == (left, base)


def test_numbers_lists_and_their_limits() -> None:
    asked = read("role=hr,finance 角色＝boss tag=a、b depth=3 页数=20 from=40 sure=yes", where="anywhere")
    assert asked.roles == {"hr", "finance", "boss"}
    assert asked.tags == {"a", "b"}
    assert (asked.depth, asked.pages, asked.start, asked.sure) == (3, 20, 40, True)
    for wrong in ("depth=11", "depth=-1", "pages=0", "pages=many", "depth=２"):
        with pytest.raises(WrongOption):
            read(wrong)


def test_the_first_word_is_the_action() -> None:
    assert action_of("  ADD\nhttps://x.example  depth=2 ") == ("add", "https://x.example  depth=2")
    assert action_of("添加") == ("添加", "")
    assert action_of("") == ("", "")


def test_links_are_read_out_of_prose() -> None:
    found = wanted("请抓取 https://a.example/x?b=1，<https://b.example/>（https://c.example/页面。） crawl")
    assert found.links == ("https://a.example/x?b=1", "https://b.example/", "https://c.example/页面")
    assert found.kind == "crawl"
    assert wanted("www.example.com").rest == "www.example.com"
    assert wanted("https://a.example https://a.example").links == ("https://a.example",)
