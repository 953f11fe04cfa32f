"""The adapter of a library whose functions take calls in the form of `conformance.targets.arguments`."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Json
from conformance.targets.adapter import NotOfferedError, Prepared, spoil_heap
from conformance.targets.arguments import read
from conformance.targets.transport.messages import Call, decoded

__all__ = ["Functions", "Library"]

# By op and route: a function that converts the arguments of a call and returns the op alone, to be run.
Functions: TypeAlias = Mapping[str, Mapping[str, Callable[[Any], Callable[[], object]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The adapter of one library."""

    functions: Functions
    versions: Mapping[str, str]
    array: Callable[[Any], object] = np.asarray  # of one result

    def about(self) -> Mapping[str, Json]:
        """Return the versions at work, and the ops and routes offered."""
        versions: dict[str, Json] = {"numpy": np.__version__, **self.versions}
        routes: dict[str, Json] = {op: list(ways) for op, ways in self.functions.items()}
        return {"versions": versions, "devices": ["CPU"], "ops": list(self.functions), "routes": routes}

    def prepare(self, call: Call) -> Prepared:
        """Check the call, convert its arguments, and build or compile what the library wants built first."""
        given = {
            name: entry if isinstance(entry, np.ndarray) else decoded(entry) for name, entry in call.arguments.items()
        }
        function = self._function(call.op, call.route)
        checked = read(call.op, given)
        started = time.perf_counter()
        run = function(checked)
        return Prepared(run, time.perf_counter() - started)

    def call(self, op: str, route: str = "", **given: Any) -> tuple[object, ...]:  # noqa: ANN401
        """Call an op as in tf.nn, with arrays for tensors, and return its results."""
        return tuple(self.arrays(self._function(op, route)(read(op, given))()))

    def _function(self, op: str, route: str) -> Callable[[Any], Callable[[], object]]:
        """Return the function that computes an op by a route, or by the first."""
        ways = self.functions.get(op, {})
        name = route or next(iter(ways), "")
        if name not in ways:
            raise NotOfferedError(f"no way {name!r} to {op}")
        return ways[name]

    def arrays(self, result: object) -> Sequence[object]:
        """Return the results as arrays."""
        several = result if isinstance(result, tuple | list) else (result,)
        return [self.array(entry) for entry in several]

    def spoil(self, sizes: Sequence[int]) -> None:
        """Free NaN where the library allocates next, as far as it takes memory where NumPy does."""
        spoil_heap(sizes)
