"""What the machine can do at most, and which share of it each timing reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from conformance.bench import ceilings
from conformance.bench.clock import AGAIN
from conformance.bench.timing import LIMITS, Timed, start
from conformance.errors import SuiteError
from conformance.model import Array, Returned
from conformance.targets.target import Target
from conformance.targets.transport.messages import Call
from conformance.targets.transport.pool import Worker

__all__ = ["against", "ceilings_of"]

NAMESPACE = "conformance.targets.namespace"


def against(row: Timed, ceilings: Mapping[str, float]) -> Timed:
    """Return a row with its shares of what the processor can do; a GPU's have nothing to do with that."""
    if "gpu" in row.target:
        return row
    most = ceilings.get(f"gflops {row.dtype}, threads {row.threads}")
    copied = ceilings.get(f"gbs, threads {row.threads}")
    return replace(
        row,
        of_gflops=row.gflops / most if row.gflops is not None and most else None,
        of_gbs=row.gbs / copied if row.gbs is not None and copied else None,
    )


def ceilings_of(threads: Sequence[int]) -> dict[str, float]:
    """Measure what the machine can do: 10^9 operations and bytes a second; the names say dtype and threads."""
    found: dict[str, float] = {}
    numpy = Target(name="numpy", about="", adapter=NAMESPACE, options={"object": "conformance.bench.ceilings"})
    for count in threads:
        with Worker(start(numpy, count, 0.3), LIMITS) as worker:
            for dtype in ("float32", "float64"):
                matrix = np.ones((ceilings.SIDE, ceilings.SIDE), dtype)
                seconds = fastest(worker, "product", a=matrix, b=matrix)
                found[f"gflops {dtype}, threads {count}"] = 2 * ceilings.SIDE**3 / seconds / 1e9
            seconds = fastest(worker, "copy", a=np.ones(ceilings.SIZE, np.float32))
            found[f"gbs, threads {count}"] = 2 * 4 * ceilings.SIZE / seconds / 1e9
    return found


def fastest(worker: Worker, op: str, **arrays: Array) -> float:
    """Return the shortest time of a call, the first one left out: it meets memory that nobody has touched."""
    first = worker.run(Call(op=op, arguments=arrays))
    observed = worker.run(AGAIN)
    if not isinstance(observed, Returned):
        raise SuiteError(f"the ceiling {op!r} could not be measured: {first}")
    return float(observed.arrays[-1][0].min())
