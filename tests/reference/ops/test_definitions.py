"""
Every op gives what its definition says, over the whole attribute space.

A definition rounds nothing of its own. Run on integers and fractions it gives exact numbers, and the op must give these
rounded once, to the last bit and the sign of zero; run on float64 it shows what NaN and infinity do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.checks import from_nhwc, read_shape, shape_to_nhwc, to_nhwc
from reference.engine import avg_pool as means
from reference.engine import conv2d as patches
from reference.engine import exact as engine
from reference.engine.pools import Pool
from reference.floats import FORMATS, Array, one_nan, round_ratio
from reference.ops import (
    avg_pool,
    avg_pool_grad,
    avg_unpool,
    avg_unpool_grad,
    bias_add,
    bias_add_grad,
    conv2d,
    conv2d_backprop_filter,
    conv2d_transpose,
    depthwise_conv2d,
    depthwise_conv2d_backprop_filter,
    depthwise_conv2d_backprop_input,
    max_pool,
    max_pool_grad,
    max_pool_grad_grad,
    max_pool_with_argmax,
    max_unpool,
    max_unpool_grad,
)
from reference.ops import pools as pooling
from reference.ops.pools import pool, pool_geometry

Arguments: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Array], Array]  # of the operands, before the definition sees them

FLOATS = tuple(FORMATS)
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16")
PICKED = (*FLOATS, *INTEGERS)
INDICES = st.sampled_from(["int32", "int64"])


def exact(values: Array) -> Array:
    """Return the same numbers as integers and fractions, which round nothing."""
    of = int if values.dtype.kind in "iu" else lambda value: Fraction(float(value))
    out = np.empty(values.shape, object)
    for index in np.ndindex(values.shape):
        out[index] = of(values[index])
    return out


def rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """Round exact numbers once; integers wrap."""
    out = np.zeros(values.shape, dtype)
    for index in np.ndindex(values.shape):
        number = Fraction(values.item(*index))
        if dtype.kind in "iu":
            out[index] = np.array(int(number) % 2 ** (8 * dtype.itemsize), np.uint64).astype(dtype)
        else:
            out[index] = round_ratio(number.numerator, number.denominator, FORMATS[dtype.name])
    return out


def same(a: Array, b: Array) -> bool:
    """Say whether two arrays are the same, bit for bit: +0 is not -0."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# What an op's definition makes of a call, in the layout of the call.


def of_conv2d(a: Arguments, of: Change) -> Array:
    """Of an image whose leading axes are one batch."""
    call = conv2d.forward(**a)
    geometry = call.geometry
    out = conv2d.definition(of(call.left), of(call.right), geometry.rows, geometry.columns, geometry.groups)
    shown = from_nhwc(out, geometry.layout)
    return shown.reshape(*a["input"].shape[:-3], *shown.shape[1:])


def of_backward(op: str, shape: str, gradient: str) -> Callable[[Arguments, Change], Array]:
    """conv2d_transpose and conv2d_backprop_input."""

    def defined(a: Arguments, of: Change) -> Array:
        rest = {name: value for name, value in a.items() if name not in (shape, gradient, "filters")}
        call = conv2d_transpose.backward(op, a[shape], a["filters"], a[gradient], **rest)
        geometry = call.geometry
        where = (call.shape, geometry.rows, geometry.columns, geometry.groups)
        return from_nhwc(conv2d_transpose.definition(of(call.left), of(call.right), *where), geometry.layout)

    return defined


def of_filter_gradient(a: Arguments, of: Change) -> Array:
    """conv2d_backprop_filter."""
    call = conv2d_backprop_filter.filter_gradient(**a)
    geometry = call.geometry
    where = (geometry.rows, geometry.columns, geometry.groups)
    return conv2d_backprop_filter.definition(of(call.left), call.shape, of(call.right), *where)


def of_bias_add(a: Arguments, of: Change) -> Array:
    """One number and another."""
    values, bias, axis = bias_add.checked(**a)
    out = of(values)
    for index in np.ndindex(values.shape):
        out[index] = out[index] + of(bias)[index[axis]]
    return out


