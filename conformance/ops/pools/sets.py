"""What the average pools, the gradients of pools and avg_unpool may give; max pools: `maxima`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from conformance.cases.op import Arguments, Permits, Shown, Sum
from conformance.model import Array
from conformance.ops.pools.maxima import geometry_of, smallest_normal
from conformance.ops.sums import always, in_layout, laid_out, may_refuse, named, near_zero, sums
from conformance.sets import Allowed, AnyOf, Results, Totals, Unspecified
from reference.bounds import Arithmetic, Bounds, Within, exactly
from reference.checks import to_nhwc
from reference.choices import EITHER
from reference.engine.exact import SumOfProducts
from reference.engine.patches import overlap
from reference.engine.pools import Parts, Pool
from reference.engine.precision import accumulator
from reference.floats import format_of
from reference.ops.avg_pool import average
from reference.ops.avg_unpool_grad import window_sums
from reference.ops.max_pool_grad import checked, credited
from reference.ops.max_pool_grad_grad import picked
from reference.ops.pools import pool, spread

__all__ = [
    "average_sum",
    "credited_sum",
    "of_avg_pool",
    "of_max_pool_grad",
    "of_max_pool_grad_grad",
    "of_spread",
    "of_window_sums",
    "spread_sum",
    "window_sum",
]


def of_max_pool_grad(arguments: Arguments) -> Permits:
    """max_pool_grad: strictly to the first of tied elements; else to any, conserving the sum; NaN leaves it open."""
    call, shown = credited_sum(arguments)
    image, geometry = pool("max_pool_grad", *geometry_of(arguments, "orig_input"))
    floating = image.dtype.kind not in "iu"
    if floating and np.isnan(image).any():
        return always(Unspecified("whom a window that holds NaN credits", made={"max_pool_grad.R12": EITHER}))
    bounds, grad = Bounds(call), arguments["grad"]
    tied = ties(image, geometry) if floating else np.zeros(image.shape, bool)

    def of(arithmetic: Arithmetic) -> Allowed:
        strict = bounds.under(arithmetic)
        if not tied.any():
            empty = 0 in grad.shape or 0 in image.shape
            return may_refuse(Results((laid_out(strict, shown),)), "max_pool_grad.R8", empty=empty)
        loose = laid_out(loosened(strict, tied, to_nhwc(grad, geometry.layout), geometry), shown)
        totals = conserved(grad, image.shape, geometry, arithmetic)
        first = Results((laid_out(strict, shown),), made={"max_pool_grad.R11": "first"})
        return AnyOf((first, Results((loose,), totals=totals, made={"max_pool_grad.R11": "another"})))

    return of


def of_max_pool_grad_grad(arguments: Arguments) -> Permits:
    """max_pool_grad_grad: what stands at the first of tied elements; else at any of them; NaN leaves it open."""
    op = "max_pool_grad_grad"
    image, slopes, geometry = checked(op, **named(arguments))
    floating = image.dtype.kind not in "iu"
    if floating and np.isnan(image).any():
        return always(Unspecified("what is taken of a window that holds NaN", made={f"{op}.R12": EITHER}))
    strict, shown = exactly(picked(image, slopes, geometry)), in_layout(geometry.layout)
    first = laid_out(near_zero(strict), shown)
    if not floating or not ties(image, geometry).any():
        empty = 0 in strict.value.shape or 0 in image.shape
        return always(may_refuse(Results((first,)), f"{op}.R8", empty=empty))
    loose = laid_out(near_zero(any_of_tied(image, slopes, geometry, strict)), shown)
    options = Results((first,), made={f"{op}.R11": "first"}), Results((loose,), made={f"{op}.R11": "another"})
    return always(AnyOf(options))


def any_of_tied(image: Array, slopes: Array, geometry: Pool, strict: Within) -> Within:
    """Allow every window what lies between the slopes at its largest elements."""
    values, wide = image.astype(np.float64), slopes.astype(np.float64)
    values = np.where(np.abs(values) < smallest_normal(image), 0.0, values)
    nan = np.isnan(wide)
    low, high = np.where(nan, np.inf, wide), np.where(nan, -np.inf, wide)
    parts = geometry.fold(_largest_range, (values, low, high, nan), (-np.inf, np.inf, -np.inf, False))
    dtype = slopes.dtype
    return replace(strict, low=parts[1].astype(dtype), high=parts[2].astype(dtype), nan=strict.nan | parts[3])


def _largest_range(one: Parts, other: Parts) -> Parts:
    """Return the larger of two numbers, the ends of what stands there, and whether a NaN does."""
    largest = np.maximum(one[0], other[0])
    ours, theirs = one[0] == largest, other[0] == largest
    low = np.minimum(np.where(ours, one[1], np.inf), np.where(theirs, other[1], np.inf))
    high = np.maximum(np.where(ours, one[2], -np.inf), np.where(theirs, other[2], -np.inf))
    return largest, low, high, (ours & one[3]) | (theirs & other[3])


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


def window_sum(arguments: Arguments) -> tuple[SumOfProducts, Shown]:
    """Return avg_unpool_grad as a sum."""
    call = window_sums(**named(arguments))
    return call, in_layout(call.geometry.layout)


def of_window_sums(arguments: Arguments) -> Permits:
    """avg_unpool_grad: open is the refusal of an empty result (R8)."""
    call, shown = window_sum(arguments)
    return sums(call, shown, "avg_unpool_grad.R8", empty=0 in call.shape or 0 in call.left.shape)


def of_avg_pool(arguments: Arguments) -> Permits:
    """avg_pool: an empty result may be refused (common.R1)."""
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
    """avg_pool_grad and avg_unpool: an empty result may be refused (common.R1)."""

    def of(arguments: Arguments) -> Permits:
        call, shown = add(arguments)
        return sums(call, shown, f"{op}.R8", empty=0 in call.shape or 0 in call.left.shape)

    return of
