"""The small worlds of the pools, their gradients and avg_unpool: forward pools with small sides."""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

from conformance.cases.spelling import Spelling
from conformance.cases.world import Axes, World, half
from conformance.model import Case
from conformance.ops.convolutions.world import LAYOUTS, axes_of
from conformance.ops.pools.calls import EXPLICIT, Pool, written

__all__ = ["of"]


def of(op: str) -> World:
    """Return the small world of an op."""
    return World(parts=partial(parts, op), call=partial(call, op))


def parts(op: str, side: int) -> Mapping[str, Axes]:
    """Return the axes of the pools up to a side, by padding and layout; of maxima there are images with ties, too."""
    few = tuple(half(side))
    argmax = op == "max_pool_with_argmax"
    paddings = ("SAME", "VALID", "EXPLICIT") if op in EXPLICIT else ("SAME", "VALID")
    return {
        f"{padding}-{layout}": {
            "rows": (windows := axes_of(padding, side, pool=True)),
            "columns": windows,
            "batch": few,
            "channels": few,
            "padding": (padding,),
            "layout": (layout,),
            "regime": ("lattice",) if op.startswith("avg") else ("lattice", "ties"),
            "output_dtype": ("", "int32") if argmax else ("",),
            "include_batch_in_index": (False, True) if argmax else (False,),
        }
        for padding, layout in product(paddings, LAYOUTS[: 1 if argmax else 2])
    }


def call(op: str, dtype: str, number: int, **chosen: Any) -> Case:  # noqa: ANN401 -- an entry of each axis
    """Return the call behind which this pool is."""
    layout = chosen.pop("layout")
    spelling = Spelling(data_format=layout, strides="two", window="two")
    return written(Pool(op=op, dtype=dtype, seed=number, spelling=spelling, between=1, **chosen))
