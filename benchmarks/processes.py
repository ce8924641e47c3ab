"""Processes under measurement: start, wait for, weigh and stop them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO

import aiohttp
import psutil

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
READY_S = 60.0
STOP_S = 30.0


class DidNotStart(RuntimeError):
    """A process ended or stayed silent before it was ready."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU time, user and system: of the Python processes, and of the store that they started."""

    python: float
    store: float

    def since(self, before: Cpu) -> Cpu:
        return Cpu(self.python - before.python, self.store - before.store)

    @property
    def both(self) -> float:
        return self.python + self.store


@dataclass(slots=True)
class Measured:
    """A running command with its children; an embedded Valkey is found by the data folder that it works in."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    data_dir: Path | None = None
    started: float = field(default_factory=monotonic)
    _found: list[psutil.Process] | None = None

    def cpu(self) -> Cpu:
        return Cpu(sum(map(_cpu_s, self._tree())), sum(map(_cpu_s, self._stores())))

    def precise_cpu_s(self) -> float:
        """Seconds of CPU of the main threads, to the nanosecond where the kernel tells: for single answers."""
        return sum(_main_thread_s(process) for process in (*self._tree(), *self._known_stores()))

    def rss_mb(self) -> tuple[float, float]:
        """Resident memory in MB (10^6 bytes): of the Python processes, and of the store."""
        python, store = (sum(one.memory_info().rss for one in them) for them in (self._tree(), self._stores()))
        return python / 1e6, store / 1e6

    def check(self) -> None:
        """Raise DidNotStart if it has ended."""
        if self.process.poll() is not None:
            tail = self.log.read_text("utf-8", "replace")[-3000:]
            raise DidNotStart(f"{self.name} ended with {self.process.returncode}:\n{tail}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it, its children, and a store that outlived it; `at_once` leaves it no time to finish its work."""
        stores = self._stores()
        if self.process.poll() is None:
            if at_once:
                self.process.kill()
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                for child in self._tree():
                    child.kill()
                self.process.wait()
        for store in stores:
            if store.is_running():
                store.terminate()

    def _tree(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _known_stores(self) -> list[psutil.Process]:
        """The stores, looked for once: going through all processes takes longer than an answer."""
        if self._found is None:
            self._found = self._stores()
        return self._found

    def _stores(self) -> list[psutil.Process]:
        if self.data_dir is None:
            return []
        folder = str((self.data_dir / "valkey").resolve())
        found = []
        for process in psutil.process_iter(["name", "cwd"]):
            if process.info["cwd"] == folder and "python" not in (process.info["name"] or ""):
                found.append(process)
        return found


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _main_thread_s(process: psutil.Process) -> float:
    """Source: https://docs.kernel.org/scheduler/sched-stats.html, `/proc/<pid>/schedstat`."""
    try:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text("ascii").split()[0]) / 1e9
    except OSError:
        return _cpu_s(process)


def start(
    name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path, data_dir: Path | None = None
) -> Measured:
    """Start a command in `folder`, with nothing of this process's environment that could configure it."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name.replace(' ', '-')}.log"
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")}
    output: IO[bytes]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, "PYTHONPATH": str(ROOT), **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Measured(name, process, log, data_dir)


async def wait_for_http(url: str, measured: Measured, http: aiohttp.ClientSession) -> float:
    """Return the seconds from the start of the process until `url` answers 200."""
    while True:
        try:
            async with http.get(url) as response:
                if response.status == 200:
                    return monotonic() - measured.started
        except aiohttp.ClientError:
            measured.check()
        await _pause(measured)


async def wait_for(event: asyncio.Event, measured: Measured) -> float:
    """Return the seconds from the start of the process until `event` is set."""
    while not event.is_set():
        measured.check()
        await _pause(measured)
    return monotonic() - measured.started


async def _pause(measured: Measured) -> None:
    if monotonic() - measured.started > READY_S:
        raise DidNotStart(f"{measured.name} was not ready in {READY_S:g} s:\n{measured.log.read_text('utf-8')[-3000:]}")
    await asyncio.sleep(0.01)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ModelServer:
    """The simulated model in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        self.root = f"http://127.0.0.1:{port}"
        code = "import sys, uvloop; uvloop.install(); from tests.simulators.llm import main; main(sys.argv[1:])"
        command = [PYTHON, "-W", "ignore", "-c", code, "--port", str(port), *options]
        self.process = start("model", command, env={}, folder=folder)

    async def ready(self, http: aiohttp.ClientSession) -> None:
        await wait_for_http(f"{self.root}/_simulator", self.process, http)

    async def count(self, http: aiohttp.ClientSession) -> int:
        """How many requests came so far."""
        async with http.get(f"{self.root}/_simulator") as response:
            return int((await response.json())["count"])

    async def set(self, http: aiohttp.ClientSession, *, delay_s: float = 0, chunk_delay_s: float = 0) -> None:
        """Change how long it thinks."""
        async with http.post(
            f"{self.root}/_simulator", json={"delay_s": delay_s, "chunk_delay_s": chunk_delay_s}
        ) as it:
            it.raise_for_status()

    def stop(self) -> None:
        self.process.stop()
