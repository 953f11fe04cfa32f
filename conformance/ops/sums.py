"""What the allowed sets of several ops share: sums of products, their layout, and what may be refused."""

from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases.op import Arguments, Permits, Shown
from conformance.model import Array
from conformance.sets import Allowed, AnyOf, Refused, Results
from reference.bounds import Arithmetic, Bounds, Within
from reference.checks import from_nhwc
from reference.engine.exact import SumOfProducts

__all__ = ["always", "as_it_is", "in_layout", "laid_out", "may_refuse", "named", "sums"]


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


def sums(call: SumOfProducts, shown: Shown, refusal: str, *, empty: bool) -> Permits:
    """Return the sets of a sum, laid out as the op's result; refusal: the rule that may refuse an empty one."""
    bounds = Bounds(call)

    def of(arithmetic: Arithmetic) -> Allowed:
        result = bounds.under(arithmetic)
        return may_refuse(Results((result if shown is as_it_is else laid_out(result, shown),)), refusal, empty=empty)

    return of


def may_refuse(results: Results, rule: str, *, empty: bool) -> Allowed:
    """Leave open whether an empty result is refused."""
    if not empty:
        return results
    return AnyOf((results, Refused(rule, "the result is empty: the rule leaves open whether that is refused")))


def named(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments that decide the result: all but the name."""
    return {key: value for key, value in arguments.items() if key != "name"}
