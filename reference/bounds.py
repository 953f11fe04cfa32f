"""
How far a conforming result may lie from the exact one: for every output element the set of allowed numbers.

For y = sum of left_k right_k over the n taps inside the image, S = sum of |left_k| |right_k|, u the unit roundoff, the
error of a computation is at most

| arithmetic | bound | source |
|---|---|---|
| any order, with FMA or not, precision u | n u S | Jeannerod and Rump, SIAM J. Matrix Anal. Appl. 34(2), 2013 |
| sums in u_acc, result in u_out | u_out |y| + (1 + u_out) (n - 1) u_acc S | the same, and one rounding more |
| operands first narrowed to u_in | (2 u_in + u_in^2) S more; u_in doubles where the unit truncates | Fasi, Higham, |
|   |   | Mikaitis and Pranesh, PeerJ Computer Science 7, 2021 |
| adds that truncate | 2 u_acc for each add instead of u_acc | the same |
| underflow | n eta / 2 more, or 2 n (smallest normal) where subnormals are flushed | IEEE 754-2019, 7.5 |
| Winograd F(m, 3) | c u |A^T| [(|G| |g| |G^T|) o (|B^T| |d| |B|)] |A| | Barabasz, Anderson, Soodhalter and |
|   |   | Gregg, ACM Trans. Math. Softw. 46(4), 2020 |
| FFT | (n + 21 log2 N + 4) u |left| sum of |right| | Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., |
|   |   | 2002, theorem 24.2: a bound for the whole tensor only |

n and S come from the same code that gives the value, run on ones and on absolute values. Where the operands are whole
numbers and S is at most 2^p, every partial sum is exact in every order: nothing but the final rounding is allowed.
Transforms round there, too, and may overflow where the sum does not.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reference.engine import fourier, winograd
from reference.engine.exact import SumOfProducts, blocks, whole
from reference.engine.precision import ARITHMETICS, Arithmetic, accumulator, narrow_format, narrowing
from reference.floats import Array, Format, format_of, is_nan, round_to

__all__ = ["ARITHMETICS", "Arithmetic", "Bounds", "Within", "exactly", "within"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """
    For every element of one result, the allowed numbers: those from low to high, and NaN where nan says so.

    Where low is NaN no number is allowed. +0 and -0 are equal.
    """

    value: Array  # the exact result rounded once: what the reference gives
    low: Array
    high: Array
    nan: Array  # bool
    bound: Array  # of |observed - exact|, float64
    size: Array  # S / divisor, float64; zero for ops without sums
    count: Array  # n, float64
    lost: Array | float = 0.0  # what underflow alone may take, a part of the bound, float64

    def admits(self, observed: Array) -> Array:
        """Return for every element whether the observed one is allowed; shapes and dtypes are equal."""
        with np.errstate(invalid="ignore"):
            return np.asarray(((self.low <= observed) & (observed <= self.high)) | (np.isnan(observed) & self.nan))


def exactly(value: Array) -> Within:
    """Allow one value an element, bit for bit but for the sign of zero."""
    zero = np.zeros(value.shape)
    return Within(value=value, low=value, high=value, nan=is_nan(value), bound=zero, size=zero, count=zero)


class Bounds:
    """
    The allowed results of one sum of products, under whatever arithmetics are asked for.

    What is the same under all of them - the exact result, S, n, and what NaN and infinity do - is computed once, when
    it is first needed.
    """

    def __init__(self, call: SumOfProducts) -> None:
        self.call = call

    @cached_property
    def divisor(self) -> Array | None:
        """What each sum is divided by."""
        return self.call.divisor()

    @cached_property
    def sums(self) -> Array:
        """The sum of the products' absolute values, S."""
        return self.call.absolute()

    @cached_property
    def count(self) -> Array:
        """The number of products of every element, n."""
        return self.call.count()

    @cached_property
    def value(self) -> Array:
        """The exact result rounded once."""
        alone = self.call.dtype.kind in "iu" or 0 in self.call.shape
        return self.call.rounded() if alone else self.call.rounded(self.sums)

    @cached_property
    def ends(self) -> list[Array]:
        """The ends of what encloses the exact result, in float64."""
        return self.call.enclosure(self.sums).ends(self.divisor)

    @cached_property
    def special(self) -> Array | None:
        """What NaN and infinity make of the sums."""
        return self.call.special()

    @cached_property
    def subnormal(self) -> Array | float:
        """What the products with subnormal operands add up to."""
        call, lost, least = self.call, np.zeros(()), format_of(self.call.dtype).smallest_normal
        if min(call.smallest) >= least:
            return 0.0
        sides = [np.abs(side) for side in call.finite]
        tiny = [(side < least) & (side > 0) for side in sides]
        if tiny[0].any():
            lost = lost + call.contract(np.where(tiny[0], sides[0], 0.0), sides[1])
        if tiny[1].any():
            lost = lost + call.contract(sides[0], np.where(tiny[1], sides[1], 0.0))
        return lost if self.divisor is None else lost / self.divisor

    @cached_property
    def over_padding(self) -> Array:
        """Where a right operand that is not finite stands over padding, which kernels that store zeros multiply."""
        return np.asarray(self.call.absent((~np.isfinite(self.call.right)) * 1.0) > 0)

    def loose(self, arithmetic: Arithmetic) -> Array | None:
        """Return where NaN is allowed for no other reason than `over_padding`; None: nowhere."""
        if self.special is None or _transforms(self.call, arithmetic) or not self.over_padding.any():
            return None
        return np.broadcast_to(self.over_padding & ~np.isnan(self.special), self.value.shape)

    @np.errstate(over="ignore", invalid="ignore")  # S beyond float64 is one of the things that are bounded
    def under(self, arithmetic: Arithmetic) -> Within:
        """Return what an arithmetic allows."""
        call = self.call
        if arithmetic.exact or call.dtype.kind in "iu" or 0 in call.shape:
            return exactly(self.value)
        fmt = format_of(call.dtype)
        wide = accumulator(arithmetic, fmt)
        value, size = self.value, self.sums if self.divisor is None else self.sums / self.divisor
        lost = _underflow(self, arithmetic, wide)
        error = _error(self, arithmetic, fmt, size, lost)
        rounding = fmt.u if wide.precision > fmt.precision else 0.0
        # Where a narrower result is the second rounding, both ends are rounded as it is: from the exact value.
        low, high = _ends(self.ends if rounding else [value], error, fmt, arithmetic)
        result = Within(
            value=value,
            low=low,
            high=high,
            nan=np.zeros(value.shape, bool),
            bound=error * (1 + rounding) + rounding * np.abs(_finite(value)) if rounding else error,
            size=size,
            count=np.broadcast_to(self.count, value.shape),
            lost=np.broadcast_to(lost, value.shape),
        )
        return _special(self, arithmetic, _overflowed(call, arithmetic, result, wide))


