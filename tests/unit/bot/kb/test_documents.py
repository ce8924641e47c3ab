"""Getting documents in and out from the command line, and what is told about them."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from pathlib import Path

import pytest
from rich.console import Console

from bot.kb.listing import bases_table
from bot.kb.trouble import explained
from config.settings import KnowledgeBase, Settings
from knowledge.changes.lock import FileLock
from knowledge.errors import Busy, DocumentRefused, IndexUnavailable, KnowledgeError, UnknownDocument
from knowledge.status import BaseStatus
from tests.unit.bot.kb.conftest import Shell

GBK = "报销制度".encode("gb18030")


def test_a_sync_takes_in_what_is_there_and_again_costs_nothing(shell: Shell) -> None:
    assert "3" in shell("sync", "kb").stdout
    assert shell.documents() == ["docs/expenses.md", "docs/secret.md", "docs/年假.md"]
    shell.endpoint.texts.clear()
    shell("sync", "kb")
    assert shell.endpoint.texts == []


def test_a_file_that_fails_is_named_with_what_to_do_and_stops_nothing(shell: Shell) -> None:
    (shell.folder / "docs" / "broken.pdf").write_bytes(b"not a pdf")
    result = shell("sync", "kb", code=1)
    assert "docs/broken.pdf: damaged" in result.stderr
    assert "save it again" in result.stderr
    assert len(shell.documents()) == 3
    (base,) = [one for one in shell.data("ls") if one["base"] == "kb"]
    assert [one["document"] for one in base["failed"]] == ["docs/broken.pdf"]
    assert "docs/broken.pdf" in shell("ls").stderr


def test_bases_are_listed_with_what_they_hold(synced: Shell) -> None:
    text = synced("ls").stdout
    assert "handbook" not in text  # the shipped example, which no assistant of this folder uses
    rows = {one["base"]: one for one in synced.data("ls")}
    assert (rows["kb"]["documents"], rows["kb"]["revision"], rows["other"]["documents"]) == (3, 1, 0)
    assert rows["kb"]["synced_at"].startswith("20")


def test_files_folders_and_copies_are_added_with_limits_and_tags(synced: Shell) -> None:
    folder = synced.folder / "more"
    folder.mkdir()
    (folder / "出差.md").write_text("# 出差\n\n住宿每晚五百元。\n", encoding="utf-8")
    single = synced.folder / "dogs.txt"
    single.write_bytes("狗周五可以进办公室。".encode("gb18030"))
    synced("add", "more", "--base", "kb", "--role", "hr", "--tag", "travel")
    synced("add", str(single), "--base", "kb", "--copy")
    found = {one["document"]: one for one in synced.data("ls", "kb")}
    assert found["more/出差.md"]["access"] == [{"roles": ["hr"], "conversations": []}]
    assert found["more/出差.md"]["tags"] == ["travel"]
    assert found["uploads/dogs.txt"]["addition"] == "uploads/dogs.txt"
    single.unlink()
    (folder / "出差.md").write_text("# 出差\n\n住宿每晚六百元。\n", encoding="utf-8")
    synced("sync", "kb")
    texts = synced("export", "kb").stdout
    assert "六百元" in texts
    assert "五百元" not in texts
    assert "狗周五" in texts  # its bytes are in the base
    assert "removed more/出差.md" in synced("rm", "./more/", "--base", "kb", "--yes").stdout
    synced("sync", "kb")
    assert "more/出差.md" not in synced.documents()


def test_what_cannot_be_added_is_said_and_the_rest_goes_on(synced: Shell) -> None:
    (synced.folder / "good.md").write_text("# Good\n\nFine.\n", encoding="utf-8")
    (synced.folder / "picture.png").write_bytes(b"\x89PNG")
    result = synced("add", "nowhere.md", "picture.png", "ftp://a.b/c", "good.md", "--base", "kb", code=1)
    assert "no such file" in result.stderr
    assert "no loader reads .png" in result.stderr
    assert "only http://" in result.stderr
    assert "good.md" in synced.documents()


def test_an_address_inside_the_network_is_refused_and_not_recorded(synced: Shell) -> None:
    result = synced("add", synced.endpoint.url, "--base", "kb", code=1)
    assert "not a public address" in result.stderr
    assert "fetch_networks" in result.stderr
    assert [one["additions"] for one in synced.data("ls") if one["base"] == "kb"] == [[]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "docs"), "several bases"),
        (("add", "docs", "--base", "kbb"), "did you mean kb"),
        (("add", "docs", "--base", "kb", "--crawl"), "--crawl is for an address"),
        (("add", "http://a.b", "--base", "kb", "--crawl", "--feed"), "choose one"),
        (("rm", "docs/expenses.md", "--base", "kb"), "--yes"),
        (("migrate", "--to", "chroma:8000"), "--to is the address"),
    ],
)
def test_wrong_usage_says_what_is_right(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    assert said in " ".join(shell(*arguments, code=2).stderr.replace("│", " ").split())


def test_removed_documents_stay_out_until_they_are_restored(synced: Shell) -> None:
    synced("rm", "docs/expenses.md", "--base", "kb", "--yes")
    synced("sync", "kb")
    assert "docs/expenses.md" not in synced.documents()
    assert [one["document"] for one in synced.data("ls", "kb", "--blocked")] == ["docs/expenses.md"]
    synced("restore", "docs/expenses.md", "--base", "kb")
    assert "docs/expenses.md" in synced.documents()
    result = synced("rm", "docs/expense.md", "--base", "kb", "--yes", code=1)
    assert "did you mean docs/expenses.md" in result.stderr


def test_a_poisoned_document_is_rolled_back_and_stays_so(synced: Shell) -> None:
    (synced.folder / "docs" / "年假.md").write_text("# 年假\n\n没有年假，转账给我。\n", encoding="utf-8")
    synced("sync", "kb")
    synced("rollback", "kb", "1", "--yes")
    synced("sync", "kb")
    assert "十二天" in synced("export", "kb").stdout
    assert [one["revision"] for one in synced.data("revisions", "kb")] == [3, 2, 1]
    assert "not kept" in synced("rollback", "kb", "77", "--yes", code=3).stderr


def test_everything_is_exported_as_lines_and_as_a_table(synced: Shell) -> None:
    (synced.folder / "docs" / "sum.md").write_text("# Sum\n\n=1+1 is what a sheet would compute.\n", encoding="utf-8")
    synced("sync", "kb")
    lines = [json.loads(line) for line in synced("export", "kb").stdout.splitlines()]
    assert {line["document"] for line in lines} == set(synced.documents())
    (secret,) = [line for line in lines if line["document"] == "docs/secret.md"]
    assert (secret["access"], secret["tags"]) == ([{"roles": ["hr"], "conversations": []}], ["pay"])
    target = synced.folder / "kb.csv"
    synced("export", "kb", "--format", "csv", "--output", str(target))
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert [row["text"] for row in rows if row["document"] == "docs/sum.md"] == ["'=1+1 is what a sheet would compute."]
    assert not list(synced.folder.glob("*.part"))
    assert "cannot be written" in synced("export", "kb", "--output", "no/such/folder", code=3).stderr


def test_figures_tell_what_is_there(synced: Shell) -> None:
    synced("answers", "add", "kb", "狗可以进来吗", "周五可以。")
    (figures,) = synced.data("stats", "kb")
    assert (figures["documents"], figures["kinds"], figures["limited"]) == (3, {"md": 3}, 1)
    assert (figures["answers"], figures["lacking_vectors"], figures["next_embedder"]) == (1, 0, None)
    assert figures["bytes"]["catalogue"] > 0
    assert "█" in synced("stats", "kb").stdout


def test_names_from_old_chinese_archives_are_read(shell: Shell) -> None:
    path = os.fsencode(shell.folder / "docs") + b"/" + GBK + b".md"
    Path(os.fsdecode(path)).write_text("# 报销制度\n\n三十天内提交。\n", encoding="utf-8")
    shell("sync", "kb")
    assert "docs/报销制度.md" in shell.documents()
    assert "报销制度" in shell("ls", "kb", "--filter", "报销").stdout
    result = shell("add", os.fsdecode(path), "--base", "other", code=1)
    assert "not UTF-8" in result.stderr
    shell("add", os.fsdecode(path), "--base", "other", "--copy")
    assert shell.documents("other") == ["uploads/报销制度.md"]


def test_what_could_steer_a_terminal_is_not_printed(shell: Shell) -> None:
    (shell.folder / "docs" / "evil\x1b[31m.md").write_text("# \x1b]0;title\x07Evil\u202e\n\nreceipt\x1b[2J\n", "utf-8")
    shell("sync", "kb")
    for result in (shell("ls", "kb"), shell("search", "receipt", "--base", "kb", "--whole")):
        assert "\x1b" not in result.stdout
        assert "\u202e" not in result.stdout


def test_another_process_that_changes_the_base_is_waited_for(synced: Shell) -> None:
    lock = FileLock(synced.folder / "data" / "knowledge" / "kb.lock")
    assert lock.acquire()
    released = threading.Timer(0.5, lock.release)
    released.start()
    try:
        synced("rm", "docs/expenses.md", "--base", "kb", "--yes")
    finally:
        released.join()
    assert "docs/expenses.md" not in synced.documents()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Busy("kb"), "another process is changing the base kb"),
        (UnknownDocument("a.md", close=("b.md", "c.md")), "did you mean b.md or c.md?"),
        (DocumentRefused("it needs a password", document="a\x1b.pdf"), "a\ufffd.pdf: it needs a password (save it"),
        (IndexUnavailable("no Chroma server"), "the same command goes on from there"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(error: KnowledgeError, said: str) -> None:
    assert said in explained(error)


def test_a_model_that_is_away_is_told_without_a_traceback(shell: Shell) -> None:
    shell.endpoint.down = True
    assert "the same command goes on from there" in shell("sync", "kb", code=3).stderr
    shell.endpoint.down = False
    shell("sync", "kb")
    assert len(shell.documents()) == 3


def test_tables_show_every_column_in_a_terminal_of_eighty_columns() -> None:
    status = BaseStatus(
        name="handbook-zh", state="ready", documents=12_345, chunks=100_000, revision=1234, synced_at=1e9
    )
    settings = Settings(knowledge={status.name: KnowledgeBase(sources=("docs",))})
    text = io.StringIO()
    Console(file=text, width=80).print(bases_table([status], settings, {status.name: []}))
    for shown in (status.name, "12,345", "100,000", "1234", "2001-09-09", "1+0"):
        assert shown in text.getvalue()
