"""
Where the results of a pattern's stages may lie, for every element from a lowest to a highest number.

A span holds what an implementation may have after a stage, whether it rounds to the dtype there or keeps the
accumulator's precision. Stages that add belong to one sum with the products before them, in whatever order:

| stage | what it adds to the error | source |
|---|---|---|
| a term b to a sum of n | u S + (n + 1) u |b|: n u S becomes (n + 1) u (S + |b|) | `bounds` |
| batch_norm | 10 u (S |g| + |mean g| + |offset|), g = scale / sqrt(variance + epsilon) | below |
| an activation | as `activations` has it | |

Of the 10, five are roundings of value, mean, offset and their products with g, also where g multiplies the filters
beforehand, and five are g's own: its root is within 2 ulp (The OpenCL C Specification 3.0, 7.4).

What a 1x1 convolution takes may be apart from the reference's by E: its n products then lie within the sum of E |w|,
and n u of that, of what the reference's value gives (`bounds`).

Where all operands are whole numbers and S is at most 2^p of the dtype, additions are exact. Everything is computed in
float64, for whose own errors 2^-50 S is added.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from reference.activations import Activation
from reference.bounds import Within
from reference.engine.exact import whole as is_whole
from reference.engine.precision import Arithmetic, accumulator, narrow_format, narrowing
from reference.floats import Array, Format, format_of, round_to, ulp

__all__ = ["Span", "activated", "added", "mixed", "normalised", "opened", "within"]

ROUNDINGS = 10  # of batch_norm
OWN = 2.0**-50  # of float64, relative to what is computed with


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """For every element the numbers from low to high, and NaN where nan says so; where low is NaN nothing else."""

    low: Array  # float64
    high: Array
    nan: Array  # bool
    size: Array  # S: what the magnitudes of its terms add up to
    count: Array  # n: its terms
    whole: bool  # whether all operands so far are whole numbers
    fmt: Format  # of the dtype
    arithmetic: Arithmetic

    @property
    def wide(self) -> Format:
        """The accumulator's format."""
        return accumulator(self.arithmetic, self.fmt)

    @property
    def unit(self) -> float:
        """How far one addition may be off, relative to its result."""
        return self.arithmetic.terms * (2 if self.arithmetic.truncates else 1) * self.wide.u

    @property
    def most(self) -> Array:
        """The largest finite magnitude that an end, or the sum of the terms, has."""
        return np.maximum(self.size, np.maximum(_finite(self.low), _finite(self.high)))


def opened(result: Within, arithmetic: Arithmetic, *, whole: bool) -> Span:
    """Return the span of what the first stage may give, before it is rounded; whole: whether its operands are."""
    fmt, shape = format_of(result.value.dtype), result.value.shape
    low, high = result.low.astype(np.float64), result.high.astype(np.float64)
    size, count = (np.broadcast_to(part, shape) for part in (result.size, result.count))
    # What rounds to infinity may be finite in the accumulator.
    beyond = size >= fmt.largest
    low = np.where(beyond & (low == np.inf), fmt.largest, low)
    high = np.where(beyond & (high == -np.inf), -fmt.largest, high)
    # What rounds to an end may be half a spacing beyond it.
    exact = (np.broadcast_to(result.bound, shape) == 0) | (whole & (size <= 2.0**fmt.precision))
    ends = [end + np.where(exact, 0.0, side * ulp(_kept(end), fmt) / 2) for end, side in ((low, -1), (high, 1))]
    span = Span(
        low=ends[0],
        high=ends[1],
        nan=np.broadcast_to(result.nan, shape),
        size=size,
        count=np.maximum(count, 1),
        whole=whole,
        fmt=fmt,
        arithmetic=arithmetic,
    )
    return replace(span, size=np.where(size > 0, size, span.most))  # an op without sums is one term


def added(span: Span, term: Array) -> Span:
    """Add a term, float64 of a number of the dtype, to a sum."""
    magnitude = _finite(term)
    whole = span.whole and bool((np.rint(magnitude) == magnitude).all())
    size = span.size + magnitude
    lost = np.where(magnitude < span.fmt.smallest_normal, magnitude, 0.0) if span.arithmetic.flushes else 0.0
    error = span.unit * (span.most + (span.count + 1) * magnitude) + OWN * size + lost
    error = np.where(whole & (size <= 2.0**span.fmt.precision), 0.0, error)
    with np.errstate(invalid="ignore", over="ignore"):
        moved = replace(span, low=span.low + term - error, high=span.high + term + error)
    return _settled(_overflowing(replace(moved, size=size, count=span.count + 1, whole=whole)))


