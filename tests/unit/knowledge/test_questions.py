from pathlib import Path

import pytest

from knowledge.evaluation.questions import Expected, Question, places
from knowledge.evaluation.reading import QuestionsInvalid, read_questions
from knowledge.types import Passage, Scope

YAML = """
questions:
  - question: How many days of leave?
    expects: [{document: leave.md, text: [24 days, twenty-four]}]
    tags: hr
groups:
  - kind: unanswerable
    language: zh
    unanswerable: true
    roles: [hr]
    questions:
      - {question: 今天会下雨吗}
      - {question: Will it rain?, language: en}
"""


def passage(
    document: str = "docs/en/leave.md", position: str = "Annual leave", text: str = "You have 24\ndays."
) -> Passage:
    return Passage(
        text=text, document=document, title="", chunk="1", position=position, score=0.5, source="", base="kb"
    )


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path) -> str:
    with pytest.raises(QuestionsInvalid) as caught:
        read_questions(path)
    return str(caught.value)


def test_a_group_gives_its_questions_what_they_do_not_say_themselves(tmp_path: Path) -> None:
    first, rain, english = read_questions(written(tmp_path, "q.yaml", YAML))
    assert first == Question(
        text="How many days of leave?",
        expects=(Expected(document="leave.md", text=("24 days", "twenty-four")),),
        language="en",
        tags=frozenset({"hr"}),
    )
    assert (rain.language, rain.kind, rain.expects) == ("zh", "unanswerable", ())
    assert rain.scope == Scope(roles=frozenset({"hr"}))
    assert english.language == "en"


def test_jsonl_and_csv_say_the_same_as_yaml(tmp_path: Path) -> None:
    lines = (
        '{"question": "年假几天", "expects": [{"document": "a.md", "position": "天数"}, {"document": "b.md"}]}\n\n'
        '{"question": "会下雨吗", "unanswerable": true, "tags": ["weather", "far"]}\n'
    )
    table = (
        "question,document,position,unanswerable,tags\n"
        "年假几天,a.md,天数,,\n年假几天,b.md,,,\n会下雨吗,,,yes,weather | far\n"
    )
    expected = read_questions(written(tmp_path, "q.jsonl", lines))
    assert [len(one.expects) for one in expected] == [2, 0]
    assert read_questions(written(tmp_path, "q.csv", "\ufeff" + table)) == expected


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "q.yaml",
            "questions:\n  - question: a\n  - {question: b, unanswerable: true, expects: [{document: c}]}",
            "q.yaml:3",
        ),
        ("q.yaml", "questions:\n  - question: a\n", "q.yaml:2: questions[0]: expects no passage"),
        ("q.yaml", "questions:\n  - {question: a, expected: []}\n", 'did you mean "expects"?'),
        ("q.yaml", "questions:\n  - {question: a, expects: [{text: b}]}\n", "document"),
        ("q.yaml", "questions: [", "q.yaml:1: is not valid YAML"),
        ("q.yaml", "", "is empty"),
        ("q.yaml", "questions: []", "holds no question"),
        ("q.jsonl", '{"question": "a", "unanswerable": true}\n{"question": ', "q.jsonl:2"),
        ("q.jsonl", '\n\n{"question": "a", "unanswerable": true, "typo": 1}', "q.jsonl:3"),
        ("q.csv", "question,document\na,b.md\nc,\n", "q.csv:3"),
        ("q.csv", "question,documents\na,b.md\n", "q.csv:2"),
        ("q.csv", "question,document\na,b.md,c\n", "q.csv:2"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    assert told in problems(written(tmp_path, name, text))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    assert (
        len(problems(written(tmp_path, "q.yaml", "questions:\n  - question: a\n  - question: b\n")).splitlines()) == 2
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "No such file" in problems(tmp_path / "none.yaml")
    (tmp_path / "gbk.csv").write_bytes("question\n年假".encode("gb18030"))
    assert "is not UTF-8" in problems(tmp_path / "gbk.csv")


@pytest.mark.parametrize(
    ("expected", "meets"),
    [
        (Expected(document="docs/en/leave.md"), True),
        (Expected(document="leave.md"), True),
        (Expected(document="eave.md"), False),
        (Expected(document="docs/*/leave.md"), True),
        (Expected(document="en/*"), True),
        (Expected(document="leave.md", position="Annual"), True),
        (Expected(document="leave.md", position="Sick"), False),
        (Expected(document="leave.md", text=("23 days", "24 days")), True),
        (Expected(document="leave.md", text=("Annual leave",)), True),
        (Expected(document="leave.md", text=("25 days",)), False),
    ],
)
def test_a_passage_is_the_one_meant_by_document_position_and_text(expected: Expected, meets: bool) -> None:
    assert expected.meets(passage()) is meets


def test_a_place_is_where_an_expected_passage_first_stands() -> None:
    question = Question(text="?", expects=(Expected(document="b.md"), Expected(document="c.md")))
    found = [passage("a.md"), passage("b.md"), passage("b.md")]
    assert places(question, found) == (2, None)