def within(call: SumOfProducts, arithmetic: Arithmetic = ARITHMETICS["float32"]) -> Within:
    """
    Return the allowed results of a sum of products under an arithmetic.

    call: as the ops build it, for instance `conv2d.forward(input, filters, strides, padding)`; the arrays of the
    result are laid out as its own (N H W C for images).
    """
    return Bounds(call).under(arithmetic)


def _finite(value: Array) -> Array:
    """Return rounded values in float64, with 0 for what is not finite."""
    centre = value.astype(np.float64)
    return centre if np.isfinite(centre).all() else np.where(np.isfinite(centre), centre, 0.0)


def _error(known: Bounds, arithmetic: Arithmetic, fmt: Format, size: Array, lost: Array) -> Array:
    """
    Bound the error of the sum before its last rounding, where that is apart; with it, where it is not.

    lost: what underflow may take.
    """
    call, wide = known.call, accumulator(arithmetic, fmt)
    # n products and n - 1 additions, of which no term of the sum meets more than n: a product, and those after it.
    exact_products = not _divides(call) and (call.free_products or wide.precision > fmt.precision)
    roundings = np.maximum(known.count - exact_products, 0)
    narrow = narrow_format(arithmetic, fmt)
    narrowed, reach = (0.0, 1.0)
    if narrow and not _whole_below(call, 2.0**narrow.precision):
        narrowed, reach = narrowing(arithmetic, narrow)
    adds = 2 if arithmetic.truncates else 1
    error = (roundings * (arithmetic.terms * adds * wide.u * reach) + arithmetic.more * fmt.u) * size
    error = error + narrowed * size if narrowed else error
    error += lost
    # A target may still take the direct way where it finds that faster.
    if _transforms(call, arithmetic):
        return np.asarray(np.maximum(error, wide.u * _transformed(call, arithmetic, wide)))
    exact = False if narrowed else _surely_exact(call, arithmetic, wide, size)
    return np.where(exact, 0.0, error) if np.any(exact) else error


