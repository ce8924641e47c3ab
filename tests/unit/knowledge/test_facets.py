from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ingest.facets import FACETS_MAX, combined, facets_of
from knowledge.retrieval.asking import parts
from knowledge.types import Chunk

FIRST = "每年有十二天带薪年假，满五年以后增加到十五天。"
SECOND = "请至少提前三个工作日在系统里提出申请，由主管审批。"


def test_each_sentence_has_a_facet_under_its_heading() -> None:
    facets = facets_of(Chunk(text=FIRST + SECOND, headings=("天数",)), "年假")
    assert facets.whole == f"年假 天数\n{FIRST + SECOND}"
    assert facets.heading == "年假 天数"
    assert facets.windows == (f"年假 天数: {FIRST}", f"年假 天数: {SECOND}")


@given(st.text(alphabet=st.sampled_from("年假天数。！a b.|-\n"), min_size=1, max_size=600))
def test_there_is_at_least_one_facet_and_never_too_many(text: str) -> None:
    assert 1 <= len(facets_of(Chunk(text=text), "标题").windows) <= FACETS_MAX + 1


def test_the_rule_of_a_table_is_no_facet() -> None:
    table = "| 城市 | 上限 |\n|---|---|\n| 都柏林和伦敦，含早餐和网络 | 每晚一百九十欧元 |"
    assert not any("---" in window for window in facets_of(Chunk(text=table), "住宿").windows)


def test_facets_combine_to_unit_vectors() -> None:
    one, two = facets_of(Chunk(text=FIRST), "年假"), facets_of(Chunk(text=FIRST + SECOND), "年假")
    texts = dict.fromkeys([*one.texts, *two.texts])
    places = {text: at for at, text in enumerate(texts)}
    vectors = numpy.zeros((len(texts), 2), "f4")
    vectors[[places[one.whole], places[one.windows[0]], places[two.whole]]] = [1.0, 0.0]
    vectors[[places[one.heading], places[two.windows[1]]]] = [0.0, 1.0]
    first, second = combined([one, two], places, vectors)
    assert first.tolist() == [pytest.approx([0.970, 0.243], abs=0.001)]
    assert second.tolist() == [pytest.approx([0.970, 0.243], abs=0.001), pytest.approx([0.555, 0.832], abs=0.001)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("年假有几天？", []),
        ("How many days of leave do I have?", []),
        ("离职时没休完的年假怎么办，账号什么时候停", ["离职时没休完的年假怎么办", "账号什么时候停"]),
        (
            "How long is the warranty, and how long can I return it?",
            ["How long is the warranty", "how long can I return it"],
        ),
        ("What is the limit and how do I raise it?", ["What is the limit", "how do I raise it"]),
    ],
)
def test_a_question_is_taken_apart_only_where_it_asks_for_two_things(question: str, expected: list[str]) -> None:
    assert parts(question) == expected
