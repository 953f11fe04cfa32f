"""
Which arithmetic wrong values come from, where they look like rounding: not where a tap, a count or a divisor is wrong.

A sum of many products allows much under factors of few bits, a tap that is left out, too. So the factors are narrowed,
and the sum of those is asked for: who narrows them meets its bound, and a wrong tap, or a transform, does not. What a
transform may err by says less: there no difference may come near to a product. Rounding shows in many elements, or of
16-bit types in no more than a part of a product, or one spacing of a sum; a fault in a few of them is none. Of several
ops in a row no sums are known: there what sums kept in 16 bits allow tells alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from math import prod
from typing import Any

import numpy as np

from conformance.cases.op import Shown
from conformance.judge.allowed import Permitted, Results
from conformance.model import Array, Observation, Returned, Symptom, Verdict
from conformance.ops import OPS
from conformance.sets import Allowed, options
from reference.bounds import Arithmetic, Within
from reference.engine.exact import SumOfProducts
from reference.engine.precision import ARITHMETICS
from reference.floats import format_of, ulp

__all__ = ["ARITHMETIC", "decided_by", "diagnosed"]

# Sums kept in the type of the arrays, by it.
SUMS: Mapping[str, Symptom] = {"float16": Symptom.FLOAT16_SUMS, "bfloat16": Symptom.BFLOAT16_SUMS}
# Of float32, by their bounds: the better one first.
TRANSFORMS: Mapping[str, Symptom] = {
    "winograd-2": Symptom.WINOGRAD_2,
    "winograd-4": Symptom.WINOGRAD_4,
    "fft": Symptom.FFT,
}
# Factors of float32 in fewer bits, the better one first: the arithmetic, and how many bits are dropped.
FACTORS: Mapping[Symptom, tuple[str, int]] = {
    Symptom.TF32_FACTORS: ("tf32", 13),
    Symptom.BFLOAT16_FACTORS: ("bfloat16", 16),
}
ARITHMETIC = (*SUMS.values(), *TRANSFORMS.values(), *FACTORS)
SPREAD = 1 / 4  # of the elements that rounding can reach: so many are not the exact ones rounded once
LOOKED_AT = 2**10  # elements, at most: some 20 ms
SMALL = 1 / 8  # of a product: a rounding is less, a tap that is left out more

Judge = Callable[[Allowed], Verdict]


def diagnosed(
    permitted: Permitted, arithmetic: Arithmetic, observation: Observation, under: Judge
) -> tuple[Symptom, ...]:
    """
    Return which other arithmetic wrong values come from, the best one that explains them, or another divisor.

    arithmetic: the one that is declared; under: the verdict that a set leads to.
    """
    case, op = permitted.case, OPS[permitted.case.op]
    if not isinstance(observation, Returned) or not (op.sum or case.dtype in SUMS):
        return ()
    nearest = min(options(permitted(arithmetic)), key=lambda each: under(each).evidence.get("different", np.inf))
    array = observation.arrays[0]
    if not isinstance(nearest, Results) or array.shape != nearest.arrays[0].value.shape:
        return ()
    result = nearest.arrays[0]
    slight = case.dtype in SUMS and (_is_less_than_a_product(result, array) or _is_mostly_one_spacing(result, array))
    others = _other_divisors(result, array) if op.averages else ()
    if len(others):
        return (Symptom.DIVISOR,) if all(1 <= other < np.inf for other in others) else ()
    if op.sum and not (slight or _is_spread(result, array, _rounding(*op.sum(permitted.arguments), array.dtype))):
        return ()
    if case.dtype in SUMS:
        kept = under(permitted(replace(arithmetic, accumulate="storage"))).outcome == "agrees"
        return (SUMS[case.dtype],) if kept else ()
    explained = _by_factors(permitted, arithmetic, under)
    if _is_less_than_a_product(result, array):
        explained = chain(explained, _by_transforms(permitted, arithmetic, under))
    return tuple(islice(explained, 1)) if case.dtype == "float32" else ()


def _by_transforms(permitted: Permitted, arithmetic: Arithmetic, under: Judge) -> Iterator[Symptom]:
    """Yield the transforms that allow the values; they spread what is not finite, and tell nothing then."""
    if all(np.isfinite(array).all() for array in permitted.arrays.values()):
        for name, symptom in TRANSFORMS.items():
            other = replace(ARITHMETICS[name], more=arithmetic.more, flushes=arithmetic.flushes)
            if under(permitted(other)).outcome == "agrees":
                yield symptom


def _by_factors(permitted: Permitted, arithmetic: Arithmetic, under: Judge) -> Iterator[Symptom]:
    """Yield in how many bits factors are kept, where their sum gives the values."""
    for symptom, (name, bits) in FACTORS.items():
        wide = replace(arithmetic, narrow=ARITHMETICS[name].narrow, truncates=True)
        if under(permitted(wide)).outcome != "agrees":
            continue
        for narrow in (_rounded, _cut):
            factors = permitted.of({key: narrow(array, bits) for key, array in permitted.arrays.items()})
            if under(factors(replace(arithmetic, truncates=True))).outcome == "agrees":
                yield symptom


def decided_by(sets: Allowed, observation: Observation) -> str:
    """Return the choice on NaN that decides every wrong element; "" where there is none."""
    several = [option for option in options(sets) if isinstance(option, Results)]
    if len(several) < 2 or not isinstance(observation, Returned):
        return ""
    (first, *others), array = several, observation.arrays[0]
    bad = ~first.arrays[0].admits(array) if array.shape == first.arrays[0].value.shape else np.zeros(1, bool)
    for rule in first.made:
        twins = (other for other in others if {**other.made, rule: first.made[rule]} == first.made)
        decided = [twin.arrays[0].nan != first.arrays[0].nan for twin in twins]
        if decided and bad.any() and not (bad & ~np.logical_or.reduce(decided)).any():
            return rule
    return ""


def _rounding(sums: SumOfProducts, shown: Shown, dtype: np.dtype[Any]) -> Array:
    """Return which sums round if they are kept in the type of the result, tap after tap; of many nobody looks."""
    if prod(sums.shape) > LOOKED_AT or dtype.name not in SUMS:
        return shown(np.ones(sums.shape, bool))
    factors = (sums.terms(index) for index in np.ndindex(sums.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        partial = (np.cumsum(left.astype(np.float64) * right.astype(np.float64)) for left, right in factors)
        return shown(np.reshape([(each != each.astype(dtype)).any() for each in partial], sums.shape))


def _is_spread(result: Within, array: Array, rounding: Array) -> bool:
    """Return whether many elements differ from the exact ones, of those that rounding can reach."""
    reached = rounding & np.broadcast_to(result.size > 0, array.shape)
    with np.errstate(invalid="ignore"):
        differ = reached & (array != result.value)
    return bool(differ.any() and differ.sum() >= SPREAD * reached.sum())


def _is_less_than_a_product(result: Within, array: Array) -> bool:
    """Return whether no difference comes near to the largest of the products' mean sizes, S / n."""
    with np.errstate(all="ignore"):
        most = _largest(np.abs(array.astype(np.float64) - result.value.astype(np.float64)))
        return bool(most <= SMALL * _largest(result.size / np.maximum(result.count, 1)))


