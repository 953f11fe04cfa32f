"""What the allowed sets of several ops share: sums of products, their layout, and what may be refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.cases.op import Arguments, Permits
from conformance.model import Array
from conformance.sets import Allowed, AnyOf, Refused, Results
from reference.bounds import Arithmetic, Bounds, Within
from reference.checks import from_nhwc
from reference.engine.exact import SumOfProducts

__all__ = ["always", "laid_out", "may_refuse", "named", "sums"]


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


def may_refuse(results: Results, rule: str, *, empty: bool) -> Allowed:
    """Leave open whether an empty result is refused."""
    if not empty:
        return results
    return AnyOf((results, Refused(rule, "the result is empty: the rule leaves open whether that is refused")))


def named(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments that decide the result: all but the name."""
    return {key: value for key, value in arguments.items() if key != "name"}
