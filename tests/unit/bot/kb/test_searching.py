"""The hit test: what a person sees of a search."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from bot.kb.searching import highlighted
from bot.kb.wording import wrapped
from tests.unit.bot.kb.conftest import Shell


def texts(found: dict[str, Any]) -> list[str]:
    return [one["document"] for one in found["passages"]]


def test_passages_come_with_scores_matches_and_the_threshold(synced: Shell) -> None:
    found = synced.data("search", "hand in a receipt", "--base", "kb")
    best = found["passages"][0]
    assert best["document"] == "docs/expenses.md"
    assert best["above_threshold"]
    assert 0 < best["lexical"] <= 1
    assert [best["text"][begin:end] for begin, end in best["matches"]] == ["Hand", "receipt"]
    text = synced("search", "hand in a receipt", "--base", "kb").stdout
    assert "below the threshold 0.3" in text
    assert text.index("expenses.md") < text.index("below the threshold")


def test_a_question_that_nothing_answers_is_shown_as_such(synced: Shell) -> None:
    assert "nothing reaches the threshold" in synced("search", "quantum gravity", "--base", "kb").stdout


def test_limits_hold_for_whom_is_searched_as_and_not_for_an_operator(synced: Shell) -> None:
    query = ("search", "canary salaries", "--base", "kb")
    assert "docs/secret.md" not in texts(synced.data(*query))
    assert "docs/secret.md" in texts(synced.data(*query, "--role", "hr"))
    assert "docs/secret.md" in texts(synced.data(*query, "--all"))
    assert texts(synced.data(*query, "--all", "--tag", "pay")) == ["docs/secret.md"]
    assert "only roles hr" in synced(*query, "--all").stdout


def test_other_ways_to_score_have_no_threshold(synced: Shell) -> None:
    for how in ("vector", "lexical", "rrf"):
        found = synced.data("search", "receipt", "--base", "kb", "--how", how)
        assert all(one["above_threshold"] for one in found["passages"])


def test_a_fixed_answer_is_shown_first_and_does_not_count_as_given(synced: Shell) -> None:
    number = synced("answers", "add", "kb", "Can I hand in a receipt late?", "Ask Li Na.").stdout.strip()
    found = synced.data("search", "Can I hand in a receipt late?", "--base", "kb")
    assert found["fixed_answer"]["answer"] == "Ask Li Na."
    text = synced("search", "Can I hand in a receipt late?", "--base", "kb").stdout
    assert text.index("Ask Li Na.") < text.index("expenses.md")
    assert [one["hits"] for one in synced.data("answers", "list", "kb")] == [0]
    synced("answers", "rm", "kb", number)
    assert synced.data("answers", "list", "kb") == []
    assert "has no fixed answer" in synced("answers", "rm", "kb", number, code=1).stderr


def test_answers_keep_their_limits(synced: Shell) -> None:
    synced("answers", "add", "kb", "Who earns most?", "The canary.", "--role", "hr")
    assert synced.data("search", "Who earns most?", "--base", "kb")["fixed_answer"] is None
    assert synced.data("search", "Who earns most?", "--base", "kb", "--role", "hr")["fixed_answer"]
    assert synced.data("answers", "list", "kb")[0]["access"] == [{"roles": ["hr"], "conversations": []}]


def test_a_long_passage_is_shown_where_it_matches() -> None:
    text = "Nothing here. " * 60 + "出差住宿标准：每晚五百元。" + " Nothing there." * 60
    shown = highlighted(text, "出差住宿标准", length=120)
    assert "出差住宿标准" in shown.plain
    assert shown.plain.startswith("…")
    assert shown.plain.endswith("…")
    assert {shown.plain[span.start : span.end] for span in shown.spans} == {"出差住宿标准"}
    assert highlighted(text, "x", length=None).plain == text


def test_both_scripts_fit_the_width_and_lose_nothing() -> None:
    text = highlighted(
        "住宿标准 for Clearwell employees：每晚不超过五百元，餐费实报实销。\n\nNext line." * 3, "x", length=None
    )
    lines = wrapped(text, 30)
    assert all(line.cell_len <= 30 for line in lines)
    assert "".join("".join(line.plain.split()) for line in lines) == "".join(text.plain.split())
    assert Console(width=30).measure(lines[0]).maximum <= 30
