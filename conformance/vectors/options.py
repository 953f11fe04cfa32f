"""What a case may give, as a bundle says it: the sets of `conformance.sets` in plain tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from conformance import sets as kinds
from conformance.judge.allowed import Allowed, AnyMask, Refused, Unspecified
from conformance.model import Array, Json
from conformance.ops.dropout.sets import flushed
from conformance.sets import Option
from reference.bounds import Within, exactly
from reference.ops.masks import kept

__all__ = ["options"]

Place = Callable[[Array], int]  # holds an array, and returns its number


def options(sets: Allowed, place: Place) -> list[Json]:
    """Return the options of a case in the order of preference: a call conforms that meets one of them."""
    return [_option(each, place) for each in kinds.options(sets)]


def _option(option: Option, place: Place) -> Json:
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
            ends = kept(mask.x, mask.rate, mask.made)
            yield flushed(mask.x, replace(exactly(ends[0]), low=ends[0], high=ends[1]))
    if not rate <= 0:  # a NaN drops all
        lost = ~np.isfinite(mask.x) & (mask.made.get("dropout.R9") == "NaN")
        yield exactly(np.where(lost, mask.x.dtype.type(np.nan), mask.x.dtype.type(0)))
