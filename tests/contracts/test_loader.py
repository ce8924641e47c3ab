"""What every loader must do: read its kind, keep its title and places, and refuse the rest with one error only."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from knowledge.loaders.apart import answer_for, loaded_from
from knowledge.loaders.table import LOADERS, loader_for, suffixes
from tests.unit.knowledge import office

CANARY = "The canary sings at noon."
SAMPLES = {
    ".md": f"# T\n\n{CANARY}\n".encode(),
    ".markdown": CANARY.encode(),
    ".txt": CANARY.encode(),
    ".text": CANARY.encode("utf-16"),
    ".csv": f"a,b\n1,{CANARY}\n".encode(),
    ".tsv": f"a\tb\n1\t{CANARY}\n".encode(),
    ".json": f'{{"a": "{CANARY}"}}'.encode(),
    ".jsonl": f'{{"a": "{CANARY}"}}\n'.encode(),
    ".ndjson": f'{{"a": "{CANARY}"}}\n'.encode(),
    ".yaml": f"a: {CANARY}\n".encode(),
    ".yml": f"a: {CANARY}\n".encode(),
    ".html": f"<p>{CANARY}</p>".encode(),
    ".htm": f"<p>{CANARY}</p>".encode(),
    ".xhtml": f"<p>{CANARY}</p>".encode(),
    ".pdf": office.pdf([[CANARY]]),
    ".docx": office.docx([("p", CANARY)]),
    ".pptx": office.pptx([("T", CANARY, "")]),
    ".xlsx": office.xlsx({"S": [["a"], [CANARY]]}),
    ".epub": office.epub([f"<p>{CANARY}</p>"], title="T"),
    ".eml": office.email("T", CANARY),
}


def test_every_suffix_has_a_sample() -> None:
    assert suffixes() >= set(SAMPLES) == set(LOADERS)


@pytest.mark.parametrize("suffix", SAMPLES)
def test_the_text_is_found_and_the_document_has_a_title(suffix: str) -> None:
    loaded = loader_for(f"a{suffix}")(SAMPLES[suffix], name=f"a{suffix}")
    assert any(CANARY in block.text for block in loaded.blocks)
    assert loaded.title


@pytest.mark.parametrize("suffix", SAMPLES)
def test_reading_apart_gives_the_same(suffix: str) -> None:
    name = f"a{suffix}"
    assert loaded_from(answer_for(SAMPLES[suffix], name)) == loader_for(name)(SAMPLES[suffix], name=name)


@pytest.mark.parametrize("suffix", SAMPLES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 10_000), st.booleans())
@example(b"", 0, True)
@example(b"<!-- -->", 0, False)
@example(b"\xff\xfe", 0, False)
def test_damaged_files_are_refused_or_read_but_never_crash(suffix: str, junk: bytes, at: int, alone: bool) -> None:
    sample = SAMPLES[suffix]
    cut = at % (len(sample) + 1)
    data = junk if alone else sample[:cut] + junk + sample[cut + len(junk) :]
    answer = answer_for(data, f"a{suffix}")
    assert answer.get("refused", "x"), "a refusal has a reason"
