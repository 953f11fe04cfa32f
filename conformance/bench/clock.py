"""
An adapter around another one: it makes a call many times and gives, after the results, how long each time took.

Options: the inner adapter's module and options; `seconds` and `most`, which end the repetitions; `compiles`, whether
the first run is no measure of the others. The last array of an answer is float64 [2, 1 + n]: the first run, then n
runs; seconds, and below them the seconds of all processors that the process spent. One warm-up run comes between; one
that is longer than ENOUGH is the only one timed, and so is a first one longer than LONG of what does not compile.

The call AGAIN, without arguments, repeats the call before it, as it was prepared: its answer is the times alone. Its
first run is the warm-up.
"""

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.model import Array, Json
from conformance.targets.adapter import Adapter, NotOfferedError, Prepared
from conformance.targets.transport.messages import Call

__all__ = ["AGAIN", "Clock", "load"]

AGAIN = Call(op="again", arguments={})
ENOUGH, LONG = 0.02, 0.1  # seconds
LEAST = 3  # runs, unless one alone takes longer than there is time


def load(options: Mapping[str, Json]) -> "Clock":
    """Load the inner adapter."""
    inner: Adapter = importlib.import_module(str(options["adapter"])).load(options["options"])
    return Clock(inner, float(str(options["seconds"])), int(str(options["most"])), bool(options["compiles"]))


@dataclass(slots=True)
class Clock:
    """The adapter that times another one's calls."""

    inner: Adapter
    seconds: float
    most: int  # runs of one call
    compiles: bool
    kept: Prepared | None = None  # the last call

    def about(self) -> Mapping[str, Json]:
        """Return what the inner adapter says of itself."""
        return self.inner.about()

    def prepare(self, call: Call) -> Prepared:
        """Prepare the call once; its run is many runs."""
        if call.op == AGAIN.op:
            kept = self.kept
            if kept is None:
                raise NotOfferedError("there is no call before this one")
            return Prepared(lambda: (None, self._times(kept.run)))
        self.kept = None  # its memory is the next call's
        self.kept = prepared = self.inner.prepare(call)
        return Prepared(lambda: self._begun(prepared.run), prepared.trace_seconds)

    def _begun(self, run: Callable[[], object]) -> tuple[object, Array]:
        """Run for the first time, and then until the time is spent."""
        result, first = clocked(run)
        if first[0] > LONG and not self.compiles:
            return result, np.array([first, first]).T
        times = self._times(run)
        times[:, 0] = first
        return result, times

    def _times(self, run: Callable[[], object]) -> Array:
        """Run until the time is spent; the warm-up comes first."""
        _, warm = clocked(run)
        if warm[0] > ENOUGH:
            return np.array([warm, warm]).T
        times: list[tuple[float, float]] = []
        while len(times) < LEAST or (sum(wall for wall, _ in times) < self.seconds and len(times) < self.most):
            times.append(clocked(run)[1])
        return np.array([warm, *times]).T

    def arrays(self, result: tuple[object, Array]) -> Sequence[object]:
        """Return the inner results, if they were asked for, and the times."""
        given, times = result
        return [*(() if given is None else self.inner.arrays(given)), times]

    def spoil(self, sizes: Sequence[int]) -> None:
        """Leave memory as it is: nothing is judged here."""


def clocked(run: Callable[[], object]) -> tuple[object, tuple[float, float]]:
    """Run once; return the result, the seconds, and the processors' seconds."""
    started, spent = time.perf_counter(), time.process_time()
    result = run()
    return result, (time.perf_counter() - started, time.process_time() - spent)
