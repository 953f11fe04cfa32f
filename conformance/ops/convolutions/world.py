"""The small worlds of the convolutions, their transpose and their gradients: forward convolutions of small sides."""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

from conformance.cases import sizes
from conformance.cases.spelling import Spelling
from conformance.cases.world import Axes, World, half
from conformance.model import Case
from conformance.ops.convolutions.forms import FORMS, Convolution, written
from reference.windows import Axis

__all__ = ["LAYOUTS", "axes_of", "of"]

LAYOUTS = ("NHWC", "NCHW")


def of(op: str) -> World:
    """Return the small world of an op."""
    return World(parts=partial(parts, op), call=partial(call, op))


def parts(op: str, side: int) -> Mapping[str, Axes]:
    """Return the axes of the convolutions up to a side, by padding and layout."""
    few = tuple(half(side))
    depth, groups = ((1,), few) if FORMS[op].depthwise else (few, few[:2])
    return {
        f"{padding}-{layout}": {
            "rows": (windows := axes_of(padding, side, dilations=(1, 2))),
            "columns": windows,
            "batch": few,
            "depth": depth,
            "groups": groups,
            "each": few,
            "padding": (padding,),
            "layout": (layout,),
        }
        for padding, layout in product(("SAME", "VALID", "EXPLICIT"), LAYOUTS)
    }


def axes_of(padding: str, side: int, *, dilations: tuple[int, ...] = (1,), pool: bool = False) -> tuple[Axis, ...]:
    """
    Return all windows along one axis of an image up to a side, those of at least one window.

    Taps and strides go to half the side, explicit padding to 2 at each end, and of a pool below the taps.
    """
    few = half(side)
    ends = range(len(few[:3])) if padding == "EXPLICIT" else (0,)
    found = (
        sizes.lay(padding, size, taps, stride, dilation, (before, after))
        for size, taps, stride, dilation in product(range(1, side + 1), few, few, dilations)
        for before, after in product(ends, repeat=2)
        if (taps > 1 or dilation == 1) and (not pool or max(before, after) < taps)
    )
    return tuple(axis for axis in found if axis.out > 0)


def call(op: str, dtype: str, number: int, **chosen: Any) -> Case:  # noqa: ANN401 -- an entry of each axis
    """Return the call behind which this convolution is; each: the filters of a group."""
    return written(
        Convolution(
            op=op,
            lead=(chosen["batch"],),
            rows=chosen["rows"],
            columns=chosen["columns"],
            padding=chosen["padding"],
            depth=chosen["depth"],
            groups=chosen["groups"],
            outputs=chosen["each"] * chosen["groups"],
            dtype=dtype,
            spelling=Spelling(data_format=chosen["layout"], strides="two", window="absent"),
            regime="lattice",
            seed=number,
        )
    )