def mixed(span: Span, value: Array, result: Within, weights: Array, mix: Callable[[Array, Array], Array]) -> Span:
    """Apply a 1x1 convolution, mix; value: the reference's before it; result: what it may give of that value."""
    wide, apart = weights.astype(np.float64), _apart(span, value)
    narrow = narrow_format(span.arithmetic, span.fmt)
    relative = wide.shape[2] * span.unit + (narrowing(span.arithmetic, narrow)[0] if narrow else 0.0)
    spread = (1 + relative) * mix(_kept(apart), _finite(wide))
    # A product that may be finite, infinite or NaN.
    loose = mix(np.isinf(apart) * 1.0, np.isfinite(wide) * 1.0) + mix((apart > 0) * 1.0, np.isinf(wide) * 1.0) > 0
    after = opened(result, span.arithmetic, whole=span.whole and is_whole(wide))
    low, high = np.where(loose, -np.inf, after.low - spread), np.where(loose, np.inf, after.high + spread)
    moved = replace(after, low=low, high=high, nan=after.nan | loose, size=after.size + spread)
    return _settled(_overflowing(moved))


def _apart(span: Span, value: Array) -> Array:
    """Return how far from the reference's an element may be: infinitely where it may be finite or not."""
    wide = value.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.maximum(span.high - wide, wide - span.low)
    known = np.isnan(span.low) | ((span.low == span.high) & ~span.nan)
    return np.where(known, 0.0, np.where(np.isfinite(apart) & ~span.nan, apart, np.inf))


def normalised(span: Span, factor: Array, mean: Array, offset: Array) -> Span:
    """Apply batch_norm, whose parameters are finite."""
    shift = offset - mean * factor
    size = span.most * np.abs(factor) + np.abs(mean * factor) + np.abs(offset)
    error = (ROUNDINGS * span.unit + OWN) * size + span.wide.smallest_normal
    with np.errstate(invalid="ignore", over="ignore"):
        ends = [span.low * factor + shift, span.high * factor + shift]
        moved = replace(span, low=np.minimum(*ends) - error, high=np.maximum(*ends) + error)
    return _settled(_overflowing(replace(moved, size=size, count=span.count + 2, whole=False)))


def activated(span: Span, activation: Activation, alpha: float) -> Span:
    """Apply an activation to both ends; alpha may be rounded to the dtype."""
    single = np.asarray(np.float32(alpha), np.float64)
    slopes = (float(single), float(round_to(single, span.fmt)))
    with np.errstate(invalid="ignore", over="ignore"):
        low = np.minimum(*(_end(span, span.low, activation, slope, -1.0) for slope in slopes))
        high = np.maximum(*(_end(span, span.high, activation, slope, 1.0) for slope in slopes))
    whole = span.whole and activation.whole
    moved = replace(span, low=low, high=high, count=np.ones_like(span.count), whole=whole)
    return _settled(replace(moved, size=np.maximum(_finite(low), _finite(high))))


def _end(span: Span, x: Array, activation: Activation, alpha: float, side: float) -> Array:
    """Return an activation of one end, and its error beyond."""
    value = activation.of(x, alpha)
    error = activation.relative * span.fmt.u * _finite(value)
    if activation.relative:
        error = error + OWN * _finite(value) + span.wide.smallest_subnormal
    error = error + np.where(x < 0, activation.exponential * span.fmt.u * np.exp(np.minimum(x, 0.0)), 0.0)
    return np.asarray(value + side * error)


def _overflowing(span: Span) -> Span:
    """Allow anything where the sum of the magnitudes is beyond the accumulator, but where only NaN is due."""
    beyond = span.size >= span.wide.largest / (1 + (span.count + 2) * span.wide.u)
    beyond &= ~(np.isnan(span.low) & np.isnan(span.high))
    low, high = np.where(beyond, -np.inf, span.low), np.where(beyond, np.inf, span.high)
    return replace(span, low=low, high=high, nan=span.nan | beyond)


def _settled(span: Span) -> Span:
    """Allow for a rounding to the dtype, or none; where one end has become NaN, that, and the other one."""
    lost = np.isnan(span.low) ^ np.isnan(span.high)
    low = np.where(np.isnan(span.low), span.high, span.low)
    high = np.where(np.isnan(span.high), span.low, span.high)
    nan = span.nan | lost | np.isnan(low)
    rounded = [round_to(end, span.fmt).astype(np.float64) for end in (low, high)]
    low, high = np.minimum(low, rounded[0]), np.maximum(high, rounded[1])
    if span.arithmetic.flushes:
        least = span.fmt.smallest_normal
        low, high = np.where((low > 0) & (low < least), 0.0, low), np.where((high < 0) & (high > -least), 0.0, high)
    return replace(span, low=low, high=high, nan=nan)


def within(span: Span, value: Array) -> Within:
    """Return the set of a span, rounded to the dtype; value: what the reference gives."""
    low, high = (round_to(end, span.fmt) for end in (span.low, span.high))
    zero = np.zeros(value.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        bound = np.fmax(_kept(span.high) - _kept(value), _kept(value) - _kept(span.low))
    return Within(value=value, low=low, high=high, nan=span.nan, bound=bound, size=zero, count=zero)


def _kept(values: Array) -> Array:
    """Return values in float64, with 0 for what is not finite."""
    wide = values.astype(np.float64)
    return np.where(np.isfinite(wide), wide, 0.0)


def _finite(values: Array) -> Array:
    """Return magnitudes, likewise."""
    return np.abs(_kept(values))
