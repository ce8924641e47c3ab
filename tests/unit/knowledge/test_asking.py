import pytest

from knowledge.retrieval.asking import parts, plain


@pytest.mark.parametrize(
    ("polite", "bare"),
    [
        ("您好，请问一下，年假几天？谢谢！", "年假几天"),
        ("麻烦问一下加班怎么算，谢谢您", "加班怎么算"),
        ("Hi there, could you please tell me: How many days? Thanks a lot!", "How many days"),
        ("I'd like to know when the bus leaves, thank you", "when the bus leaves"),
        ("May I ask who approves it?", "who approves it?"),
    ],
)
def test_manners_say_nothing_of_what_is_looked_for(polite: str, bare: str) -> None:
    assert plain(polite) == bare


@pytest.mark.parametrize(
    "question",
    [
        "你好",
        "Thanks!",
        "History of the company",
        "May I ask for leave?",
        "问题怎么上报",
        "咨询费怎么报销",
        "感谢信怎么写",
    ],
)
def test_what_only_looks_polite_stays(question: str) -> None:
    assert plain(question) == question


def test_the_clauses_of_a_question_can_be_asked_alone() -> None:
    assert parts("年假和婚假各有多少天，谁来批准？") == ["年假和婚假各有多少天", "谁来批准"]
    assert parts("When does it start?") == []