def of_bias_add_grad(a: Arguments, of: Change) -> Array:
    """What each channel adds up to."""
    gradient = a["out_backprop"]
    return bias_add_grad.definition(of(gradient), 1 if a["data_format"] == "NCHW" else gradient.ndim - 1)


def of_depthwise(a: Arguments, of: Change) -> Array:
    """depthwise_conv2d, from its filters as they are given."""
    call = depthwise_conv2d.forward(**a)
    out = depthwise_conv2d.definition(of(call.left), of(a["filter"]), call.geometry.rows, call.geometry.columns)
    return from_nhwc(out, call.geometry.layout)


def of_depthwise_input(a: Arguments, of: Change) -> Array:
    """depthwise_conv2d_backprop_input, likewise."""
    call = depthwise_conv2d_backprop_input.backward(**a)
    where = (call.shape, call.geometry.rows, call.geometry.columns)
    out = depthwise_conv2d_backprop_input.definition(of(call.left), of(a["filter"]), *where)
    return from_nhwc(out, call.geometry.layout)


def of_depthwise_filter(a: Arguments, of: Change) -> Array:
    """depthwise_conv2d_backprop_filter, to the sizes that are asked for."""
    call = depthwise_conv2d_backprop_filter.filter_gradient(**a)
    sizes, where = tuple(int(size) for size in a["filter_sizes"]), (call.geometry.rows, call.geometry.columns)
    return depthwise_conv2d_backprop_filter.definition(of(call.left), sizes, of(call.right), *where)


def geometry_of(op: str, name: str, a: Arguments) -> tuple[Array, Pool]:
    """Return the image of a call and its windows."""
    return pool(op, a[name], a["ksize"], a["strides"], a["padding"], a.get("data_format"))


def of_max_pool(a: Arguments, of: Change) -> Array:
    """Rows and columns, or channels."""
    image, geometry = geometry_of("max_pool", "input", a)
    return from_nhwc(max_pool.definition(of(image), geometry.rows, geometry.columns, geometry.depth), geometry.layout)


def of_argmax(a: Arguments, of: Change) -> tuple[Array, Array]:
    """Values and indices."""
    image, geometry = geometry_of("max_pool_with_argmax", "input", a)
    where = (geometry.rows, geometry.columns, a["include_batch_in_index"])
    out, argmax = max_pool_with_argmax.definition(of(image), *where)
    return out, argmax.astype(a["output_dtype"])


def of_max_pool_grad(a: Arguments, of: Change) -> Array:
    """orig_output takes no part."""
    image, geometry = geometry_of("max_pool_grad", "orig_input", a)
    grad = of(to_nhwc(a["grad"], geometry.layout))
    return from_nhwc(max_pool_grad.definition(image, grad, geometry.rows, geometry.columns), geometry.layout)


def of_max_pool_grad_grad(a: Arguments, of: Change) -> Array:
    """Neither does here."""
    image, geometry = geometry_of("max_pool_grad_grad", "orig_input", a)
    slopes = of(to_nhwc(a["grad"], geometry.layout))
    return from_nhwc(max_pool_grad_grad.definition(image, slopes, geometry.rows, geometry.columns), geometry.layout)


def of_avg_unpool_grad(a: Arguments, of: Change) -> Array:
    """The sum of every window."""
    image, geometry = geometry_of("avg_unpool_grad", "grad", a)
    return from_nhwc(avg_unpool_grad.definition(of(image), geometry.rows, geometry.columns), geometry.layout)


def of_max_unpool_grad(a: Arguments, of: Change) -> Array:
    """What stands at each index."""
    return max_unpool_grad.definition(of(a["grad"]), a["argmax"].astype(np.int64), a["include_batch_in_index"])


def of_avg_pool(a: Arguments, of: Change) -> Array:
    """The mean."""
    image, geometry = geometry_of("avg_pool", "input", a)
    return from_nhwc(avg_pool.definition(of(image), geometry.rows, geometry.columns), geometry.layout)


