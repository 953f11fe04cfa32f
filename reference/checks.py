"""
The checks that several ops share: each raises the rule that its caller names.

They read an argument in every spelling that tf.nn takes and return its plain meaning. Arrays come and go in the
layout of the call; the ops compute in NHWC.
"""

from collections.abc import Sequence
from operator import index
from typing import Any, TypeAlias

import numpy as np

from reference.errors import SpecError
from reference.floats import FORMATS, Array
from reference.windows import Axis, explicit, same, valid

__all__ = [
    "FLOATS",
    "LARGEST",
    "Padding",
    "Size",
    "axes",
    "check_dtype",
    "check_layout",
    "check_rank",
    "check_same_dtype",
    "check_shape",
    "from_nhwc",
    "padding_pairs",
    "read_shape",
    "shape_to_nhwc",
    "spatial",
    "to_nhwc",
    "whole_numbers",
]

Size: TypeAlias = int | Sequence[int] | None  # one number for both axes, or 1, 2 or 4 numbers
Padding: TypeAlias = str | Sequence[Sequence[int]]
Pair: TypeAlias = tuple[int, int]

FLOATS = tuple(FORMATS)
LARGEST = 2**31 - 1  # TensorFlow keeps sizes, strides and paddings of windows in 32 bits


def check_layout(rule: str, data_format: str | None) -> str:
    """Return "NHWC" or "NCHW"; None means "NHWC"."""
    layout = "NHWC" if data_format is None else data_format
    if layout not in ("NHWC", "NCHW"):
        raise SpecError(rule, f"data_format {data_format!r}: neither 'NHWC' nor 'NCHW'")
    return layout


def check_rank(rule: str, name: str, shape: Sequence[int], rank: int, *, more: bool = False) -> None:
    """Refuse another rank; with `more`, a smaller one only."""
    if len(shape) != rank and not (more and len(shape) > rank):
        least = "at least " if more else ""
        raise SpecError(rule, f"{name} of shape {list(shape)} has rank {len(shape)}: it needs {least}{rank}")


def check_dtype(rule: str, name: str, array: Array, dtypes: Sequence[str]) -> None:
    """Refuse a dtype that the op does not take."""
    if array.dtype.name not in dtypes:
        raise SpecError(rule, f"{name} is {array.dtype.name}: the op takes {', '.join(dtypes)}")


def check_same_dtype(rule: str, first: tuple[str, Array], second: tuple[str, Array]) -> None:
    """Refuse operands of two dtypes; nothing is promoted."""
    if first[1].dtype != second[1].dtype:
        raise SpecError(
            rule,
            f"{first[0]} is {first[1].dtype.name} and {second[0]} is {second[1].dtype.name}: they must be the same",
        )


def check_shape(rule: str, name: str, shape: Sequence[int], needed: Sequence[int], why: str) -> None:
    """Refuse a shape other than the one that the other arguments imply."""
    if tuple(shape) != tuple(needed):
        raise SpecError(rule, f"{name} has shape {list(shape)}, but {why} gives {list(needed)}")


def whole_numbers(rule: str, name: str, value: Any) -> list[int]:  # noqa: ANN401 -- whatever the caller was given
    """Read one integer or a sequence of integers as a list."""
    try:
        entries = [value] if np.ndim(value) == 0 else list(value)
        return [index(entry) for entry in entries]
    except (TypeError, ValueError):
        raise SpecError(rule, f"{name} {value!r}: neither an integer nor a sequence of integers") from None


def spatial(rule: str, name: str, value: Size, layout: str) -> tuple[Pair, Pair]:
    """
    Read strides, ksize or dilations: (rows, columns) and (batch, channels).

    None means 1; one number serves both axes; 4 numbers follow the layout. Each lies in 1 .. 2^31 - 1.
    """
    entries = [1] if value is None else whole_numbers(rule, name, value)
    if len(entries) not in (1, 2, 4):
        raise SpecError(rule, f"{name} {value!r} has {len(entries)} entries: it needs 1, 2 or 4")
    if not all(1 <= entry <= LARGEST for entry in entries):
        raise SpecError(rule, f"{name} {value!r}: every entry lies between 1 and {LARGEST}")
    if len(entries) < 4:
        return (entries[0], entries[-1]), (1, 1)
    batch, second, third, last = entries
    return ((second, third), (batch, last)) if layout == "NHWC" else ((third, last), (batch, second))


