"""What a case may give, as a bundle says it: the sets of `conformance.sets` in plain tables."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from conformance.judge.allowed import Allowed, AnyMask, AnyOf, Refused, Results, Unspecified
from conformance.model import Array, Json
from conformance.ops.dropout.sets import scaled
from reference.bounds import Within, exactly
from reference.ops import dropout

__all__ = ["options"]

Place = Callable[[Array], int]  # holds an array, and returns its number


def options(sets: Allowed, place: Place) -> list[Json]:
    """Return the options of a case in the order of preference: a call conforms that meets one of them."""
    return [_option(each, place) for each in (sets.options if isinstance(sets, AnyOf) else (sets,))]


def _option(option: Results | Refused | AnyMask | Unspecified, place: Place) -> Json:
    """Return one option."""
    match option:
        case Refused(rule, reason):
            return {"kind": "refused", "rule": rule, "reason": reason}
        case Unspecified(why):
            return {"kind": "unspecified", "reason": why}
        case AnyMask():
            return {"kind": "results", "results": [[_set(each, place) for each in either(option)]]}
    said: dict[str, Json] = {"kind": "results", "results": [[_set(each, place)] for each in option.arrays]}
    if option.totals:
        ends = {"low": place(option.totals.low), "high": place(option.totals.high)}
        said["totals"] = {"axes": list(option.totals.axes), **ends}
    return said


def _set(allowed: Within, place: Place) -> Json:
    """Return one set: for each element the exact result rounded once, the numbers from low to high, and whether NaN."""
    named: Mapping[str, Array] = {
        "value": allowed.value,
        "low": allowed.low,
        "high": allowed.high,
        "nan": allowed.nan,
    }
    return {name: place(array) for name, array in named.items()}


def either(mask: AnyMask) -> Iterator[Within]:
    """Yield what an element is where it is kept, and what where it is dropped; the rate may rule one of them out."""
    rate = float(mask.rate)
    if rate < 1:
        with np.errstate(all="ignore"):
            kept = scaled(dropout.scaled(mask.x, mask.rate) if rate else mask.x, mask.x)
        yield kept
    if not rate <= 0:  # a NaN drops all
        yield exactly(np.zeros(mask.x.shape, mask.x.dtype))