def _transforms(call: SumOfProducts, arithmetic: Arithmetic) -> bool:
    """Return whether the arithmetic computes this call from transforms of its operands."""
    if arithmetic.winograd:
        return winograd.can_winograd(call)
    return arithmetic.fft and isinstance(call, fourier.CONVOLUTIONS)


def _transformed(call: SumOfProducts, arithmetic: Arithmetic, wide: Format) -> Array | float:
    """Bound the error of a convolution by transforms, in units of u; zero where there are none."""
    # Underflow takes eta / 2, which is u times this; where subnormal numbers are flushed, all of it.
    least = wide.smallest_normal / wide.u if arithmetic.flushes else wide.smallest_normal
    if arithmetic.winograd and winograd.can_winograd(call):
        return winograd.transformed(call, arithmetic.winograd, least)
    return fourier.transformed(call, least) if arithmetic.fft and isinstance(call, fourier.CONVOLUTIONS) else 0.0


def _divides(call: SumOfProducts) -> bool:
    """Return whether the sums are divided by something else than 1."""
    divisor = call.divisor()
    return divisor is not None and bool(np.any(divisor != 1))


def _whole_below(call: SumOfProducts, limit: float) -> bool:
    """Return whether the operands are whole numbers of at most the limit."""
    return all(whole(side) and float(np.abs(side).max(initial=0.0)) <= limit for side in call.operands)


def _surely_exact(call: SumOfProducts, arithmetic: Arithmetic, wide: Format, size: Array) -> Array | bool:
    """Return where every partial sum is a whole number of at most 2^p: no order of the sum rounds, or underflows."""
    if _divides(call) or arithmetic.more or not all(whole(side) for side in call.operands):
        return False
    # S is whole, too; its upper bound is a little above.
    return np.asarray(np.rint(size) <= 2.0 ** (wide.precision - (1 if arithmetic.truncates else 0)))


def _underflow(known: Bounds, arithmetic: Arithmetic, wide: Format) -> Array:
    """Bound what underflow takes away: of products, of sums, and of subnormal operands that count as zero."""
    terms = known.count * arithmetic.terms
    if not arithmetic.flushes:
        return (terms + _divides(known.call)) * _half_spacing(wide)
    return np.asarray(2 * terms * wide.smallest_normal + known.subnormal)


def _half_spacing(fmt: Format) -> float:
    """Return eta / 2; for float64 eta, as no float64 is smaller."""
    return fmt.smallest_subnormal / 2 or fmt.smallest_subnormal