def of_spread(
    op: str, shape: str, values: str, define: Callable[[tuple[int, ...], Array, Any, Any], Array]
) -> Callable[[Arguments, Change], Array]:
    """avg_pool_grad and avg_unpool."""

    def defined(a: Arguments, of: Change) -> Array:
        layout = a["data_format"]
        image = shape_to_nhwc(read_shape(f"{op}.R1", shape, a[shape]), layout)
        geometry = pool_geometry(op, image, a["ksize"], a["strides"], a["padding"], layout)
        return from_nhwc(define(image, of(to_nhwc(a[values], layout)), geometry.rows, geometry.columns), layout)

    return defined


def of_max_unpool(a: Arguments, of: Change) -> Array:
    """Values at indices."""
    return max_unpool.definition(of(a["input"]), a["argmax"], tuple(a["output_shape"]), a["include_batch_in_index"])


DEFINED: dict[str, Callable[[Arguments, Change], Any]] = {
    "conv2d": of_conv2d,
    "conv2d_transpose": of_backward("conv2d_transpose", "output_shape", "input"),
    "conv2d_backprop_input": of_backward("conv2d_backprop_input", "input_sizes", "out_backprop"),
    "conv2d_backprop_filter": of_filter_gradient,
    "depthwise_conv2d": of_depthwise,
    "depthwise_conv2d_backprop_input": of_depthwise_input,
    "depthwise_conv2d_backprop_filter": of_depthwise_filter,
    "bias_add": of_bias_add,
    "bias_add_grad": of_bias_add_grad,
    "max_pool": of_max_pool,
    "max_pool_with_argmax": of_argmax,
    "max_pool_grad": of_max_pool_grad,
    "max_pool_grad_grad": of_max_pool_grad_grad,
    "max_unpool_grad": of_max_unpool_grad,
    "avg_unpool_grad": of_avg_unpool_grad,
    "avg_pool": of_avg_pool,
    "avg_pool_grad": of_spread("avg_pool_grad", "orig_input_shape", "grad", avg_pool_grad.definition),
    "avg_unpool": of_spread(
        "avg_unpool", "output_shape", "input", lambda shape, values, *axes: avg_unpool.definition(values, shape, *axes)
    ),
    "max_unpool": of_max_unpool,
}


# Calls over the whole attribute space, small enough for a definition.


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Where a call's numbers come from."""

    dtype: str
    regime: str
    seed: int

    def __call__(self, shape: tuple[int, ...], stream: int) -> Array:
        """Draw an array."""
        source = np.random.default_rng([self.seed, stream])
        if self.dtype not in FORMATS:
            ends = np.iinfo(self.dtype)
            return source.integers(ends.min, ends.max, shape, self.dtype, endpoint=True)
        fmt = FORMATS[self.dtype]
        with np.errstate(over="ignore", under="ignore"):
            if self.regime == "special":
                values = source.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0, 3.0], shape)
            elif self.regime == "lattice":
                values = source.choice([*np.arange(-4.0, 5), -0.0], shape)
            elif self.regime == "zeros":
                values = source.choice([-0.0, -0.0, -0.0, 0.0, 1.0], shape)
            elif self.regime == "near":  # sums that cancel, and ties
                step = 2.0 ** (1 - fmt.precision)
                values = source.choice([1, -1, 1 + step, -1 - step, 1.5 + step, step / 2, -step / 2, 0.0, -0.0], shape)
            elif self.regime == "subnormal":  # multiples of the smallest number, whose quotients are half ones
                values = source.integers(-(2**fmt.precision), 2**fmt.precision, shape) * fmt.smallest_subnormal
                values = np.where(source.integers(0, 3, shape) == 0, 0.0, values)
            elif self.regime == "largest":  # sums about the largest number
                values = source.choice([1, -1], shape) * fmt.largest * source.choice([1, 1 - fmt.u, 0.5, 0.25], shape)
            else:
                lowest = fmt.emin - fmt.precision
                exponents = source.integers(lowest, fmt.emax, shape, endpoint=True)
                values = np.ldexp(source.uniform(-2, 2, shape), exponents)
            return np.asarray(values).astype(fmt.dtype)


