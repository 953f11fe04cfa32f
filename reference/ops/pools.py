"""The geometry of pools, and the rules R1 and R3 to R8 that all of them share."""

from collections.abc import Sequence

import numpy as np

from reference.checks import (
    FLOATS,
    Padding,
    Size,
    axes,
    check_dtype,
    check_layout,
    check_rank,
    check_shape,
    padding_pairs,
    read_shape,
    shape_to_nhwc,
    spatial,
    to_nhwc,
)
from reference.engine.avg_pool import Spread
from reference.engine.pools import Pool
from reference.errors import Fault, SpecError
from reference.floats import Array
from reference.reading import read_array

__all__ = ["pool", "pool_geometry", "spread"]

EXPLICIT = ("max_pool", "max_pool_grad", "max_pool_grad_grad")  # the ops that take explicit padding
NAMES = {"max_pool_grad": "orig_input", "max_pool_grad_grad": "orig_input", "avg_unpool_grad": "grad"}  # of the image
BETWEEN_CHANNELS = ("max_pool",)  # the ops that pool between channels


def pool(
    op: str, input: Array, ksize: Size, strides: Size, padding: Padding, data_format: str | None
) -> tuple[Array, Pool]:
    """Check the geometry of a pool, under the rules R1 and R3 to R8 of the op that asks; return its image as NHWC."""
    layout = check_layout(f"{op}.R6", data_format)
    check_rank(f"{op}.R1", NAMES.get(op, "input"), input.shape, 4)
    image = to_nhwc(input, layout)
    return image, pool_geometry(op, image.shape, ksize, strides, padding, layout)


def pool_geometry(op: str, shape: tuple[int, ...], ksize: Size, strides: Size, padding: Padding, layout: str) -> Pool:
    """Lay the windows of a pool over an image of shape N H W C."""
    steps, other_steps = spatial(f"{op}.R3", "strides", strides, layout)
    window, other_window = spatial(f"{op}.R4", "ksize", ksize, layout)
    for rule, name, outer in (("R3", "strides", other_steps), ("R4", "ksize", other_window)):
        if outer[0] != 1:
            values = {name: strides if name == "strides" else ksize}
            reason = f"{name} of {outer[0]} along batch: only 1"
            raise SpecError(f"{op}.{rule}", reason, fault=Fault.OUTER_AXES, values=values)
    pads = padding_pairs(f"{op}.R5", padding, layout, may_be_explicit=op in EXPLICIT)
    depth = _depth(op, shape[3], (window, other_window[1]), (steps, other_steps[1]), pads, layout)
    if not isinstance(pads, str):
        _check_explicit(op, shape, window, pads)
    rows, columns = axes(f"{op}.R8", (shape[1], shape[2]), window, steps, (1, 1), pads)
    return Pool(rows=rows, columns=columns, depth=depth, layout=layout)


def _depth(
    op: str,
    channels: int,
    window: tuple[tuple[int, int], int],
    steps: tuple[tuple[int, int], int],
    pads: object,
    layout: str,
) -> int:
    """Return the channels of a window, checked; window and steps are ((rows, columns), channels)."""
    if window[1] == steps[1] == 1:
        return 1
    if op not in BETWEEN_CHANNELS:
        why = ": only 1"
    elif layout != "NHWC" or not isinstance(pads, str):
        why = f" with {layout} and padding {pads}: only NHWC with 'SAME' or 'VALID'"
    elif window[0] != (1, 1) or steps[0] != (1, 1):
        why = f", with windows {window[0]} and strides {steps[0]} in the image: these must be 1"
    elif window[1] != steps[1] or channels % window[1]:
        why = f" of {channels}: window and stride must be equal and divide them"
    else:
        return window[1]
    values = {"ksize": window, "strides": steps, "channels": channels, "padding": pads, "data_format": layout}
    raise SpecError(f"{op}.R7", f"ksize {window[1]} and strides {steps[1]} along channels{why}", values=values)


def _check_explicit(op: str, shape: tuple[int, ...], window: tuple[int, int], pads: object) -> None:
    """Refuse explicit padding as long as the window, and windows over an image without elements."""
    for name, taps, pair in zip(("rows", "columns"), window, pads, strict=True):  # type: ignore[call-overload]
        if max(pair) >= taps:
            reason = f"padding {pair} of {name} is not smaller than the window of {taps}"
            raise SpecError(f"{op}.R5", reason, values={"padding": pads, "window": window})
    if 0 in shape[1:3]:
        rule = "R12" if op == "max_pool" else "R13"
        padded = [size + sum(pair) for size, pair in zip(shape[1:3], pads, strict=True)]  # type: ignore[call-overload]
        raise SpecError(
            f"{op}.{rule}",
            f"an image of {shape[1]} x {shape[2]} has no element for a padded window",
            values={"image": shape[1:3], "padding": pads, "window": window},
            open_to_empty=any(size < taps for size, taps in zip(padded, window, strict=True)),
        )


def spread(
    op: str,
    image_shape: Sequence[int] | Array,
    values: Array,
    ksize: Size,
    strides: Size,
    padding: str,
    data_format: str | None = "NHWC",
) -> Spread:
    """Check a call of avg_pool_grad or avg_unpool and return it as a sum."""
    shape_name, name = ("orig_input_shape", "grad") if op == "avg_pool_grad" else ("output_shape", "input")
    layout = check_layout(f"{op}.R6", data_format)
    values = read_array(f"{op}.R2", name, values)
    check_rank(f"{op}.R1", name, values.shape, 4)
    check_dtype(f"{op}.R2", name, values, FLOATS)
    image = shape_to_nhwc(read_shape(f"{op}.R1", shape_name, image_shape), layout)
    geometry = pool_geometry(op, image, ksize, strides, padding, layout)
    needed = (image[0], geometry.rows.out, geometry.columns.out, image[3])
    small = to_nhwc(values, layout)
    check_shape(f"{op}.R9", f"{name} (as NHWC)", small.shape, needed, f"the pool of {shape_name} {list(image)}")
    divides = op == "avg_pool_grad" and 0 not in image
    return Spread(small, image, geometry, np.maximum(geometry.counts(), 1) if divides else None)
