"""After another model or another store is configured, one command makes the vectors be there."""

from __future__ import annotations

from tests.unit.bot.kb.conftest import Shell


def test_a_new_model_is_planned_then_made_beside_the_old_and_takes_over(synced: Shell) -> None:
    synced.configure(model="better")
    synced.endpoint.texts.clear()
    (plan, *_) = synced.data("migrate", "kb", "--plan")
    assert plan["texts"] > 3
    assert synced.endpoint.texts == []
    assert "have no vector yet" in synced("search", "receipt", "--base", "kb").stderr
    (done,) = synced.data("migrate", "kb")
    assert (done["texts"], done["serving"], done["model"]) == (0, "openai/better/full", "openai/better/full")
    assert done["vectors"] == done["stored"] > 0
    assert len(set(synced.endpoint.texts) - {"receipt"}) == plan["texts"]
    found = synced.data("search", "hand in a receipt", "--base", "kb")
    assert found["passages"][0]["document"] == "docs/expenses.md"


def test_vectors_move_to_a_store_without_being_embedded_again(synced: Shell) -> None:
    synced.endpoint.texts.clear()
    (after,) = synced.data("migrate", "kb")
    assert after["stored"] == after["vectors"] > 0
    assert synced.endpoint.texts == []


def test_a_server_that_is_not_there_is_told_and_nothing_is_lost(synced: Shell) -> None:
    result = synced("migrate", "--to", "http://127.0.0.1:9", code=3)
    assert "no Chroma server at 127.0.0.1:9" in result.stderr
    assert synced.documents() == ["docs/expenses.md", "docs/secret.md", "docs/年假.md"]


def test_a_server_is_filled_first_and_then_serves_without_a_text_embedded_again(synced: Shell, chroma_url: str) -> None:
    synced.endpoint.texts.clear()
    (moved,) = synced.data("migrate", "kb", "--to", chroma_url)
    assert moved["stored"] == moved["vectors"] > 0
    synced.configure(chroma=chroma_url)
    found = synced.data("search", "hand in a receipt", "--base", "kb")
    assert found["passages"][0]["document"] == "docs/expenses.md"
    assert set(synced.endpoint.texts) == {"hand in a receipt"}
    synced("rm", "docs/expenses.md", "--base", "kb", "--yes")
    (held,) = synced.data("migrate", "kb", "--plan")
    assert held["stored"] == held["vectors"] < moved["vectors"]
