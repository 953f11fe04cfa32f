"""What the pools, their gradients and avg_unpool may give."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import reference
from conformance.cases.op import Arguments, Permits, Shown, Sum
from conformance.model import Array
from conformance.ops.sums import always, in_layout, laid_out, may_refuse, named, sums
from conformance.sets import Allowed, AnyOf, Refused, Results, Totals, Unspecified
from reference.bounds import Arithmetic, Bounds, Within, exactly
from reference.checks import to_nhwc
from reference.engine.exact import SumOfProducts
from reference.engine.patches import overlap
from reference.engine.pools import Parts, Pool
from reference.engine.precision import accumulator
from reference.floats import format_of
from reference.ops.avg_pool import average
from reference.ops.max_pool_grad import credited
from reference.ops.pools import pool, spread

__all__ = [
    "average_sum",
    "credited_sum",
    "of_avg_pool",
    "of_max_pool",
    "of_max_pool_grad",
    "of_max_pool_with_argmax",
    "of_spread",
    "spread_sum",
]


def of_max_pool(arguments: Arguments) -> Permits:
    """max_pool: exact, but for windows of NaN alone (R10) and subnormal numbers (R11)."""
    value = reference.max_pool(**arguments)
    return always(may_refuse(Results((selected(value, arguments["input"]),)), "max_pool.R8", empty=0 in value.shape))


def selected(value: Array, image: Array) -> Within:
    """Return the set of elements picked from an image: themselves, and what its NaN and subnormals leave open."""
    result = exactly(value)
    if value.dtype.kind in "iu":
        return result
    least, lowest = smallest_normal(image), value.dtype.type(-format_of(value.dtype).largest)
    if not (least or result.nan.any()):
        return result
    low, high = value.copy(), value.copy()
    low[result.nan], high[result.nan] = -np.inf, lowest
    tiny = np.abs(value.astype(np.float64)) < least
    low[tiny], high[tiny] = -least, least
    return replace(result, low=low, high=high)


def of_max_pool_with_argmax(arguments: Arguments) -> Permits:
    """max_pool_with_argmax: open is the refusal of an empty result (R8)."""
    value, argmax = reference.max_pool_with_argmax(**arguments)
    results = Results(named_elements(value, argmax, arguments))
    return always(may_refuse(results, "max_pool_with_argmax.R8", empty=0 in value.shape))


def named_elements(value: Array, argmax: Array, arguments: Arguments) -> tuple[Within, Within]:
    """Return the sets of values and indices: NaN in the window (R11) and subnormals that tie with 0 leave them open."""
    values, indices = selected(value, arguments["input"]), exactly(argmax)
    image = arguments["input"]
    if image.dtype.kind in "iu":
        return values, indices
    _, geometry = pool("max_pool_with_argmax", *geometry_of(arguments))
    loose = holds(geometry, np.isnan(image)) | (np.abs(value.astype(np.float64)) < smallest_normal(image))
    if not loose.any():
        return values, indices
    last = np.iinfo(argmax.dtype).max
    low, high = np.where(loose, 0, argmax), np.where(loose, last, argmax)
    nan = values.nan | holds(geometry, np.isnan(image))
    return replace(values, nan=nan), replace(indices, low=low, high=high)


def smallest_normal(image: Array) -> float:
    """Return what a subnormal is below, where the image holds any; else nothing is."""
    limit = format_of(image.dtype).smallest_normal
    small = image[np.abs(image) < image.dtype.type(limit)]
    return limit if small.any() else 0.0


def geometry_of(arguments: Arguments, name: str = "input") -> tuple[Any, ...]:
    """Return the arguments of `pool` after its op."""
    keys = (name, "ksize", "strides", "padding")
    return (*(arguments[key] for key in keys), arguments.get("data_format", "NHWC"))


def holds(geometry: Pool, mask: Array) -> Array:
    """Return which windows hold a marked cell: [N, OH, OW, OC]."""
    return geometry.reduce(np.maximum, mask.astype(np.uint8), 0).astype(bool)


def of_max_pool_grad(arguments: Arguments) -> Permits:
    """max_pool_grad: strictly to the first of tied elements; else to any, conserving the sum; NaN leaves it open."""
    call, shown = credited_sum(arguments)
    image, geometry = pool("max_pool_grad", *geometry_of(arguments, "orig_input"))
    floating = image.dtype.kind not in "iu"
    if floating and np.isnan(image).any():
        return always(Unspecified("max_pool_grad.R12: whom a window that holds NaN credits"))
    bounds, grad = Bounds(call), arguments["grad"]
    tied = ties(image, geometry) if floating else np.zeros(image.shape, bool)

    def of(arithmetic: Arithmetic) -> Allowed:
        strict = bounds.under(arithmetic)
        options: list[Results | Refused] = [Results((laid_out(strict, shown),))]
        if tied.any():
            loose = laid_out(loosened(strict, tied, to_nhwc(grad, geometry.layout), geometry), shown)
            totals = conserved(grad, image.shape, geometry, arithmetic)
            options.append(Results((loose,), remark="other-tie", totals=totals))
        if 0 in grad.shape or 0 in image.shape:
            reason = "the pool is empty: the rule leaves open whether that is refused"
            options.append(Refused("max_pool_grad.R8", reason))
        return options[0] if len(options) == 1 else AnyOf(tuple(options))

    return of


def ties(image: Array, geometry: Pool) -> Array:
    """
    Return the cells that hold the largest element of a window together with another cell: [N, H, W, C].

    image: no NaN. A window's largest element is no less than any cell it holds: a cell is tied where the least of
    those of its windows that have several is its own.
    """
    values = image.astype(np.float64)
    values = np.where(np.abs(values) < smallest_normal(image), 0.0, values)
    ones = np.ones(values.shape, np.int64)
    largest, equal = geometry.fold(_largest_counted, (values, ones), (-np.inf, 0))
    several = np.where(equal > 1, largest, np.nan)
    return np.asarray(geometry.reduce_back(np.fmin, several, np.nan) == values)


def _largest_counted(one: Parts, other: Parts) -> Parts:
    """Return the larger of two numbers and how often it was met."""
    (value, count), (second, more) = one, other
    largest = np.maximum(value, second)
    return largest, np.where(value == largest, count, 0) + np.where(second == largest, more, 0)


def loosened(strict: Within, tied: Array, grad: Array, geometry: Pool) -> Within:
    """Allow a tied cell whatever any choice among the ties of its windows could give it, and anything between."""
    sizes = np.abs(grad.astype(np.float64))
    finite = np.isfinite(sizes)
    largest = float(sizes[finite].max(initial=0.0)) * overlap(geometry.rows) * overlap(geometry.columns)
    largest = largest if finite.all() else np.inf
    low = np.where(tied, -largest, strict.low.astype(np.float64)).astype(strict.low.dtype)
    high = np.where(tied, largest, strict.high.astype(np.float64)).astype(strict.high.dtype)
    return replace(strict, low=low, high=high, nan=strict.nan | (tied & (not finite.all())))


def conserved(grad: Array, shape: Sequence[int], geometry: Pool, arithmetic: Arithmetic) -> Totals:
    """
    Return what the gradients of each image and channel add up to, whichever tied cells of the image get them.

    grad: in the layout of the call; shape: the image's, N H W C. Each of the H W sums has as many terms as
    windows hold its cell, and errs by its share of the gradients' magnitudes, and by underflow.
    """
    fmt = format_of(grad.dtype)
    axes = (1, 2) if geometry.layout == "NHWC" else (2, 3)
    wide = grad.astype(np.float64)
    total, size = wide.sum(axes, keepdims=True), np.abs(wide).sum(axes, keepdims=True)
    terms = overlap(geometry.rows) * overlap(geometry.columns)
    adds = 2 * terms * accumulator(arithmetic, fmt).u
    slack = (fmt.u + (1 + fmt.u) * adds + 2.0**-40) * size + 2 * terms * shape[1] * shape[2] * fmt.smallest_normal
    # What overflows, or is NaN, says nothing of the others.
    known = np.isfinite(size) & (size < fmt.largest / 2)
    return Totals(axes=axes, low=np.where(known, total - slack, -np.inf), high=np.where(known, total + slack, np.inf))


def credited_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return max_pool_grad as a sum, each gradient going to the first of its window's largest elements."""
    call, layout = credited(**named(arguments))
    return call, in_layout(layout)


def average_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return avg_pool as a sum, which is divided."""
    call = average(**named(arguments))
    return call, in_layout(call.geometry.layout)


def of_avg_pool(arguments: Arguments) -> Permits:
    """avg_pool: open is the refusal of an empty result (R8)."""
    call, shown = average_sum(arguments)
    return sums(call, shown, "avg_pool.R8", empty=0 in call.shape)


def spread_sum(op: str, shape_name: str, values: str) -> Sum:
    """Return what makes a sum of avg_pool_grad or avg_unpool; shape_name, values: their arguments."""

    def of(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
        others = named(arguments)
        call = spread(op, others.pop(shape_name), others.pop(values), **others)
        return call, in_layout(call.geometry.layout)

    return of


def of_spread(op: str, add: Sum) -> Callable[[Arguments], Permits]:
    """avg_pool_grad and avg_unpool: open is the refusal of an empty result (R8)."""

    def of(arguments: Arguments) -> Permits:
        call, shown = add(arguments)
        return sums(call, shown, f"{op}.R8", empty=0 in call.shape or 0 in call.left.shape)

    return of
