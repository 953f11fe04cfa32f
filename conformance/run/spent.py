"""The processor time of a process that does shards, by what it goes into."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from conformance.run.trials import Panel

__all__ = ["Spent", "processor_seconds"]


class Spent:
    """The processor time of a process with a panel, beside the targets' calls."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._counted = 0.0

    def outside(self) -> float:
        """Return what was used since the last look, by this process and its workers, outside the targets' calls."""
        before, self._counted = self._counted, processor_seconds() - self._panel.target_seconds
        return self._counted - before


def processor_seconds() -> float:
    """Return the processor time of this process and its descendants since their birth, those that live included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used) + sum(map(_used_by, _descendants(os.getpid())))


def _descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process that live, and theirs, by their ids; none where the system does not say."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield child
                yield from _descendants(child)


def _used_by(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended: proc(5), stat."""
    try:
        # Its second field, the name in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