def _largest(sizes: Array) -> float:
    """Return the largest number; NaN is none, and without numbers it is 0."""
    return float(np.fmax.reduce(sizes, axis=None, initial=0.0))


def _is_mostly_one_spacing(result: Within, array: Array) -> bool:
    """Return whether most wrong numbers are no further off than sums of their size are apart."""
    bad = ~result.admits(array) & np.isfinite(array) & np.isfinite(result.value)
    value, observed = (values.astype(np.float64)[bad] for values in (result.value, array))
    spacings = ulp(np.broadcast_to(result.size, array.shape)[bad], format_of(array.dtype))
    return bool(2 * (np.abs(observed - value) <= spacings).sum() >= bad.sum())


def _other_divisors(result: Within, array: Array) -> Array:
    """
    Return what means would be divided by to give the wrong elements, each up to its rounding; nothing by chance.

    Quotients by neighbouring counts lie 1 / count apart. Where that is less than two roundings some count fits any
    number; several elements then have to be off by the same share, by more than their roundings, or each by that of the
    number at which counting in the type of the result stops: 256 and 1 are 256 in bfloat16.
    """
    fmt, bad = format_of(array.dtype), ~result.admits(array)
    value, observed = (values.astype(np.float64)[bad] for values in (result.value, array))
    count, two_roundings = np.broadcast_to(result.count, array.shape)[bad], 2 * fmt.u
    with np.errstate(all="ignore"):
        nearest, stop = np.rint(count * value / observed), np.full(count.shape, 1 / fmt.u)
        for divisor in (stop, nearest):
            share = count / divisor
            off = np.abs(share - 1)
            near = np.abs(share * value - observed) <= two_roundings * np.abs(observed)
            fits = (divisor != count) & np.isfinite(observed) & near
            alike = share.size > 1 and np.ptp(share) <= 2 * two_roundings < off.min()
            stopped = divisor is stop and 2 * two_roundings < off.min(initial=np.inf)
            if fits.all() and (alike or stopped or (count * 2 * two_roundings < 1).all()):
                return divisor
    return nearest[:0]


def _rounded(values: Array, bits: int) -> Array:
    """Round float32 to numbers whose last bits are zero, ties to even; other dtypes stay."""
    if values.dtype != np.float32:
        return values
    raw = np.ascontiguousarray(values).view(np.uint32)
    up = raw + (np.uint32(2 ** (bits - 1) - 1) + ((raw >> np.uint32(bits)) & np.uint32(1)))
    return np.where(np.isfinite(values), _cut(up.view(np.float32), bits), values)


def _cut(values: Array, bits: int) -> Array:
    """Set the last bits of float32 to zero; other dtypes stay."""
    if values.dtype != np.float32:
        return values
    cut = (np.ascontiguousarray(values).view(np.uint32) & np.uint32(2**32 - 2**bits)).view(np.float32)
    return np.where(np.isfinite(values), cut, values)
