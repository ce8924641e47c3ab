from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from knowledge.catalogue.file import CatalogueFile
from knowledge.errors import IndexUnavailable


def test_a_catalogue_of_an_older_form_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE chunks(other TEXT)")
    old.close()
    file = CatalogueFile(path)
    assert file.db.execute("SELECT count(*) FROM chunks WHERE ordinal=0").fetchone() == (0,)
    file.close()
    assert (tmp_path / "catalogue.db.v0").exists()


def test_a_catalogue_keeps_what_it_holds_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    first = CatalogueFile(path)
    identity = first.id
    first.close()
    second = CatalogueFile(path)
    assert second.id == identity
    second.close()


def test_a_catalogue_of_a_newer_parley_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    CatalogueFile(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(IndexUnavailable, match="newer Parley"):
        CatalogueFile(path)
