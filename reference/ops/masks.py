"""
What must hold of a result of dropout, whoever draws the mask, and however the choices of the op are made.

The choices are those of `reference.ops.dropout`: a mapping from their rules to alternatives; of a rule that it does not
name, the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import frexp
from types import MappingProxyType

import numpy as np

from reference.floats import Array, format_of, round_to
from reference.ops.dropout import CHOICES, NoiseShape, Rate, is_number, mask_shape, read, scaled

__all__ = ["Possible", "dropped", "kept", "possible", "scaling"]

FIRST: Mapping[str, str] = MappingProxyType({})
# A number for rate, the difference, its reciprocal and the product, each rounded, and float64's own error beside.
STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """
    What an observed result says about a mask nobody knows.

    A cell is what one uniform number decides: the elements that share it along the axes that noise_shape broadcasts.
    """

    kept: Array  # bool, noise_shape with x's rank: every element of the cell may have been kept
    dropped: Array  # bool, likewise: every element of the cell may have been dropped
    allowed: Array  # bool, x's shape: the element lies in a cell that was kept or dropped, as a whole
    ambiguous: Array  # bool, as kept: the cell need not tell which it was; leave it out when counting


def possible(
    x: Array, rate: Rate, noise_shape: NoiseShape, observed: Array, choices: Mapping[str, str] = FIRST
) -> Possible:
    """
    Judge a result of dropout that any generator may have made.

    It conforms where it is what a kept element becomes, or a dropped one; all elements of a cell alike (R10); none
    dropped where rate is 0 or less, none kept where it is 1 or more or NaN, as every uniform number lies in [0, 1).
    Kept NaN are NaN of any kind, kept zeros have any sign; a kept subnormal, of x or of the result, may be 0: some
    processors flush them.

    Shapes:
        observed has x's shape and dtype.
    """
    x, rate = read(x, "x", rate)
    low, high = kept(x, rate, choices)
    tiny = format_of(x.dtype).smallest_normal
    # Whatever came: else the dropped ones would be left out alone.
    mute = (np.abs(x) < tiny) | (np.abs(low) < tiny) | (np.abs(high) < tiny)
    with np.errstate(invalid="ignore"):  # bfloat16 warns of NaN
        between = (low <= observed) & (observed <= high)
    same = between | (np.isnan(observed) & np.isnan(low)) | (mute & (observed == 0))
    absent = dropped(x, observed, choices)
    if choices.get("dropout.R9") == "NaN":
        mute = mute | np.isnan(x)
    sizes = mask_shape(x.shape, noise_shape)
    shared = tuple(axis for axis, size in enumerate((1,) * (x.ndim - len(sizes)) + sizes) if size == 1)
    bound = float(rate)
    as_kept = np.all(same, axis=shared, keepdims=True) & (bound < 1)
    as_dropped = np.all(absent, axis=shared, keepdims=True) & (not bound <= 0)
    ambiguous = np.all(mute, axis=shared, keepdims=True)
    allowed = np.asarray(np.broadcast_to(as_kept | as_dropped, x.shape))
    return Possible(kept=as_kept, dropped=as_dropped, allowed=allowed, ambiguous=ambiguous)


def kept(x: Array, rate: Rate, choices: Mapping[str, str] = FIRST) -> tuple[Array, Array]:
    """Return the least and the largest that each element may become where it is kept: dropout.R5, R14 and R15."""
    if is_number(rate) and rate == 0:
        return x, x
    rule = scaling(rate)
    how = choices.get(rule, CHOICES[rule][0].name)
    if how == "rounded":
        return _rounded(x, rate)
    value = scaled(x, rate) if how == CHOICES[rule][0].name else _otherwise(x, rate)
    return value, value


def scaling(rate: Rate) -> str:
    """Return the rule by which a kept element is scaled."""
    return "dropout.R14" if is_number(rate) else "dropout.R15"


def _otherwise(x: Array, rate: Rate) -> Array:
    """Divide where a number is given, multiply where an array is: the other way than `scaled`."""
    fmt, remaining = format_of(x.dtype), np.asarray(1 - float(rate), np.float64)
    with np.errstate(all="ignore"):
        if is_number(rate):
            return np.asarray(x / round_to(remaining, fmt))
        return np.asarray(x * round_to(1 / remaining, fmt))


def _rounded(x: Array, rate: Rate) -> tuple[Array, Array]:
    """Return the ends of what comes of x / (1 - rate) where each step is rounded."""
    fmt, remaining = format_of(x.dtype), 1 - float(rate)
    with np.errstate(all="ignore"):
        exact = x.astype(np.float64) / np.float64(remaining)
        share = fmt.u * (STEPS + np.float64(rate) / np.float64(remaining))
        if round_to(np.asarray(float(rate)), fmt) == float(rate) and frexp(remaining)[0] == 1 / 2:
            share = np.float64(0.0)  # by a power of two: no step rounds
        # Where the difference may round to nothing, so may the quotient be anything; 0, inf and NaN stay what they are.
        slack = np.abs(exact) * share if share < 1 / 2 else np.full(exact.shape, np.inf)
        slack = np.where(np.isfinite(exact) & (exact != 0), slack, 0.0)
        return round_to(exact - slack, fmt), round_to(exact + slack, fmt)


def dropped(x: Array, observed: Array, choices: Mapping[str, str] = FIRST) -> Array:
    """Return which elements are what x may become where it is dropped: dropout.R9 and R13."""
    signs = np.signbit(observed)
    zero = (observed == 0) & (signs == np.signbit(x) if choices.get("dropout.R13") == "signed" else ~signs)
    if choices.get("dropout.R9") != "NaN":
        return np.asarray(zero)
    return np.where(np.isfinite(x), zero, np.isnan(observed))
