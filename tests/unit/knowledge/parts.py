"""Small real parts for tests of knowledge: an embedder without a model, and folders of documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import sqrt
from pathlib import Path

from knowledge.retrieval.words import terms


class WordEmbedder:
    """Adds up one fixed direction per word: texts that share words are near. Counts what it embeds."""

    dimensions = 64
    batch = 4

    def __init__(self, name: str = "words/1") -> None:
        self.name = name
        self.embedded: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += texts
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        total = [0.0] * self.dimensions
        for word in terms(text) or [text]:
            digest = sha256(f"{self.name} {word}".encode()).digest() * 2
            for at in range(self.dimensions):
                total[at] += digest[at] - 127.5
        length = sqrt(sum(value * value for value in total)) or 1.0
        return [value / length for value in total]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
