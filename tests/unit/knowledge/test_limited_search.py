"""A search by somebody who may not see everything: as good as if the rest were not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import DocumentRule, KnowledgeBase
from knowledge.library import Library
from knowledge.types import Scope
from tests.unit.knowledge.parts import WordEmbedder, write

HR = Scope(roles=frozenset({"hr"}))


@pytest.mark.parametrize("limited", [3, 150, 297], ids=["few", "half", "nearly all"])
@pytest.mark.parametrize("second", [False, True], ids=["owner", "second process"])
async def test_limited_documents_take_no_place_from_the_others(tmp_path: Path, limited: int, *, second: bool) -> None:
    """The limited ones fit best: were they only left out afterwards, nothing would remain."""
    secret = {f"secret/{at:03}.md": f"# Leave {at}\n\nDays of leave a year, number {at}.\n" for at in range(limited)}
    public = {
        f"open/{at:03}.md": f"# Rules {at}\n\nSome words on leave, and {at} others on something else.\n"
        for at in range(300 - limited)
    }
    write(tmp_path / "docs", {**secret, **public})
    both = KnowledgeBase(sources=("docs",), rules=(DocumentRule(match="docs/secret/*", roles=("hr",)),))
    bases = {"both": both, "public": KnowledgeBase(sources=("docs/open",))}
    made = [Library(bases, data_dir=tmp_path / "data", root=tmp_path, embedder=WordEmbedder()) for _ in range(2)]
    try:
        for library in made:
            await library.ranked("warm", bases=["both", "public"], limit=1, scope=HR)
        library = made[second]
        alone = await library.ranked("days of leave a year", bases=["public"], limit=3, scope=Scope())
        found = await library.ranked("days of leave a year", bases=["both"], limit=3, scope=Scope())
        assert len(found) == min(3, 300 - limited)
        assert {one.document for one in found} <= {f"docs/{name}" for name in public}
        assert [one.vector_score for one in found] == pytest.approx([one.vector_score for one in alone], abs=0.05)
        best = (await library.ranked("days of leave a year", bases=["both"], limit=1, scope=HR))[0]
        assert best.document.startswith("docs/secret/")
    finally:
        for library in made:
            await library.close()
