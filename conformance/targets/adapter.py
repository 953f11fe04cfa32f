"""
Adapters: what a worker calls a target through. Each module has `load(options)`, which returns an `Adapter`.

An adapter takes NumPy arrays and gives what `numpy.asarray` takes. What it imports is imported in a worker only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from conformance.model import Json
from conformance.targets.transport.messages import Call

__all__ = ["Adapter", "NoSuchPluginError", "NotOfferedError", "Prepared", "spoil_heap"]


def spoil_heap(sizes: Sequence[int]) -> None:
    """Fill memory of the process with NaN of every floating type and free it."""
    for size in sizes:
        np.full(size, 0xFF, np.uint8)


class NotOfferedError(Exception):
    """The target has no such function, or says that it does not implement this call."""


class NoSuchPluginError(Exception):
    """The object that the user named as target cannot be found: one line that says which and why."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call with its arguments converted; `run` is the op alone, its result computed when it returns."""

    run: Callable[[], object]
    trace_seconds: float = 0.0  # spent in preparing: tracing a graph
    kernels: Callable[[], tuple[str, ...]] = tuple  # after `run`: the compiled code that computed it, where that tells


class Adapter(Protocol):
    """What a worker asks of a target."""

    def about(self) -> Mapping[str, Json]:
        """Return versions, devices, CPU features, build: whatever a report should say of the target."""

    def prepare(self, call: Call) -> Prepared:
        """Convert the arguments; raises what the target raises, or NotOfferedError."""

    def arrays(self, result: object) -> Sequence[object]:
        """Return the results of `run`, one or several, each something that `numpy.asarray` takes."""

    def spoil(self, sizes: Sequence[int]) -> None:
        """Fill memory of about these sizes (bytes) with NaN and free it: who reads what it never wrote meets NaN."""
