"""Processes as proc(5) shows them: whose they are, and whether they live."""

import os
import time
from pathlib import Path


def status(pid: int) -> tuple[str, int]:
    """Return the letter of a process's state, Z for a zombie, and its parent; "" and 0 where it is gone."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    return state, int(parent)


def children() -> list[tuple[int, str]]:
    """Return the children of this process: id and state."""
    known = {int(path.name): status(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    return [(pid, state) for pid, (state, parent) in known.items() if parent == os.getpid()]


def ended_within(pid: int, seconds: float) -> bool:
    """Return whether a process is gone, or only waits to be reaped by whoever has adopted it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and status(pid)[0] not in {"Z", ""}:
        time.sleep(0.02)
    return status(pid)[0] in {"Z", ""}
