"""
The reference called as other libraries are: N C H W images, O I H W filters, windows given along each axis.

Every function takes `axes`, the windows along rows and columns as `reference.conventions.laid` gives them, and returns
what the result may be: a set for sums, the one array for the rest; `disagreement` compares. Where TensorFlow has no
such call, NotOurs says why.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference import max_pool, max_pool_with_argmax
from reference.bounds import ARITHMETICS, Within, exactly, within
from reference.conventions import laid, spelled
from reference.floats import Array
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_transpose import backward
from reference.windows import Axis

__all__ = ["NotOurs", "axes_of", "convolved", "disagreement", "largest", "means", "spread_out"]

Axes = tuple[Axis, Axis]


class NotOurs(Exception):  # noqa: N818 -- no error: a call outside the specification
    """TensorFlow has no call that does this; the text says why."""


def axes_of(library: str, op: str, places: Sequence[Sequence[int]], **words: Any) -> Axes:  # noqa: ANN401
    """
    Return the windows along rows and columns of another library's call.

    places: for each axis size, taps, stride and dilation; words: for each axis a value in a pair, or one for both.
    """
    rows, columns = (
        laid(library, op, *place, words={word: _along(value, axis) for word, value in words.items()})
        for axis, place in enumerate(places)
    )
    return rows, columns


def convolved(image: Array, filters: Array, axes: Axes) -> Within:
    """Return what conv2d of N C H W with O I H W may give."""
    strides, dilations = _pair(axes, "stride"), _pair(axes, "dilation")
    call = forward(image, _hwio(filters), strides, _padding("conv2d", axes), "NCHW", dilations)
    return within(call)


def spread_out(image: Array, filters: Array, axes: Axes, groups: int = 1, sums: str = "float32") -> Within:
    """
    Return what the transposed convolution of N C H W, with filters of axes (in, out, H, W), may give.

    sums: the arithmetic, of reference.bounds.ARITHMETICS.
    """
    hwio, strides, dilations = _hwio(filters), _pair(axes, "stride"), _pair(axes, "dilation")
    shape = (len(image), groups * hwio.shape[2], axes[0].size, axes[1].size)
    padding = _padding("conv2d_transpose", axes)
    call = backward("conv2d_transpose", shape, hwio, image, strides, padding, "NCHW", dilations)
    return within(call, ARITHMETICS[sums])


def means(image: Array, axes: Axes, *, padded: bool = False) -> Within:
    """Return what the mean of each window may be: of its real elements, or of the zeros around it as well."""
    if padded:
        image = np.pad(image, [(0, 0), (0, 0), *((axis.before, axis.after) for axis in axes)])
        return within(average(image, _pair(axes, "taps"), _pair(axes, "stride"), "VALID", "NCHW"))
    padding = _padding("avg_pool", axes)
    if not isinstance(padding, str):
        raise NotOurs("avg_pool has no explicit padding")
    return within(average(image, _pair(axes, "taps"), _pair(axes, "stride"), padding, "NCHW"))


def largest(image: Array, axes: Axes) -> tuple[Array, Array | None]:
    """
    Return the largest element of each window, and its place y * W + x in its own image and channel: N C H W.

    The places are None where max_pool_with_argmax has no such padding.
    """
    padding, ksize, strides = _padding("max_pool", axes), _pair(axes, "taps"), _pair(axes, "stride")
    out = max_pool(image, ksize, strides, padding, "NCHW")
    if not isinstance(padding, str) or image.size == 0:
        return out, None
    _, places = max_pool_with_argmax(np.moveaxis(image, 1, 3), ksize, strides, padding)
    return out, np.moveaxis(places // image.shape[1], 3, 1)


def disagreement(expected: Within | Array, observed: Array) -> str:
    """
    Return how another library's result, N C H W, differs from what the reference allows; nothing where it does not.

    expected: the bounds of a sum, N H W C; or an array, N C H W, to be met bit for bit but for the sign of zero.
    """
    allowed = expected if isinstance(expected, Within) else exactly(np.moveaxis(expected, 1, 3))
    values = np.moveaxis(observed, 1, 3)
    if values.shape != allowed.value.shape or values.dtype != allowed.value.dtype:
        return f"{values.dtype} {values.shape} for {allowed.value.dtype} {allowed.value.shape}, N H W C"
    wrong = np.argwhere(~allowed.admits(values))
    if not len(wrong):
        return ""
    first = tuple(wrong[0])
    return f"{len(wrong)} of {values.size}, the first at {first}: {values[first]} for {allowed.value[first]}"


def _padding(op: str, axes: Axes) -> Any:  # noqa: ANN401 -- a name or four pairs
    """Return TensorFlow's padding for windows, in N C H W."""
    if op in {"max_pool", "avg_pool"} and any(axis.dilation > 1 for axis in axes):
        raise NotOurs("pools have no dilations")
    words = spelled("tensorflow", op, axes)
    if words is None:
        raise NotOurs("max_pool has no padding as long as its window")
    padding = words["padding"]
    return padding if isinstance(padding, str) else [(0, 0), (0, 0), *padding]


def _hwio(filters: Array) -> Array:
    """Return filters O I H W as H W I O."""
    return filters.transpose(2, 3, 1, 0)


def _pair(axes: Axes, name: str) -> tuple[int, int]:
    """Return a number of both axes."""
    return getattr(axes[0], name), getattr(axes[1], name)


def _along(value: Any, axis: int) -> Any:  # noqa: ANN401 -- one value for both axes, or a pair
    """Return what a word says of one axis."""
    return value[axis] if isinstance(value, tuple | list) else value
