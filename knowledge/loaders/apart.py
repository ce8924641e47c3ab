"""Reading documents in a process of its own, with bounds on memory and time that hold whatever the document does."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from typing import Any

from knowledge.errors import DocumentRefused
from knowledge.loaders.table import loader_for
from knowledge.types import Access, Block, Loaded

TIMEOUT_S = 60.0
MEMORY_BYTES = 1_500_000_000


class ReadingProcess:
    """Starts its child with the first document and keeps it for the next; one document at a time."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._child: subprocess.Popen[bytes] | None = None

    def load(self, data: bytes, *, name: str, file: str = "") -> Loaded:
        """Return what the loader reads that belongs to the suffix of `file`, by default of `name`.

        A page of the web is named by its address, whose end says nothing about what it is.

        Raises:
            DocumentRefused: the loader's reason, or the bounds were met.
        """
        child = self._started()
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps({"name": name, "file": file, "size": len(data)}).encode() + b"\n" + data)
            child.stdin.flush()
        except OSError as error:
            self.close()
            raise DocumentRefused("the reading process ended", document=name) from error
        answer = json.loads(self._line(child, name))
        if "refused" in answer:
            raise DocumentRefused(answer["refused"], document=name)
        return loaded_from(answer)

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter, and a number
                [sys.executable, "-m", "knowledge.loaders.apart", str(self._memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONWARNINGS": "ignore", "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C in a terminal is for its parent, whose end it sees by itself
            )
        return self._child

    def _line(self, child: subprocess.Popen[bytes], name: str) -> bytes:
        assert child.stdout is not None
        deadline = time.monotonic() + self._timeout_s
        descriptor, answer = child.stdout.fileno(), b""
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(descriptor, 1 << 20) if ready else b""
            if not part:
                self.close()
                reason = "its reader ran out of memory or crashed" if ready else f"not read in {self._timeout_s:g} s"
                raise DocumentRefused(reason, document=name)
            answer += part
        return answer


def loaded_from(answer: dict[str, object]) -> Loaded:
    """Return the document that `answer_for` wrote."""
    blocks: Any = answer["blocks"]
    return Loaded(
        title=str(answer["title"]),
        blocks=tuple(
            Block(text=text, headings=tuple(path), place=place, kind=kind) for text, path, place, kind in blocks
        ),
        tags=frozenset(_texts(answer["tags"])),
        access=Access(
            roles=frozenset(_texts(answer["roles"])), conversations=frozenset(_texts(answer["conversations"]))
        ),
    )


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def answer_for(data: bytes, name: str, file: str = "") -> dict[str, object]:
    """Read one document, by the loader of `file` or else of `name`; the answer can be written as JSON."""
    try:
        loaded = loader_for(file or name)(data, name=name)
    except DocumentRefused as error:
        return {"refused": str(error)}
    except (MemoryError, RecursionError) as error:
        return {"refused": f"too complex: {type(error).__name__}"}
    return {
        "title": loaded.title,
        "blocks": [(block.text, block.headings, block.place, block.kind) for block in loaded.blocks],
        "tags": sorted(loaded.tags),
        "roles": sorted(loaded.access.roles),
        "conversations": sorted(loaded.access.conversations),
    }


def main(memory_bytes: int) -> None:
    """Answer one document after the other until the parent closes the pipe."""
    import logging
    import resource

    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a loader that prints must not break the protocol
    while line := source.readline():
        asked = json.loads(line)
        answer = answer_for(source.read(asked["size"]), asked["name"], asked["file"])
        sink.write(json.dumps(answer).encode() + b"\n")
        sink.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
