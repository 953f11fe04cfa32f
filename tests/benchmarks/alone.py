"""
Small calls by TensorFlow alone: what a suite that costs nothing would take.

    python -m tests.benchmarks.alone

Reads lines "op first count", makes so many float32 calls of the op's small world, from that one on, each from NumPy
arrays to NumPy arrays by the route that the suite would take, and answers with the seconds of a clock on the wall and
of the processor. `calls` says which calls these are. A call that draws is the first one after `tf.random.set_seed`, as
in a run: what it draws depends on no call before it.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from conformance import ops
from conformance.model import Case
from conformance.run.scope import Scope, route_of
from conformance.targets import registry

__all__ = ["SIDE", "TARGET", "calls"]

TARGET, SIDE = "tf-cpu-eager", 6


def calls(op: str, first: int, count: int) -> Sequence[Case]:
    """Return float32 calls of an op that TensorFlow claims, the parts of its small world in turn."""
    scope = Scope(target=registry.builtin()[TARGET])
    parts = [region for region in ops.regions(op, SIDE).values() if region.dtype == "float32"]
    turns = zip_longest(*(part.cases(0, first + 4 * count) for part in parts))
    claimed = (case for turn in turns for case in turn if case and scope.claims(case))
    return list(islice(claimed, first, first + count))


def main() -> None:
    """Answer one line after another."""
    from conformance.targets.tensorflow.adapter import find, load, set_seed

    load({})
    for line in sys.stdin:
        op, first, count = line.split()
        target = registry.builtin()[TARGET]
        made = [
            (partial(find(op, route_of(target, case)), **others(arguments)), arrays(arguments), seeds(op, arguments))
            for case in calls(op, int(first), int(count))
            for arguments in [ops.arguments(case)]
        ]
        began, busy = time.perf_counter(), time.process_time()
        for function, operands, drawn_by in made:
            with suppress(Exception):  # what it refuses takes its time, too
                set_seed(drawn_by)
                one(function, operands)
        sys.stdout.write(f"{time.perf_counter() - began} {time.process_time() - busy}\n")
        sys.stdout.flush()


def arrays(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays among arguments."""
    return {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}


def others(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the other arguments that TensorFlow's functions have."""
    return {name: value for name, value in arguments.items() if name not in {*arrays(arguments), "global_seed"}}


def seeds(op: str, arguments: dict[str, Any]) -> tuple[int | None, ...]:
    """Return the global seed of a call that draws by one."""
    return (arguments.get("global_seed"),) if op == "dropout" else ()


def one(function: Callable[..., Any], operands: dict[str, Any]) -> None:
    """Make one call."""
    import tensorflow as tf

    result = function(**{name: tf.constant(array) for name, array in operands.items()})
    for each in result if isinstance(result, tuple) else (result,):
        each.numpy()


if __name__ == "__main__":
    main()
