"""
What the specification permits a case to give: a set, never one array.

`Results` is one set a result; `Refused` says that only an error conforms; `AnyOf` leaves open which of several sets is
met; `AnyMask` is dropout under any generator; `Unspecified` permits anything, and says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np

import reference
from conformance.model import Array, Case
from reference import SpecError
from reference.bounds import ARITHMETICS, Arithmetic, Bounds, Within, exactly
from reference.checks import from_nhwc, to_nhwc
from reference.engine.exact import SumOfProducts
from reference.engine.patches import overlap
from reference.engine.pools import Parts, Pool
from reference.engine.precision import accumulator
from reference.floats import format_of
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward
from reference.ops.max_pool_grad import credited
from reference.ops.max_unpool import scattered
from reference.ops.pools import pool, spread
from reference.random_bits import algorithm

__all__ = [
    "Allowed",
    "AnyMask",
    "AnyOf",
    "Permits",
    "Refused",
    "Results",
    "Totals",
    "Unspecified",
    "allowed",
    "permits",
    "preferred",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the elements of a result add up to along some axes, from low to high, both float64 with those axes of 1."""

    axes: tuple[int, ...]
    low: Array
    high: Array

    def admits(self, observed: Array) -> Array:
        """Return for every sum whether the observed one is allowed; where low is infinite, NaN is, too."""
        total = observed.astype(np.float64).sum(self.axes, keepdims=True)
        return np.asarray(((self.low <= total) & (total <= self.high)) | np.isinf(self.low))


@dataclass(frozen=True, slots=True)
class Results:
    """The allowed numbers of every element of every result."""

    arrays: tuple[Within, ...]
    remark: str = ""  # what a target that meets this set, and not an earlier one, is told
    totals: Totals | None = None  # of the first result, where they are known better than its elements


@dataclass(frozen=True, slots=True)
class Refused:
    """Only an error conforms."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnyMask:
    """Dropout of x by whatever mask the target draws."""

    x: Array
    rate: Any
    noise_shape: Any


@dataclass(frozen=True, slots=True)
class Unspecified:
    """Anything conforms."""

    why: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these must be met; they stand in the order of preference."""

    options: tuple["Results | Refused | AnyMask | Unspecified", ...]


Allowed: TypeAlias = Results | Refused | AnyMask | Unspecified | AnyOf
Arguments: TypeAlias = Mapping[str, Any]
Permits: TypeAlias = Callable[[Arithmetic], Allowed]

EMPTY = Unspecified("an empty result, which the rule leaves open")


def allowed(case: Case, arguments: Arguments, arithmetic: Arithmetic = ARITHMETICS["float32"]) -> Allowed:
    """
    Return what a case may give.

    arguments: those of the call, as the reference takes them; arithmetic: what the target declares.
    """
    return permits(case, arguments)(arithmetic)


def permits(case: Case, arguments: Arguments) -> Permits:
    """Return what a case may give under an arithmetic; what is the same under all of them is computed once."""
    quiet = np.errstate(all="ignore")  # overflow and NaN are among what is judged
    try:
        return cache(quiet(quiet(SETS[case.op])(arguments)))
    except SpecError as error:
        refused = Refused(error.rule, error.reason)
        return always(AnyOf((refused, EMPTY)) if error.open_to_empty else refused)


def preferred(sets: Allowed) -> Results | Refused | AnyMask | Unspecified:
    """Return the set that comes first where several are allowed."""
    return sets.options[0] if isinstance(sets, AnyOf) else sets


def always(what: Allowed) -> Permits:
    """Permit the same under every arithmetic."""
    return lambda _arithmetic: what


def laid_out(result: Within, change: Callable[[Array], Array]) -> Within:
    """Return the set with every one of its arrays changed in layout or shape."""
    fields = ("value", "low", "high", "nan", "bound", "size", "count", "lost")
    shape = result.value.shape
    return replace(result, **{name: change(np.broadcast_to(getattr(result, name), shape)) for name in fields})


def sums(
    call: SumOfProducts, layout: str, refusal: str, *, empty: bool, lead: tuple[int, ...] | None = None
) -> Permits:
    """
    Return the sets of a sum of products, in the layout of the call.

    refusal: the rule that may refuse an empty one; lead: the axes that were one batch, if there are others.
    """
    bounds = Bounds(call)

    def shown(array: Array) -> Array:
        array = from_nhwc(array, layout)
        return array if lead is None else array.reshape(*lead, *array.shape[1:])

    def of(arithmetic: Arithmetic) -> Allowed:
        result = bounds.under(arithmetic)
        plain = layout == "NHWC" and lead is None
        return may_refuse(Results((result if plain else laid_out(result, shown),)), refusal, empty=empty)

    return of


def of_conv2d(arguments: Arguments) -> Permits:
    """conv2d: open are the refusal of an empty output (R9) and of no filters (R13)."""
    call = forward(**named(arguments))
    lead = arguments["input"].shape[:-3]
    several = lead if len(lead) > 1 else None
    return sums(call, call.geometry.layout, "conv2d.R9", empty=0 in call.shape[1:], lead=several)


def may_refuse(results: Results, rule: str, *, empty: bool) -> Allowed:
    """Leave open whether an empty result is refused."""
    if not empty:
        return results
    return AnyOf((results, Refused(rule, "the result is empty: the rule leaves open whether that is refused")))


