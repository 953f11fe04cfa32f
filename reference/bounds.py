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
| FFT | n u (largest |left|) sum of |right| | a bound for the whole tensor only |

n and S come from the same code that gives the value, run on ones and on absolute values. Where the operands are whole
numbers and S is at most 2^p, every partial sum is exact in every order: nothing but the final rounding is allowed.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.conv2d import Forward
from reference.exact import SumOfProducts, blocks, whole
from reference.floats import FORMATS, Array, Format, format_of, round_to
from reference.winograd import transformed

__all__ = ["ARITHMETICS", "Arithmetic", "Within", "exactly", "within"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """How a target computes sums of products: what it declares, and is then held to."""

    name: str
    accumulate: str | None = None  # the format of sums, or "storage"; None: float32, and always float64 for float64
    narrow: str | None = None  # the format operands are rounded to first
    truncates: bool = False  # the unit truncates where others round
    more: int = 0  # roundings of each element beyond those of its sum
    terms: int = 1  # products a tap: 3 where operands are split in two parts of the narrow format
    winograd: int = 0  # m of F(m, 3), for 3x3 filters with stride 1; other calls are direct
    fft: bool = False
    exact: bool = False  # the exact value rounded once
    flushes: bool = True  # subnormal numbers may count as zero, as TensorFlow's CPU threads make them


ARITHMETICS = {
    arithmetic.name: arithmetic
    for arithmetic in (
        Arithmetic(name="correctly-rounded", exact=True, flushes=False),
        Arithmetic(name="float32"),  # sums in float32 for 16-bit types and float32, in float64 for float64
        Arithmetic(name="float32-gradual", flushes=False),
        Arithmetic(name="float64", accumulate="float64"),
        Arithmetic(name="storage", accumulate="storage"),
        Arithmetic(name="tf32", narrow="tf32", truncates=True),
        Arithmetic(name="tf32-rounded", narrow="tf32"),
        Arithmetic(name="bf16x3", narrow="bfloat16", terms=3),
        Arithmetic(name="bfloat16", narrow="bfloat16"),
        Arithmetic(name="winograd-2", winograd=2),
        Arithmetic(name="winograd-4", winograd=4),
        Arithmetic(name="fft", fft=True),
    )
}

# TF32 has the exponents of float32 and the precision of float16.
TF32 = replace(FORMATS["float32"], precision=11)


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

    def admits(self, observed: Array) -> Array:
        """Return for every element whether the observed one is allowed; shapes and dtypes are equal."""
        with np.errstate(invalid="ignore"):
            return np.asarray(((self.low <= observed) & (observed <= self.high)) | (np.isnan(observed) & self.nan))


def exactly(value: Array) -> Within:
    """Allow one value an element, bit for bit but for the sign of zero."""
    zero = np.zeros(value.shape)
    return Within(value=value, low=value, high=value, nan=is_nan(value), bound=zero, size=zero, count=zero)


def is_nan(values: Array) -> Array:
    """Return where a floating array holds NaN; nowhere in an integer one."""
    return np.isnan(values) if values.dtype.kind not in "iub" else np.zeros(values.shape, bool)


def within(call: SumOfProducts, arithmetic: Arithmetic = ARITHMETICS["float32"]) -> Within:
    """
    Return the allowed results of a sum of products under an arithmetic.

    call: as the ops build it, for instance `conv2d.forward(input, filters, strides, padding)`; the arrays of the
    result are laid out as its own (N H W C for images).
    """
    if arithmetic.exact or call.dtype.kind in "iu":
        return exactly(call.rounded())
    fmt = format_of(call.dtype)
    size, count = call.absolute(), call.count()
    value = call.rounded(size)
    divisor = call.divisor()
    if divisor is not None:
        size = size / divisor
    wide = accumulator(arithmetic, fmt)
    error = _error(call, arithmetic, fmt, size, count)
    rounding = 0.0 if wide.precision == fmt.precision else fmt.u
    low, high = _ends(value, error, fmt, arithmetic)
    result = Within(
        value=value,
        low=low,
        high=high,
        nan=np.zeros(value.shape, bool),
        bound=error * (1 + rounding) + rounding * np.abs(_finite(value)) if rounding else error,
        size=size,
        count=np.broadcast_to(count, value.shape),
    )
    # A mean's sum is as many times larger than the mean as it has terms.
    largest = size * count if free_sum(call) else size
    return _special(call, arithmetic, _overflowed(result, largest, wide))


def _finite(value: Array) -> Array:
    """Return rounded values in float64, with 0 for what is not finite."""
    centre = value.astype(np.float64)
    return centre if np.isfinite(centre).all() else np.where(np.isfinite(centre), centre, 0.0)


def accumulator(arithmetic: Arithmetic, fmt: Format) -> Format:
    """Return the format in which sums are kept."""
    if arithmetic.accumulate == "storage":
        return fmt
    return FORMATS["float64"] if fmt.precision == 53 else FORMATS[arithmetic.accumulate or "float32"]


def _error(call: SumOfProducts, arithmetic: Arithmetic, fmt: Format, size: Array, count: Array) -> Array:
    """Bound the error of the sum before its last rounding, where that is apart; with it, where it is not."""
    wide = accumulator(arithmetic, fmt)
    free = call.free_products and not _divides(call)
    roundings = np.maximum(count - (free or wide.precision != fmt.precision), 0) + arithmetic.more
    if arithmetic.winograd and isinstance(call, Forward) and can_winograd(call):
        error = transformed(call, arithmetic.winograd) * wide.u
    elif arithmetic.fft:
        error = count.max(initial=0) * wide.u * _everywhere(call)
    else:
        narrowing, reach = _narrowing(call, arithmetic, fmt)
        adds = 2 if arithmetic.truncates else 1
        sums = roundings * (arithmetic.terms * adds * wide.u * reach) * size
        exact = _surely_exact(call, arithmetic, wide, size)
        error = np.where(exact, 0.0, sums) if np.any(exact) else sums
        error = error + narrowing * size if narrowing else error
    return np.asarray(error + _underflow(call, arithmetic, wide, fmt, count))


def _narrowing(call: SumOfProducts, arithmetic: Arithmetic, fmt: Format) -> tuple[float, float]:
    """Return the relative error that narrowed operands bring to S, and how much S itself may grow."""
    if arithmetic.narrow is None:
        return 0.0, 1.0
    narrow = TF32 if arithmetic.narrow == "tf32" else FORMATS[arithmetic.narrow]
    if narrow.precision >= fmt.precision or (whole_below(call, 2.0**narrow.precision)):
        return 0.0, 1.0
    u = narrow.u * (2 if arithmetic.truncates else 1)
    if arithmetic.terms == 3:
        u = u * u  # of an operand as the sum of two parts; the product of the two lesser parts is left out
        return 3 * u + u * u, (1 + u) ** 2
    return 2 * u + u * u, (1 + u) ** 2


def _divides(call: SumOfProducts) -> bool:
    """Return whether the sums are divided by something else than 1."""
    divisor = call.divisor()
    return divisor is not None and bool(np.any(divisor != 1))


def whole_below(call: SumOfProducts, limit: float) -> bool:
    """Return whether the operands are whole numbers of at most the limit."""
    return all(whole(side) and float(np.abs(side).max(initial=0.0)) <= limit for side in call.finite)


def _surely_exact(call: SumOfProducts, arithmetic: Arithmetic, wide: Format, size: Array) -> Array | bool:
    """Return where every partial sum is a whole number below 2^p: there no order of the sum rounds."""
    if _divides(call) or arithmetic.more:
        return False
    if not (whole(call.finite[0]) and whole(call.finite[1])):
        return False
    return np.asarray(size <= 2.0 ** (wide.precision - (1 if arithmetic.truncates else 0)))


def _underflow(call: SumOfProducts, arithmetic: Arithmetic, wide: Format, fmt: Format, count: Array) -> Array:
    """Bound what underflow takes away: of products, of sums, and of subnormal operands that count as zero."""
    if not arithmetic.flushes:
        return count * (wide.smallest_subnormal / 2)
    lost = 2 * count * wide.smallest_normal
    sides = [np.abs(side) for side in call.finite]
    tiny = [(side < fmt.smallest_normal) & (side > 0) for side in sides]
    divisor = 1.0 if call.divisor() is None else call.divisor()
    if tiny[0].any():
        lost = lost + call.contract(np.where(tiny[0], sides[0], 0.0), sides[1]) / divisor
    if tiny[1].any():
        lost = lost + call.contract(sides[0], np.where(tiny[1], sides[1], 0.0)) / divisor
    return np.asarray(lost)


def _ends(value: Array, error: Array, fmt: Format, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """Round both ends of value +- error to the format: rounding is monotone, so that nothing between is lost."""
    low, high = np.empty(value.shape, fmt.dtype), np.empty(value.shape, fmt.dtype)
    for block in blocks(value.shape):
        centre, part = _finite(value[block]), error[block]
        # The value is itself rounded from the exact one: half a spacing of it at most. Where there is no error at all,
        # the rounded value is the only allowed one.
        slack = np.where(part > 0, np.abs(centre) * (fmt.u * 1.01) + fmt.smallest_subnormal / 2, 0.0) + part
        ends = round_to(centre - slack, fmt), round_to(centre + slack, fmt)
        low[block], high[block] = _flushed(*ends, fmt) if arithmetic.flushes else ends
    return low, high


def _flushed(low: Array, high: Array, fmt: Format) -> tuple[Array, Array]:
    """Allow zero wherever a subnormal number is allowed."""
    least = fmt.smallest_normal
    low = np.where((low > 0) & (low < least), np.zeros((), low.dtype), low)
    return low, np.where((high < 0) & (high > -least), np.zeros((), high.dtype), high)


def free_sum(call: SumOfProducts) -> bool:
    """Return whether the call is a plain sum that is divided in the end."""
    return call.free_products and _divides(call)


def _overflowed(result: Within, size: Array, wide: Format) -> Within:
    """Allow anything where S is beyond the accumulator: infinities of both signs, and NaN, meet on the way."""
    growth = 1 + float(result.count.max(initial=0.0)) * wide.u
    if float(size.max(initial=0.0)) * growth < wide.largest:
        return result
    beyond = size * (1 + result.count * wide.u) >= wide.largest
    infinity = result.value.dtype.type(np.inf)
    return replace(
        result,
        low=np.where(beyond, -infinity, result.low),
        high=np.where(beyond, infinity, result.high),
        nan=result.nan | beyond,
    )


def _special(call: SumOfProducts, arithmetic: Arithmetic, result: Within) -> Within:
    """Hold elements whose window has NaN or infinity to what IEEE arithmetic makes of them."""
    special = call.special()
    if special is None:
        return result
    met = special != 0
    exact = special.astype(result.value.dtype)
    nan = np.where(met, np.isnan(special), result.nan) | (call.absent((~np.isfinite(call.right)) * 1.0) > 0)
    if arithmetic.flushes and any(np.any(_subnormal(side)) for side in (call.left, call.right)):
        nan = nan | met  # infinity times a subnormal that counts as zero
    low, high = np.where(met, exact, result.low), np.where(met, exact, result.high)
    if arithmetic.fft or (arithmetic.winograd and can_winograd(call)):
        infinity = exact.dtype.type(np.inf)  # a transform spreads what is not finite
        low, high, nan = np.full_like(low, -infinity), np.full_like(high, infinity), np.ones_like(nan)
    return replace(result, low=low, high=high, nan=nan)


def _subnormal(side: Array) -> Array:
    """Return which elements are subnormal numbers of their dtype."""
    size = np.abs(side.astype(np.float64))
    return (size > 0) & (size < format_of(side.dtype).smallest_normal)


def can_winograd(call: SumOfProducts) -> bool:
    """Return whether Winograd's algorithm F(m, 3) serves this call: 3x3 filters, stride and dilation 1, forward."""
    if not isinstance(call, Forward):
        return False
    return all((axis.taps, axis.stride, axis.dilation) == (3, 1, 1) for axis in _axes(call))


def _axes(call: Forward) -> tuple[Any, Any]:
    """Return the axes of a convolution."""
    return call.geometry.rows, call.geometry.columns


def _everywhere(call: SumOfProducts) -> Array:
    """Return S with every left factor replaced by the largest of the tensor, padding included."""
    right = np.abs(call.finite[1])
    largest = float(np.abs(call.finite[0]).max(initial=0.0))
    return largest * (call.contract(np.ones(call.left.shape), right) + call.absent(right))