def padding_pairs(rule: str, padding: Padding, layout: str, *, may_be_explicit: bool = True) -> str | tuple[Pair, Pair]:
    """
    Read padding: "SAME", "VALID", or the (before, after) of rows and of columns.

    Explicit padding is four pairs in the order of the layout; those of batch and channels are zero.
    """
    if isinstance(padding, str):
        if padding not in ("SAME", "VALID"):
            raise SpecError(rule, f"padding {padding!r}: neither 'SAME' nor 'VALID'")
        return padding
    if not may_be_explicit:
        raise SpecError(rule, f"padding {padding!r}: this op takes 'SAME' and 'VALID' only")
    pairs = _pairs(rule, padding)
    if len(pairs) != 4:
        raise SpecError(rule, f"padding {padding!r} has {len(pairs)} pairs: it needs one for each of the 4 axes")
    if any(not 0 <= entry <= LARGEST for pair in pairs for entry in pair):
        raise SpecError(rule, f"padding {padding!r}: every entry lies between 0 and {LARGEST}")
    channels = 3 if layout == "NHWC" else 1
    if pairs[0] != (0, 0) or pairs[channels] != (0, 0):
        raise SpecError(rule, f"padding {padding!r}: batch and channels cannot be padded")
    rows = 1 if layout == "NHWC" else 2
    return pairs[rows], pairs[rows + 1]


def _pairs(rule: str, padding: Any) -> list[Pair]:  # noqa: ANN401 -- whatever the caller was given
    """Read a sequence of pairs of integers."""
    if not isinstance(padding, list | tuple | np.ndarray):
        raise SpecError(rule, f"padding {padding!r}: neither text nor four pairs")
    pairs = [whole_numbers(rule, "padding", pair) if np.ndim(pair) == 1 else [] for pair in padding]
    if any(len(pair) != 2 for pair in pairs):
        raise SpecError(rule, f"padding {padding!r}: every entry is a pair, zeros before and zeros after")
    return [(pair[0], pair[1]) for pair in pairs]


def axes(
    rule: str, size: Pair, taps: Pair, strides: Pair, dilations: Pair, padding: str | tuple[Pair, Pair]
) -> tuple[Axis, Axis]:
    """Lay the windows of both axes; refuse a window longer than the padded image by more than the stride."""
    rows, columns = (
        _axis(size[i], taps[i], strides[i], dilations[i], padding if isinstance(padding, str) else padding[i])
        for i in range(2)
    )
    for name, axis in (("rows", rows), ("columns", columns)):
        if axis.out < 0:
            # Kernels that divide toward zero still find an empty output up to 2 * stride - 1 too long.
            missing = axis.reach - axis.padded
            raise SpecError(
                rule,
                f"a window of {axis.reach} {name} is longer than the {axis.padded} padded ones by more than the "
                f"stride {axis.stride}: the output would have {axis.out} {name}",
                open_to_empty=missing <= 2 * axis.stride - 1,
            )
    return rows, columns


def _axis(size: int, taps: int, stride: int, dilation: int, padding: str | Pair) -> Axis:
    """Lay the windows of one axis."""
    if padding == "SAME":
        return same(size, taps, stride, dilation)
    if padding == "VALID":
        return valid(size, taps, stride, dilation)
    return explicit(size, taps, stride, dilation, int(padding[0]), int(padding[1]))


def read_shape(rule: str, name: str, value: Any, entries: Sequence[int] = (4,)) -> tuple[int, ...]:  # noqa: ANN401
    """Read a shape given as an argument: integers from 0 to 2^31 - 1, as many as one of `entries` says."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None and np.dtype(dtype).name not in ("int32", "int64"):
        raise SpecError(rule, f"{name} is {dtype}: it needs int32 or int64")
    sizes = whole_numbers(rule, name, value)
    if np.ndim(value) == 0 or len(sizes) not in entries:
        raise SpecError(rule, f"{name} {value!r}: it needs {' or '.join(map(str, entries))} entries")
    if not all(0 <= size <= LARGEST for size in sizes):
        raise SpecError(rule, f"{name} {value!r}: every entry lies between 0 and {LARGEST}")
    return tuple(sizes)


def to_nhwc(array: Array, layout: str) -> Array:
    """Return the array with its axes in the order N H W C."""
    return array if layout == "NHWC" else np.moveaxis(array, -3, -1)


def from_nhwc(array: Array, layout: str) -> Array:
    """Return an N H W C array in the layout of the call."""
    return array if layout == "NHWC" else np.ascontiguousarray(np.moveaxis(array, -1, -3))


def shape_to_nhwc(shape: Sequence[int], layout: str) -> tuple[int, ...]:
    """Return a shape of four entries in the order N H W C."""
    n, a, b, c = shape
    return (n, a, b, c) if layout == "NHWC" else (n, b, c, a)