def _ends(centres: list[Array], error: Array, fmt: Format, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """
    Round both ends of what lies within the error of a centre: rounding is monotone, so that nothing between is lost.

    centres: the exact values rounded to the format, or, in float64, both ends of what encloses them.
    """
    shape = centres[0].shape
    low, high = np.empty(shape, fmt.dtype), np.empty(shape, fmt.dtype)
    error = np.broadcast_to(error, shape)
    for block in blocks(shape):
        middles = [_finite(centre[block]) for centre in centres]
        part = error[block]
        if centres[0].dtype == fmt.dtype:
            # The value is itself rounded from the exact one: half a spacing of it at most. Where there is no error at
            # all, the rounded value is the only allowed one.
            part = part + np.where(part > 0, np.abs(middles[0]) * (fmt.u * 1.01) + _half_spacing(fmt), 0.0)
        ends = round_to(middles[0] - part, fmt), round_to(middles[-1] + part, fmt)
        low[block], high[block] = _flushed(*ends, fmt) if arithmetic.flushes else ends
    return low, high


def _flushed(low: Array, high: Array, fmt: Format) -> tuple[Array, Array]:
    """Allow zero wherever a number is allowed that is subnormal, or was so before it was rounded."""
    least = fmt.smallest_normal
    if not ((low <= least) & (high >= -least)).any():
        return low, high
    low = np.where((low > 0) & (low <= least), np.zeros((), low.dtype), low)
    return low, np.where((high < 0) & (high >= -least), np.zeros((), high.dtype), high)


def _overflowed(call: SumOfProducts, arithmetic: Arithmetic, result: Within, wide: Format) -> Within:
    """Allow anything where S is beyond the accumulator: infinities of both signs, and NaN, meet on the way."""
    # A mean's sum is as many times larger than the mean as it has terms.
    terms = result.count if call.free_products and _divides(call) else np.ones(())
    limit = wide.largest / (1 + float(result.count.max(initial=0.0)) * wide.u)
    beyond = np.asarray(_spread_overflow(call, arithmetic, wide) | _narrowed_overflow(call, arithmetic))
    if float(result.size.max(initial=0.0)) * float(terms.max(initial=0.0)) >= limit:
        beyond = beyond | (result.size * terms >= limit)
    if not beyond.any():
        return result
    infinity = result.value.dtype.type(np.inf)
    beyond = np.broadcast_to(beyond, result.value.shape)
    return replace(
        result,
        low=np.where(beyond, -infinity, result.low),
        high=np.where(beyond, infinity, result.high),
        nan=result.nan | beyond,
    )


def _spread_overflow(call: SumOfProducts, arithmetic: Arithmetic, wide: Format) -> bool:
    """Return whether a transform may overflow: it meets sums over all the tensor, with factors undone only later."""
    if not _transforms(call, arithmetic):
        return False
    left, right = (float(np.abs(side).sum()) for side in call.finite)
    return 2.0**20 * max(left, 1.0) * max(right, 1.0) >= wide.largest


def _narrowed_overflow(call: SumOfProducts, arithmetic: Arithmetic) -> Array | bool:
    """Return which elements have an operand that the narrow format rounds to infinity."""
    narrow = narrow_format(arithmetic, format_of(call.dtype))
    huge = [side > narrow.largest for side in map(np.abs, call.finite)] if narrow else []
    if not any(side.any() for side in huge):
        return False
    left, right = (side * 1.0 for side in huge)
    # Beyond the image, too: padded zeros times infinity are NaN.
    met = call.contract(left, np.ones(right.shape)) + call.contract(np.ones(left.shape), right)
    return (met + call.absent(right)) > 0


def _special(known: Bounds, arithmetic: Arithmetic, result: Within) -> Within:
    """Hold elements whose window has NaN or infinity to what IEEE arithmetic makes of them."""
    call, special = known.call, known.special
    if special is None:
        return result
    met = special != 0
    exact = special.astype(result.value.dtype)
    # Beside infinity, finite numbers may overflow to the other one: NaN is allowed there as it is without.
    nan = result.nan | np.isnan(special) | known.over_padding
    if arithmetic.terms > 1:
        nan = nan | met  # infinity less itself, as the lesser part
    elif arithmetic.flushes:
        nan = nan | _flushed_beside_infinity(call)
    low, high = np.where(met, exact, result.low), np.where(met, exact, result.high)
    if _transforms(call, arithmetic):
        infinity = exact.dtype.type(np.inf)  # a transform spreads what is not finite
        low, high, nan = np.full_like(low, -infinity), np.full_like(high, infinity), np.ones_like(nan)
    return replace(result, low=low, high=high, nan=nan)


def _flushed_beside_infinity(call: SumOfProducts) -> Array | bool:
    """Return which elements have a product of infinity and a subnormal number, which counts as zero: it is NaN."""
    sides = (call.left, call.right)
    infinite, tiny = ([change(side) * 1.0 for side in sides] for change in (np.isinf, _subnormal))
    if not any(mask.any() for mask in tiny):
        return False
    return (call.contract(infinite[0], tiny[1]) + call.contract(tiny[0], infinite[1])) > 0


def _subnormal(side: Array) -> Array:
    """Return which elements are subnormal numbers of their dtype."""
    size = np.abs(side.astype(np.float64))
    return (size > 0) & (size < format_of(side.dtype).smallest_normal)
