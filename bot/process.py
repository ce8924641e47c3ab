"""The name of this process, by which others on the same machine can tell that it has died.

Leases outlive a `kill -9` on purpose. A successor on the same machine need not wait for them to expire:
the kernel knows that their holder is gone.
"""

from __future__ import annotations

import os
import socket
import time
from functools import cache
from pathlib import Path

IMPORTED = time.monotonic()


@cache
def process_name() -> str:
    """Return `host/pid namespace/pid/start time`, the same for the whole life of the process."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(name: str) -> bool:
    """Return True only if `name` was a process of this machine that no longer runs."""
    machine, _, rest = name.rpartition("/")[0].rpartition("/")
    if machine != _machine() or not rest.isdigit():
        return False
    return _started(int(rest)) != name.rpartition("/")[2]


def age_s() -> float:
    """Return for how many seconds this process has run; or since this import where the kernel does not tell."""
    started = _started(os.getpid())
    if not started.isdigit():
        return time.monotonic() - IMPORTED
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")


@cache
def _machine() -> str:
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{os.readlink(namespace) if namespace.exists() else 'host'}"


def _started(pid: int) -> str:
    """Return when a process started in clock ticks after boot (proc(5), field 22); "" where it does not run."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _signalled(pid)
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie holds nothing any more: its parent has merely not asked for its exit code yet.
    return "" if fields[0] == "Z" else fields[19]


def _signalled(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "running"
    return "running"
