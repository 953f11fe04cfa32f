"""
The checks that several ops share: each raises the rule that its caller names.

They read an argument in every spelling that tf.nn takes and return its plain meaning. Arrays come and go in the
layout of the call; the ops compute in NHWC.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from reference.errors import Fault, SpecError, shown
from reference.floats import FORMATS, Array
from reference.reading import LARGEST, read_array, whole_numbers
from reference.windows import Axis, lay

__all__ = [
    "FLOATS",
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
    "swapped_filters",
    "to_nhwc",
]

Size: TypeAlias = int | Sequence[int] | None  # one number for both axes, or 1, 2 or 4 numbers
Padding: TypeAlias = str | Sequence[Sequence[int]]
Pair: TypeAlias = tuple[int, int]

FLOATS = tuple(FORMATS)
# How other libraries order the axes of filters, and where each stands that H W I O needs.
ORDERS = {"O I H W": (2, 3, 1, 0), "O H W I": (1, 2, 3, 0), "H W O I": (0, 1, 3, 2)}
UNADDRESSABLE = 2**60  # float64 elements: 2^63 bytes


def check_layout(rule: str, data_format: Any) -> str:  # noqa: ANN401 -- whatever the caller was given
    """Return "NHWC" or "NCHW"; None means "NHWC"."""
    layout = "NHWC" if data_format is None else data_format
    if not isinstance(layout, str) or layout not in ("NHWC", "NCHW"):
        raise SpecError(
            rule, f"data_format {shown(layout)}: neither 'NHWC' nor 'NCHW'", values={"data_format": data_format}
        )
    return layout


def check_rank(rule: str, name: str, shape: Sequence[int], rank: int, *, more: bool = False) -> None:
    """Refuse another rank; with `more`, a smaller one only."""
    if len(shape) != rank and not (more and len(shape) > rank):
        least = "at least " if more else ""
        reason = f"{name} of shape {list(shape)} has rank {len(shape)}: it needs {least}{rank}"
        raise SpecError(rule, reason, fault=Fault.RANK, values={f"{name}.shape": tuple(shape)})


def check_dtype(rule: str, name: str, array: Array, dtypes: Sequence[str]) -> None:
    """Refuse a dtype that the op does not take."""
    if array.dtype.name not in dtypes:
        reason = f"{name} is {array.dtype.name}: the op takes {', '.join(dtypes)}"
        raise SpecError(rule, reason, values={f"{name}.dtype": array.dtype.name})


def check_same_dtype(rule: str, first: tuple[str, Array], second: tuple[str, Array]) -> None:
    """Refuse operands of two dtypes; nothing is promoted."""
    if first[1].dtype != second[1].dtype:
        dtypes = {f"{name}.dtype": array.dtype.name for name, array in (first, second)}
        one, other = dtypes.values()
        reason = f"{first[0]} is {one} and {second[0]} is {other}: they must be the same"
        raise SpecError(rule, reason, values=dtypes)


def check_shape(rule: str, name: str, shape: Sequence[int], needed: Sequence[int], why: str) -> None:
    """Refuse a shape other than the one that the other arguments imply."""
    if tuple(shape) != tuple(needed):
        reason = f"{name} has shape {list(shape)}, but {why} gives {list(needed)}"
        values = {f"{name}.shape": tuple(shape), "needed": tuple(needed)}
        raise SpecError(rule, reason, fault=Fault.UNFIT_SHAPE, values=values)


def spatial(rule: str, name: str, value: Size, layout: str, lengths: Sequence[int] = (1, 2, 4)) -> tuple[Pair, Pair]:
    """
    Read strides, ksize or dilations: (rows, columns) and (batch, channels).

    None means 1; one number serves both axes; 4 numbers follow the layout. Each lies in 1 .. 2^31 - 1. lengths: how
    many numbers there may be.
    """
    entries = [1] if value is None else whole_numbers(rule, name, value)
    if len(entries) not in lengths:
        reason = f"{name} {shown(value)} has {len(entries)} entries: it needs {_choice(lengths)}"
        raise SpecError(rule, reason, fault=Fault.ENTRIES, values={name: value})
    if not all(1 <= entry <= LARGEST for entry in entries):
        reason = f"{name} {shown(value)}: every entry lies between 1 and {LARGEST}"
        raise SpecError(rule, reason, fault=Fault.RANGE, values={name: value})
    if len(entries) < 4:
        return (entries[0], entries[-1]), (1, 1)
    batch, second, third, last = entries
    return ((second, third), (batch, last)) if layout == "NHWC" else ((third, last), (batch, second))


def _choice(numbers: Sequence[int]) -> str:
    """
    Return a choice of numbers in words.

    >>> _choice((1, 2, 4)), _choice((2,))
    ('1, 2 or 4', '2')
    """
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


def padding_pairs(rule: str, padding: Any, layout: str, *, may_be_explicit: bool = True) -> str | tuple[Pair, Pair]:  # noqa: ANN401
    """
    Read padding: "SAME", "VALID", or the (before, after) of rows and of columns.

    Explicit padding is four pairs in the order of the layout; those of batch and channels are zero.
    """
    if isinstance(padding, str) and padding in ("SAME", "VALID"):
        return padding
    why, fault = _forbidden_padding(rule, padding, layout, may_be_explicit=may_be_explicit)
    if why:
        raise SpecError(rule, f"padding {shown(padding)}: {why}", fault=fault, values={"padding": padding})
    rows = 1 if layout == "NHWC" else 2
    pairs = _pairs(rule, padding)
    return pairs[rows], pairs[rows + 1]


def _forbidden_padding(
    rule: str,
    padding: Any,  # noqa: ANN401 -- whatever the caller was given
    layout: str,
    *,
    may_be_explicit: bool,
) -> tuple[str, Fault | None]:
    """Return why this explicit padding cannot be, and its fault; nothing where it can."""
    if isinstance(padding, str):
        return "neither 'SAME' nor 'VALID'", None
    if not may_be_explicit:
        return "this op takes 'SAME' and 'VALID' only", None
    pairs = _pairs(rule, padding)
    if len(pairs) != 4:
        return f"it has {len(pairs)} pairs, and needs one for each of the 4 axes", Fault.ENTRIES
    if any(not 0 <= entry <= LARGEST for pair in pairs for entry in pair):
        return f"every entry lies between 0 and {LARGEST}", Fault.RANGE
    if pairs[0] != (0, 0) or pairs[3 if layout == "NHWC" else 1] != (0, 0):
        return "batch and channels cannot be padded", Fault.OUTER_AXES
    return "", None


def _pairs(rule: str, padding: Any) -> list[Pair]:  # noqa: ANN401 -- whatever the caller was given
    """Read a sequence of pairs of integers."""
    if not isinstance(padding, list | tuple):
        padding = read_array(rule, "padding", padding)
        if padding.ndim != 2:
            reason = f"padding of shape {list(padding.shape)}: neither text nor four pairs"
            raise SpecError(rule, reason, values={"padding": padding})
    pairs = [whole_numbers(rule, "padding", pair) for pair in padding]
    if any(len(pair) != 2 for pair in pairs):
        reason = f"padding {shown(padding)}: every entry is a pair, zeros before and zeros after"
        raise SpecError(rule, reason, fault=Fault.ENTRIES, values={"padding": padding})
    return [(pair[0], pair[1]) for pair in pairs]


def axes(
    rule: str,
    size: Pair,
    taps: Pair,
    strides: Pair,
    dilations: Pair,
    padding: str | tuple[Pair, Pair],
    hint: Callable[[], str] = str,
) -> tuple[Axis, Axis]:
    """
    Lay the windows of both axes; refuse a window longer than the padded image by more than the stride.

    hint: makes what the message ends with.
    """
    rows, columns = (
        lay(size[i], taps[i], strides[i], dilations[i], padding if isinstance(padding, str) else padding[i])
        for i in range(2)
    )
    for name, axis in (("rows", rows), ("columns", columns)):
        if axis.out < 0:
            # Kernels that divide toward zero still find an empty output up to 2 * stride - 1 too long.
            missing = axis.reach - axis.padded
            raise SpecError(
                rule,
                f"a window of {axis.reach} {name} is longer than the {axis.padded} padded ones by more than the "
                f"stride {axis.stride}: the output would have {axis.out} {name}{hint()}",
                values={"window": axis.reach, "padded": axis.padded, "stride": axis.stride, "out": axis.out},
                open_to_empty=missing <= 2 * axis.stride - 1,
            )
    return rows, columns


def swapped_filters(filters: Sequence[int], image: Sequence[int], outputs: int | None = None) -> str:
    """
    Return a hint for a message where filters do not fit, but would with their axes in another library's order.

    filters: FH, FW, FI, O as given; image: N, H, W, I; outputs: how many filters there must be, where that is known.

    >>> swapped_filters((16, 3, 5, 5), (1, 32, 32, 3))
    '; filters are H W I O, and these look like O I H W: transpose them by (2, 3, 1, 0)'
    """
    for name, order in ORDERS.items():
        high, wide, depth, count = (filters[axis] for axis in order)
        if depth == image[3] and high <= image[1] and wide <= image[2] and outputs in (None, count):
            return f"; filters are H W I O, and these look like {name}: transpose them by {order}"
    return ""


def read_shape(rule: str, name: str, value: Any, entries: Sequence[int] = (4,)) -> tuple[int, ...]:  # noqa: ANN401
    """
    Read a shape given as an argument: integers from 0 to 2^31 - 1, as many as one of `entries` says.

    Fewer than 2^60 elements: more float64 numbers have no addresses, whatever the machine.
    """
    sizes = whole_numbers(rule, name, value if isinstance(value, list | tuple) else _shape_array(rule, name, value))
    if len(sizes) not in entries:
        reason = f"{name} {shown(value)}: it needs {_choice(entries)} entries"
        raise SpecError(rule, reason, fault=Fault.ENTRIES, values={name: value})
    if not all(0 <= size <= LARGEST for size in sizes):
        reason = f"{name} {shown(value)}: every entry lies between 0 and {LARGEST}"
        raise SpecError(rule, reason, fault=Fault.RANGE, values={name: value})
    if prod(sizes) >= UNADDRESSABLE:
        reason = f"{name} {shown(value)}: {prod(sizes)} elements are 2^60 or more"
        raise SpecError(rule, reason, values={name: value})
    return tuple(sizes)


def _shape_array(rule: str, name: str, value: Any) -> Array:  # noqa: ANN401 -- whatever the caller was given
    """Read a shape that is no list: one axis of int32 or int64."""
    array = read_array(rule, name, value)
    if array.dtype.name not in ("int32", "int64"):
        reason = f"{name} is {array.dtype.name}: it needs int32 or int64"
        raise SpecError(rule, reason, values={name: value})
    check_rank(rule, name, array.shape, 1)
    return array


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
