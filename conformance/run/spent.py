"""The processor time of a process that does shards, by what it goes into."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from conformance.run.trials import Panel
from conformance.targets.transport.zygote import Zygotes, used_by

__all__ = ["Spent", "processor_seconds"]


class Spent:
    """The processor time of a process with a panel, beside the targets' calls."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._counted = 0.0

    def outside(self) -> float:
        """Return what was used since the last look, by this process and its workers, outside the targets' calls."""
        before, self._counted = self._counted, processor_seconds(self._panel.zygotes) - self._panel.target_seconds
        return self._counted - before


def processor_seconds(zygotes: Zygotes) -> float:
    """
    Return the processor time of this process and its descendants since their birth, those that live included.

    zygotes: which may be of another process, and the workers that this one has had of them.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    living = sum(map(used_by, _descendants(os.getpid(), zygotes)))
    return sum(usage.ru_utime + usage.ru_stime for usage in used) + living + zygotes.seconds()


def _descendants(pid: int, zygotes: Zygotes) -> Iterator[int]:
    """Yield the children of a process that live, and theirs, but for zygotes; none where the system does not say."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text().split()):
                if not zygotes.owns(child):
                    yield child
                    yield from _descendants(child, zygotes)
