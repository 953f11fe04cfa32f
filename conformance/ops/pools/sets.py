"""What the average pools, the gradients of pools and avg_unpool may give; max pools: `maxima`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from conformance.cases.op import Arguments, Permits, Shown, Sum
from conformance.model import Array
from conformance.ops.pools.maxima import geometry_of, smallest_normal, with_nan
from conformance.ops.sums import always, in_layout, laid_out, may_refuse, named, near_zero, sums
from conformance.sets import Allowed, Option, Results, Totals, any_of, marked
from reference.bounds import Arithmetic, Bounds, Within, exactly
from reference.checks import to_nhwc
from reference.choices import EITHER
from reference.engine.exact import SumOfProducts
from reference.engine.patches import overlap
from reference.engine.pools import Parts, Pool
from reference.engine.precision import accumulator
from reference.floats import format_of, is_nan
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
    """max_pool_grad: choices are R11, whom ties credit, the sum conserved, and R12, whom a window with NaN does."""
    op = "max_pool_grad"
    call, shown = credited_sum(arguments)
    image, geometry = pool(op, *geometry_of(arguments, "orig_input"))
    bounds, grad = Bounds(call), arguments["grad"]
    tied, beside = ties(image, geometry), geometry.reduce_back(np.maximum, with_nan(image, geometry), 0).astype(bool)

    def of(arithmetic: Arithmetic) -> Allowed:
        strict = bounds.under(arithmetic)

        def spread_over(cells: Array) -> Within:
            return laid_out(loosened(strict, cells, to_nhwc(grad, geometry.layout), geometry), shown)

        number = {f"{op}.R12": "number"} if beside.any() else {}
        found: list[Option] = [Results((laid_out(strict, shown),), made=number)]
        if tied.any():
            totals = conserved(grad, image.shape, geometry, arithmetic)
            another = Results((spread_over(tied),), totals=totals, made={**number, f"{op}.R11": "another"})
            found = [*marked(found[0], {f"{op}.R11": "first"}), another]
        if beside.any():
            found.append(Results((spread_over(tied | beside),), made={f"{op}.R12": EITHER}))
        return may_refuse(any_of(found), f"{op}.R8", empty=0 in grad.shape or 0 in image.shape)

    return of


def of_max_pool_grad_grad(arguments: Arguments) -> Permits:
    """max_pool_grad_grad: R11, which of tied elements, and R12, what of a window with NaN is taken, are choices."""
    op = "max_pool_grad_grad"
    image, slopes, geometry = checked(op, **named(arguments))
    strict, shown = exactly(picked(image, slopes, geometry)), in_layout(geometry.layout)
    loose, beside = any_of_tied(image, slopes, geometry, strict), with_nan(image, geometry).astype(bool)
    number = {f"{op}.R12": "number"} if beside.any() else {}
    found: list[Option] = [Results((laid_out(near_zero(strict), shown),), made=number)]
    if ties(image, geometry).any():
        another = Results((laid_out(near_zero(loose), shown),), made={**number, f"{op}.R11": "another"})
        found = [*marked(found[0], {f"{op}.R11": "first"}), another]
    if beside.any():
        anything = slopes.dtype.type(np.inf)
        low, high = np.where(beside, -anything, loose.low), np.where(beside, anything, loose.high)
        either = replace(loose, low=low, high=high, nan=loose.nan | beside)
        found.append(Results((laid_out(near_zero(either), shown),), made={f"{op}.R12": EITHER}))
    return always(may_refuse(any_of(found), f"{op}.R8", empty=0 in strict.value.shape or 0 in image.shape))


def any_of_tied(image: Array, slopes: Array, geometry: Pool, strict: Within) -> Within:
    """Allow every window what lies between the slopes at its largest elements."""
    values, wide = ranked(image), slopes.astype(np.float64)
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

    A window's largest element is no less than any cell it holds: a cell is tied where the least of those of its
    windows that have several is its own. Integers are credited in order: none of them is tied.
    """
    if image.dtype.kind in "iu":
        return np.zeros(image.shape, bool)
    values = ranked(image)
    ones = np.ones(values.shape, np.int64)
    largest, equal = geometry.fold(_largest_counted, (values, ones), (-np.inf, 0))
    several = np.where(equal > 1, largest, np.nan)
    return np.asarray(geometry.reduce_back(np.fmin, several, np.nan) == values)


def ranked(image: Array) -> Array:
    """Return elements as float64 by which the largest is found: NaN loses, a subnormal may count as zero."""
    values = np.where(is_nan(image), -np.inf, image.astype(np.float64))
    return np.where(np.abs(values) < smallest_normal(image), 0.0, values) if image.dtype.kind not in "iu" else values


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