def of_backward(op: str, shape_name: str, gradient: str) -> Callable[[Arguments], Permits]:
    """conv2d_transpose and conv2d_backprop_input."""

    def of(arguments: Arguments) -> Permits:
        given = named(arguments)
        call = backward(op, given.pop(shape_name), given.pop("filters"), given.pop(gradient), **with_padding(given))
        return sums(call, call.geometry.layout, f"{op}.R9", empty=0 in call.shape or 0 in call.left.shape)

    return of


def with_padding(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with tf.nn's default padding."""
    return {"padding": "SAME"} | given


def of_filter_gradient(arguments: Arguments) -> Permits:
    """conv2d_backprop_filter."""
    call = filter_gradient(**named(arguments))
    return sums(call, "NHWC", "conv2d_backprop_filter.R9", empty=0 in call.right.shape)


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
    call, layout = credited(**named(arguments))
    image, geometry = pool("max_pool_grad", *geometry_of(arguments, "orig_input"))
    floating = image.dtype.kind not in "iu"
    if floating and np.isnan(image).any():
        return always(Unspecified("max_pool_grad.R12: whom a window that holds NaN credits"))
    bounds, grad = Bounds(call), arguments["grad"]
    tied = ties(image, geometry) if floating else np.zeros(image.shape, bool)

    def of(arithmetic: Arithmetic) -> Allowed:
        strict = bounds.under(arithmetic)
        options: list[Results | Refused] = [Results((laid_out(strict, lambda array: from_nhwc(array, layout)),))]
        if tied.any():
            loose = loosened(strict, tied, to_nhwc(grad, layout), geometry)
            shown = laid_out(loose, lambda array: from_nhwc(array, layout))
            totals = conserved(grad, image.shape, geometry, arithmetic)
            options.append(Results((shown,), remark="other-tie", totals=totals))
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


def of_avg_pool(arguments: Arguments) -> Permits:
    """avg_pool."""
    call = average(**named(arguments))
    return sums(call, call.geometry.layout, "avg_pool.R8", empty=0 in call.shape)


def of_spread(op: str, shape_name: str, values: str) -> Callable[[Arguments], Permits]:
    """avg_pool_grad and avg_unpool."""

    def of(arguments: Arguments) -> Permits:
        given = named(arguments)
        call = spread(op, given.pop(shape_name), given.pop(values), **given)
        return sums(call, call.geometry.layout, f"{op}.R8", empty=0 in call.shape or 0 in call.left.shape)

    return of


def of_max_unpool(arguments: Arguments) -> Permits:
    """max_unpool."""
    call = scattered(**arguments)
    return sums(call, "NHWC", "max_unpool.R3", empty=0 in call.shape)


def of_dropout(op: str) -> Callable[[Arguments], Permits]:
    """Dropout and stateless_dropout: TensorFlow's own mask, or, by another generator, any."""

    def of(arguments: Arguments) -> Permits:
        value = getattr(reference, op)(**arguments)
        mask = AnyMask(arguments["x"], arguments["rate"], arguments.get("noise_shape"))
        if op == "dropout" and arguments.get("seed") is None and arguments.get("global_seed") is None:
            return always(mask)
        exact = Results((scaled(value, arguments["x"]),))
        # A named algorithm is the same everywhere; what else is drawn may differ from device to device.
        own = algorithm(arguments.get("rng_alg")) == "auto_select"
        return always(AnyOf((exact, mask)) if own else exact)

    return of


def of_dropout_grad(arguments: Arguments) -> Permits:
    """dropout_grad."""
    return always(Results((scaled(reference.dropout_grad(**arguments), arguments["grad"]),)))


def scaled(value: Array, factor: Array) -> Within:
    """Return the set of products that round once: themselves, and zero for one that is subnormal or whose factor is."""
    result = exactly(value)
    least = format_of(value.dtype).smallest_normal
    tiny = (np.abs(value.astype(np.float64)) < least) | (np.abs(factor.astype(np.float64)) < least)
    zero = value.dtype.type(0)
    low, high = np.where(tiny & (value > 0), zero, value), np.where(tiny & (value < 0), zero, value)
    return replace(result, low=low, high=high)


def named(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments that decide the result: all but the name."""
    return {key: value for key, value in arguments.items() if key != "name"}


SETS: Mapping[str, Callable[[Arguments], Permits]] = {
    "conv2d": of_conv2d,
    "conv2d_transpose": of_backward("conv2d_transpose", "output_shape", "input"),
    "conv2d_backprop_input": of_backward("conv2d_backprop_input", "input_sizes", "out_backprop"),
    "conv2d_backprop_filter": of_filter_gradient,
    "max_pool": of_max_pool,
    "max_pool_with_argmax": of_max_pool_with_argmax,
    "max_pool_grad": of_max_pool_grad,
    "avg_pool": of_avg_pool,
    "avg_pool_grad": of_spread("avg_pool_grad", "orig_input_shape", "grad"),
    "max_unpool": of_max_unpool,
    "avg_unpool": of_spread("avg_unpool", "output_shape", "input"),
    "dropout": of_dropout("dropout"),
    "stateless_dropout": of_dropout("stateless_dropout"),
    "dropout_grad": of_dropout_grad,
}
