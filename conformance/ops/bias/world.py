"""The small worlds of bias_add and its gradient."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from conformance.cases.world import Axes, World, half
from conformance.model import Case
from conformance.ops.bias.calls import Addition, written

__all__ = ["of"]

RANKS = (2, 3, 4, 5)
AXIS = "axis "  # begins the names of the axes that are a size


def of(op: str) -> World:
    """Return the small world of an op."""
    return World(parts=parts, call=partial(call, op))


def parts(side: int) -> Mapping[str, Axes]:
    """Return the axes of the calls up to a side, by rank and layout; above rank 2 up to half the side."""
    return {
        f"rank-{rank}-{layout}": {
            **{f"{AXIS}{axis}": range(1, (side if rank == 2 else half(side)[-1]) + 1) for axis in range(rank)},
            "layout": (layout,),
        }
        for rank in RANKS
        for layout in ("NHWC", "NCHW")
        if rank > 2 or layout == "NHWC"
    }


def call(op: str, dtype: str, number: int, **chosen: Any) -> Case:  # noqa: ANN401 -- an entry of each axis
    """Return the call."""
    shape = tuple(size for name, size in chosen.items() if name.startswith(AXIS))
    return written(
        Addition(op=op, shape=shape, data_format=chosen["layout"], dtype=dtype, regime="lattice", seed=number)
    )