def numbers(dtypes: tuple[str, ...], regimes: tuple[str, ...]) -> st.SearchStrategy[Numbers]:
    """Draw where numbers come from."""
    seeds = st.integers(0, 2**32 - 1)
    return st.builds(Numbers, dtype=st.sampled_from(dtypes), regime=st.sampled_from(regimes), seed=seeds)


def some(most: int) -> st.SearchStrategy[int]:
    """Draw 1 to most, seldom 0: of many axes one that is empty is enough."""
    return st.sampled_from([*[*range(1, most + 1)] * 4, 0])


@st.composite
def sliding(draw: st.DrawFn, padding: str, taps_at_most: int, *, pool: bool) -> tuple[int, int, int, int, Any, int]:
    """Draw size, taps, stride, dilation, (before, after) and number of windows of one axis, by construction."""
    taps, stride = draw(st.integers(1, taps_at_most)), draw(st.integers(1, 4))
    dilation = 1 if pool else draw(st.integers(1, 3))
    reach = (taps - 1) * dilation + 1
    if padding == "SAME":
        size = draw(some(6))
        return size, taps, stride, dilation, (0, 0), -(-size // stride)
    longest = taps - 1 if pool else 4
    ends = draw(st.tuples(*[st.integers(0, longest)] * 2)) if padding == "EXPLICIT" else (0, 0)
    least = reach - sum(ends) + draw(st.sampled_from([*range(5), *range(5), -stride]))  # with -stride no window fits
    size = max(least, 1 if padding == "EXPLICIT" and pool else 0)
    return size, taps, stride, dilation, ends, -(-(size + sum(ends) - reach + 1) // stride)


def spelled(draw: st.DrawFn, rows: int, columns: int, layout: str) -> Any:  # noqa: ANN401 -- all that tf.nn takes
    """Write a pair of numbers in one of the ways that say the same."""
    ways: list[Any] = [[rows, columns], [1, rows, columns, 1] if layout == "NHWC" else [1, 1, rows, columns]]
    if rows == columns:
        ways += [rows, [rows]]
        ways += [None] if rows == 1 else []
    return draw(st.sampled_from(ways))


def shaped(draw: st.DrawFn, shape: Sequence[int]) -> Any:  # noqa: ANN401 -- all that tf.nn takes
    """Write a shape as an argument."""
    return draw(st.sampled_from([tuple(shape), list(shape), *(np.array(shape, dtype) for dtype in ("int32", "int64"))]))


def in_layout(shape: tuple[int, int, int, int], layout: str) -> tuple[int, ...]:
    """Return an N H W C shape in a layout."""
    return shape if layout == "NHWC" else (shape[0], shape[3], shape[1], shape[2])


def padded(padding: str, rows: Any, columns: Any, layout: str) -> Any:  # noqa: ANN401 -- text, or four pairs
    """Write padding."""
    if padding != "EXPLICIT":
        return padding
    return [(0, 0), rows, columns, (0, 0)] if layout == "NHWC" else [(0, 0), (0, 0), rows, columns]


Side: TypeAlias = tuple[int, int, int, int, Any, int]  # size, taps, stride, dilation, (before, after), windows
Sides: TypeAlias = Callable[..., st.SearchStrategy[Side]]


@st.composite
def convolutions(draw: st.DrawFn, op: str, regimes: tuple[str, ...], sides: Sides = sliding) -> Arguments:
    """Draw a call of a convolution: groups, no filters, empty batches, images and outputs included."""
    of = draw(numbers((*FLOATS, "int32"), regimes))
    padding, layout = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"])), draw(st.sampled_from(["NHWC", "NCHW"]))
    rows, columns = draw(sides(padding, 3, pool=False)), draw(sides(padding, 3, pool=False))
    groups, depth, each = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(some(2))
    n = draw(some(2))
    image = in_layout((n, rows[0], columns[0], groups * depth), layout)
    filters = (rows[1], columns[1], depth, groups * each)
    out = in_layout((n, rows[5], columns[5], groups * each), layout)
    rest = {
        "strides": spelled(draw, rows[2], columns[2], layout),
        "padding": padded(padding, rows[4], columns[4], layout),
        "data_format": layout,
        "dilations": spelled(draw, rows[3], columns[3], layout),
    }
    two = groups == 1 and draw(st.booleans())
    sizes = shaped(draw, (rows[0], columns[0]) if two else image)
    arrays: dict[str, Arguments] = {
        "conv2d": {"input": of(draw(st.sampled_from([image, (1, *image)])), 0), "filters": of(filters, 1)},
        "conv2d_transpose": {"input": of(out, 0), "filters": of(filters, 1), "output_shape": sizes},
        "conv2d_backprop_input": {"input_sizes": sizes, "filters": of(filters, 1), "out_backprop": of(out, 0)},
        "conv2d_backprop_filter": {
            "input": of(image, 0),
            "filter_sizes": shaped(draw, filters),
            "out_backprop": of(out, 1),
        },
    }
    return arrays[op] | rest


@st.composite
def depthwise_convolutions(draw: st.DrawFn, op: str, regimes: tuple[str, ...], sides: Sides = sliding) -> Arguments:
    """Draw a call of a depthwise convolution: no filters, empty batches, images and outputs included."""
    of = draw(numbers(FLOATS, regimes))
    padding, layout = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"])), draw(st.sampled_from(["NHWC", "NCHW"]))
    rows, columns = draw(sides(padding, 3, pool=False)), draw(sides(padding, 3, pool=False))
    n, channels, multiplier = draw(some(2)), draw(st.integers(1, 3)), draw(some(2))
    image = in_layout((n, rows[0], columns[0], channels), layout)
    filters = (rows[1], columns[1], channels, multiplier)
    out = in_layout((n, rows[5], columns[5], channels * multiplier), layout)
    gaps = (rows[3], columns[3])
    rest = {
        "strides": list(in_layout((1, rows[2], columns[2], 1), layout)),
        "padding": padded(padding, rows[4], columns[4], layout),
        "data_format": layout,
        "dilations": list(gaps if op == "depthwise_conv2d" else in_layout((1, *gaps, 1), layout)),
    }
    arrays: dict[str, Arguments] = {
        "depthwise_conv2d": {"input": of(image, 0), "filter": of(filters, 1)},
        "depthwise_conv2d_backprop_input": {
            "input_sizes": shaped(draw, image),
            "filter": of(filters, 1),
            "out_backprop": of(out, 0),
        },
        "depthwise_conv2d_backprop_filter": {
            "input": of(image, 0),
            "filter_sizes": shaped(draw, filters),
            "out_backprop": of(out, 1),
        },
    }
    return arrays[op] | rest


@st.composite
def additions(draw: st.DrawFn, op: str, regimes: tuple[str, ...]) -> Arguments:
    """Draw a call of bias_add or its gradient, of rank 2 to 5; one that is empty is a side of 0."""
    of = draw(numbers((*PICKED, "uint32", "uint64"), regimes))
    rank = draw(st.integers(2, 5))
    layout = draw(st.sampled_from(["NHWC", "NCHW"])) if rank > 2 else "NHWC"
    shape = tuple(draw(some(3)) for _ in range(rank))
    if op == "bias_add_grad":
        return {"out_backprop": of(shape, 0), "data_format": layout}
    bias = of((shape[1 if layout == "NCHW" else -1],), 1)
    return {"value": of(shape, 0), "bias": bias, "data_format": layout}


@st.composite
def pools(draw: st.DrawFn, op: str, regimes: tuple[str, ...], sides: Sides = sliding) -> Arguments:
    """Draw a call of a pool: between channels, explicit padding, empty images and outputs included where there are."""
    widest = op in ("max_pool_with_argmax", "max_pool_grad", "max_pool_grad_grad")
    largest = op.startswith("max_pool")
    dtypes = FLOATS if not largest else (*PICKED, "uint32", "uint64") if widest else PICKED
    of = draw(numbers(dtypes, regimes))
    padding = draw(st.sampled_from(["SAME", "VALID", "EXPLICIT"] if op in pooling.EXPLICIT else ["SAME", "VALID"]))
    layout = "NHWC" if op == "max_pool_with_argmax" else draw(st.sampled_from(["NHWC", "NCHW"]))
    rows, columns = (draw(sides(padding, 4, pool=True)) for _ in range(2))
    n, channels = draw(some(2)), draw(st.integers(1, 3))
    image = (n, rows[0], columns[0], channels)
    ksize, strides = (spelled(draw, rows[i], columns[i], layout) for i in (1, 2))
    if op == "max_pool" and padding != "EXPLICIT" and draw(st.booleans()):
        depth, layout = draw(st.integers(2, 3)), "NHWC"
        image, ksize, strides = (n, rows[0], columns[0], channels * depth), [1, 1, 1, depth], [1, 1, 1, depth]
    out = in_layout((n, rows[5], columns[5], channels), layout)
    rest = {"ksize": ksize, "strides": strides, "padding": padded(padding, rows[4], columns[4], layout)}
    placed = in_layout(image, layout)
    if op == "max_pool_with_argmax":
        shape = tuple(max(size, 1) for size in image)
        rest["padding"] = rest["padding"] if shape == image else "SAME"
        indices = {"include_batch_in_index": draw(st.booleans()), "output_dtype": draw(INDICES)}
        return {"input": of(shape, 0), **rest, **indices}
    rest["data_format"] = layout
    arrays: dict[str, Callable[[], Arguments]] = {
        "max_pool": lambda: {"input": of(placed, 0)},
        "avg_pool": lambda: {"input": of(placed, 0)},
        "max_pool_grad": lambda: {
            "orig_input": of(placed, 0),
            "orig_output": of(out, 1),
            "grad": of(out, 2),
        },
        "max_pool_grad_grad": lambda: {
            "orig_input": of(placed, 0),
            "orig_output": of(out, 1),
            "grad": of(placed, 2),
        },
        "avg_unpool_grad": lambda: {"grad": of(placed, 0)},
        "avg_pool_grad": lambda: {"orig_input_shape": shaped(draw, placed), "grad": of(out, 0)},
        "avg_unpool": lambda: {"input": of(out, 0), "output_shape": shaped(draw, placed)},
    }
    return arrays[op]() | rest


@st.composite
def unpoolings(draw: st.DrawFn, op: str, regimes: tuple[str, ...]) -> Arguments:
    """Draw values, an argmax in which indices come twice, the output's shape, and whether indices count the batch."""
    of = draw(numbers((*PICKED, "uint32", "uint64"), regimes))
    n, high, wide, channels = (draw(st.integers(1, 3)) for _ in range(4))
    small = draw(st.tuples(st.just(n), some(3), some(3), st.just(channels)))
    batch = draw(st.booleans())
    cells = high * wide * channels * (n if batch else 1)
    argmax = np.random.default_rng(of.seed).integers(0, cells, small)
    shape = (n, high, wide, channels)
    dtype = draw(INDICES)
    if op == "max_unpool_grad":
        return {"grad": of(shape, 0), "argmax": argmax.astype(dtype), "include_batch_in_index": batch}
    return {
        "input": of(small, 0),
        "argmax": argmax.astype(dtype),
        "output_shape": shaped(draw, shape),
        "include_batch_in_index": batch,
    }


def calls(op: str, *regimes: str, sides: Sides = sliding) -> st.SearchStrategy[Arguments]:
    """Draw a valid call of an op."""
    if op.startswith("conv2d"):
        return convolutions(op, regimes, sides)
    if op.startswith("bias"):
        return additions(op, regimes)
    if op.startswith("depthwise"):
        return depthwise_convolutions(op, regimes, sides)
    return unpoolings(op, regimes) if op.startswith("max_unpool") else pools(op, regimes, sides)


SUMMED = ("lattice", "zeros", "near", "wide", "subnormal", "largest")
PICKING = ("max_pool", "max_pool_with_argmax", "max_pool_grad_grad", "max_unpool_grad")
SUMS = [op for op in DEFINED if op not in PICKING]


@pytest.mark.parametrize("op", SUMS)
@given(st.data())
def test_a_sum_is_that_of_its_definition_rounded_once(op: str, data: st.DataObject) -> None:
    """To the last bit: lattices, numbers over the whole range of their dtype, sums that cancel, ties; zero is +0."""
    call = data.draw(calls(op, *SUMMED))

    out = getattr(reference, op)(**call)

    assert same(out, rounded(DEFINED[op](call, exact), out.dtype))


@pytest.mark.parametrize("op", SUMS)
@given(st.data())
def test_slices_decide_a_sum_as_its_definition_does(op: str, data: st.DataObject) -> None:
    """However many are undecided, and so cut into more and more slices, before any is summed one by one."""
    call = data.draw(calls(op, *SUMMED))

    with patch.object(engine, "FEW", 0), patch.object(engine, "FEWER", 2**60):
        out = getattr(reference, op)(**call)

    assert same(out, rounded(DEFINED[op](call, exact), out.dtype))


@given(calls("conv2d", *SUMMED))
def test_rows_multiplied_tap_by_tap_give_the_definition_rounded_once(call: Arguments) -> None:
    """As those of wide images are: here however narrow they are."""
    with patch.object(patches, "WIDE", 1):
        out = reference.conv2d(**call)

    assert same(out, rounded(DEFINED["conv2d"](call, exact), out.dtype))


@given(calls("avg_pool", "wide", "subnormal"), st.integers(1, 40))
def test_means_of_a_block_are_those_of_the_image(call: Arguments, block: int) -> None:
    """However small the blocks are into which an image is cut whose sums are not known as exact."""
    with patch.object(means, "BLOCK", block):
        out = reference.avg_pool(**call)

    assert same(out, rounded(DEFINED["avg_pool"](call, exact), out.dtype))


@pytest.mark.parametrize("op", SUMS)
@given(st.data())
def test_nan_and_infinity_go_where_the_definition_takes_them(op: str, data: st.DataObject) -> None:
    """conv2d.R11, conv2d_transpose.R13: the definition in float64, in which sums of the finite numbers are exact."""
    call = data.draw(calls(op, "special"))

    out = getattr(reference, op)(**call)

    with np.errstate(all="ignore"):
        defined = DEFINED[op](call, lambda values: values if values.dtype.kind in "iu" else values.astype(np.float64))
        special = ~np.isfinite(defined)
        np.testing.assert_array_equal(out[special].astype(np.float64), defined[special])
        assert np.isfinite(out[~special].astype(np.float64)).all()


@pytest.mark.parametrize("op", PICKING)
@given(st.data())
def test_a_pool_picks_what_its_definition_picks(op: str, data: st.DataObject) -> None:
    """Bit for bit: the first of equal elements, +0 or -0 as it is; NaN where there is nothing else."""
    call = data.draw(calls(op, "lattice", "zeros", "wide", "special"))

    out, defined = getattr(reference, op)(**call), DEFINED[op](call, lambda values: values)

    pairs = list(zip(out, defined, strict=True)) if op == "max_pool_with_argmax" else [(out, one_nan(defined))]
    assert all(same(a, b) for a, b in pairs)


def test_every_op_has_a_definition() -> None:
    """Those of dropout are the ops themselves, which are given the numbers that decide; a pattern has its stages'."""
    others = {"dropout", "stateless_dropout", "dropout_grad", "pattern", "SpecError"}

    assert DEFINED.keys() | others == set(reference.__all__)
