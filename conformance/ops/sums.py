"""What the allowed sets of several ops share: sums of products, their layout, and what may be refused."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases.op import Arguments, Permits, Shown
from conformance.model import Array
from conformance.sets import Allowed, AnyOf, Made, Refused, Results, any_of, marked
from reference.bounds import Arithmetic, Bounds, Within
from reference.checks import from_nhwc
from reference.choices import EITHER
from reference.engine.exact import SumOfProducts
from reference.floats import format_of

__all__ = ["always", "as_it_is", "in_layout", "laid_out", "may_refuse", "named", "near_zero", "sums"]


def always(what: Allowed) -> Permits:
    """Permit the same under every arithmetic."""
    return lambda _arithmetic: what


def laid_out(result: Within, change: Shown) -> Within:
    """Return the set with every one of its arrays changed in layout or shape."""
    fields = ("value", "low", "high", "nan", "bound", "size", "count", "lost")
    shape = result.value.shape
    return replace(result, **{name: change(np.broadcast_to(getattr(result, name), shape)) for name in fields})


def as_it_is(array: Array) -> Array:
    """Lay nothing out."""
    return array


def in_layout(layout: str) -> Shown:
    """Return what lays N H W C out as a layout has it."""
    return as_it_is if layout == "NHWC" else lambda array: from_nhwc(array, layout)


def sums(call: SumOfProducts, shown: Shown, refusal: str, *, empty: bool, padded: str = "") -> Permits:
    """
    Return the sets of a sum, laid out as the op's result.

    refusal: the rule that may refuse an empty one; padded: the rule on what stands over padding.
    """
    bounds = Bounds(call)

    def of(arithmetic: Arithmetic) -> Allowed:
        result = bounds.under(arithmetic)
        found = (
            Results((each if shown is as_it_is else laid_out(each, shown),), made=made)
            for each, made in over_padding(result, bounds, arithmetic, padded)
        )
        return may_refuse(any_of(found), refusal, empty=empty)

    return of


def over_padding(result: Within, bounds: Bounds, arithmetic: Arithmetic, rule: str) -> Iterator[tuple[Within, Made]]:
    """Yield what each alternative of the rule on NaN and infinity over padding allows; `Bounds` allows all of them."""
    met = bounds.loose(arithmetic) if rule else None
    if met is None or not met.any():
        yield result, {}
        return
    nothing = np.asarray(np.nan, result.low.dtype)
    yield replace(result, nan=result.nan & ~met), {rule: "absent"}
    low, high = (np.where(met, nothing, end) for end in (result.low, result.high))
    yield replace(result, low=low, high=high), {rule: "multiplied"}
    yield result, {rule: EITHER}


def near_zero(result: Within) -> Within:
    """Allow zero, too, where a subnormal number is allowed: of ops that hand numbers on."""
    if result.value.dtype.kind in "iu":
        return result
    least = result.value.dtype.type(format_of(result.value.dtype).smallest_normal)
    with np.errstate(invalid="ignore"):
        low = np.where((result.low > 0) & (result.low < least), least * 0, result.low)
        high = np.where((result.high < 0) & (result.high > -least), least * 0, result.high)
    return replace(result, low=low, high=high)


def may_refuse(results: Allowed, rule: str, *, empty: bool) -> Allowed:
    """Leave open whether an empty result is refused: common.R1."""
    if not empty:
        return results
    refused = Refused(rule, "the result is empty", made={"common.R1": "refused"})
    return AnyOf((*marked(results, {"common.R1": "given"}), refused))


def named(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments that decide the result: all but the name."""
    return {key: value for key, value in arguments.items() if key != "name"}
