"""
An adapter around another one: it makes a call many times and gives, after the results, how long each time took.

Options: the inner adapter's module and options, and `seconds` and `most`, which end the repetitions. The last array of
an answer is float64 [2, 1 + n]: the first run (XLA compiles in it), then n runs; seconds, and below them the seconds
of all processors that the process spent. One warm-up run comes between; one that is longer than `seconds` is the only
one timed.
"""

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.model import Array, Json
from conformance.targets.adapters import Adapter, Prepared
from conformance.targets.messages import Call

__all__ = ["Clock", "load"]

LEAST = 3  # runs, unless one alone takes longer than there is time


def load(options: Mapping[str, Json]) -> "Clock":
    """Load the inner adapter."""
    inner: Adapter = importlib.import_module(str(options["adapter"])).load(options["options"])
    return Clock(inner, float(str(options["seconds"])), int(str(options["most"])))


@dataclass(frozen=True, slots=True)
class Clock:
    """The adapter that times another one's calls."""

    inner: Adapter
    seconds: float
    most: int  # runs of one call

    def about(self) -> Mapping[str, Json]:
        """Return what the inner adapter says of itself."""
        return self.inner.about()

    def prepare(self, call: Call) -> Prepared:
        """Prepare the call once; its run is many runs."""
        prepared = self.inner.prepare(call)
        return Prepared(lambda: self._timed(prepared.run), prepared.trace_seconds)

    def _timed(self, run: Callable[[], object]) -> tuple[object, Array]:
        """Run until the time is spent."""
        result, first = clocked(run)
        _, second = clocked(run)
        if second[0] > self.seconds:
            return result, np.array([first, second]).T
        times: list[tuple[float, float]] = []
        while len(times) < LEAST or (sum(wall for wall, _ in times) < self.seconds and len(times) < self.most):
            times.append(clocked(run)[1])
        return result, np.array([first, *times]).T

    def arrays(self, result: tuple[object, Array]) -> Sequence[object]:
        """Return the inner results, and the times."""
        return [*self.inner.arrays(result[0]), result[1]]

    def spoil(self, sizes: Sequence[int]) -> None:
        """Leave memory as it is: nothing is judged here."""


def clocked(run: Callable[[], object]) -> tuple[object, tuple[float, float]]:
    """Run once; return the result, the seconds, and the processors' seconds."""
    started, spent = time.perf_counter(), time.process_time()
    result = run()
    return result, (time.perf_counter() - started, time.process_time() - spent)
