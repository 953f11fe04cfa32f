"""
The floating-point formats: rounding to them once, their spacing, and what lies next to a number.

Everything here takes and gives float64 arrays or exact Python integers; a number of a narrower format is a float64 that
the format can hold. Rounding is to nearest, ties to even, with gradual underflow and overflow to infinity.

Source: IEEE 754-2019, sections 3.3 and 4.3.1; bfloat16 is the upper half of float32.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

__all__ = [
    "FORMATS",
    "Array",
    "Format",
    "bfloat16",
    "format_of",
    "is_nan",
    "one_nan",
    "round_ratio",
    "round_to",
    "to_odd",
    "ulp",
]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

bfloat16 = np.dtype(ml_dtypes.bfloat16)


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating-point format."""

    dtype: np.dtype[Any]
    precision: int  # p, significant bits with the leading one
    emin: int  # exponent of the smallest normal number
    emax: int  # exponent of the largest number
    name: str  # of the dtype, such as "bfloat16"

    @property
    def u(self) -> float:
        """The unit roundoff 2^-p."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """2^emin."""
        return 2.0**self.emin

    @property
    def smallest_subnormal(self) -> float:
        """2^(emin - p + 1), the spacing of the numbers next to zero."""
        return math.ldexp(1.0, self.emin - self.precision + 1)

    @property
    def largest(self) -> float:
        """(2 - 2^(1 - p)) 2^emax."""
        return math.ldexp(2.0 - 2.0 ** (1 - self.precision), self.emax)


FORMATS = {
    "float16": Format(np.dtype(np.float16), 11, -14, 15, "float16"),
    "bfloat16": Format(bfloat16, 8, -126, 127, "bfloat16"),
    "float32": Format(np.dtype(np.float32), 24, -126, 127, "float32"),
    "float64": Format(np.dtype(np.float64), 53, -1022, 1023, "float64"),
}

BY_DTYPE = {fmt.dtype: fmt for fmt in FORMATS.values()}


def format_of(dtype: Any) -> Format:  # noqa: ANN401 -- whatever np.dtype takes
    """
    Return the format of a floating dtype.

    >>> format_of(np.float16).largest
    65504.0
    """
    return BY_DTYPE[np.dtype(dtype)]


def round_to(values: Array, fmt: Format) -> Array:
    """
    Round float64 values once to a format, ties to even: an array of its dtype.

    >>> round_to(np.array([2049.0, 2051.0, 65520.0]), FORMATS["float16"]).tolist()
    [2048.0, 2052.0, inf]
    """
    if fmt.name == "bfloat16":
        # ml_dtypes goes by way of float32. Rounding to odd on that way makes no tie: the result is rounded once.
        values = _float32_to_odd(values)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(values.astype(fmt.dtype))


def _float32_to_odd(values: Array) -> Array:
    """
    Round float64 to float32, inexact results to the neighbour with an odd last bit.

    Source: Boldo and Melquiond, Emulation of FMA and correctly rounded sums, IEEE Trans. Computers 57(4), 2008: a
    number rounded to odd with at least two bits more than the final precision rounds there as the exact number does.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        near = np.asarray(values).astype(np.float32)
    inexact = (near != values) & np.isfinite(values)
    beyond = inexact & (np.abs(near.astype(np.float64)) > np.abs(values))
    bits = near.view(np.uint32)
    return np.asarray(np.where(inexact, (bits - beyond.astype(np.uint32)) | np.uint32(1), bits)).view(np.float32)


def to_odd(values: Array, rests: Array) -> Array:
    """
    Round values + rests to float64, inexact results to the neighbour with an odd last bit.

    values: float64, each the nearest float64 to the exact number; rests: what is missing, of which only the sign is
    used. Rounding the result again to a format of at most 51 bits gives the exact number rounded once.
    """
    inexact = (rests != 0) & np.isfinite(values)
    toward = np.nextafter(values, np.where(rests > 0, np.inf, -np.inf))
    even = (np.asarray(values).view(np.uint64) & np.uint64(1)) == 0
    return np.asarray(np.where(inexact & even, toward, values))


def round_ratio(numerator: int, denominator: int, fmt: Format) -> float:
    """
    Round an exact ratio of integers once to a format; denominator > 0.

    >>> round_ratio(1, 3, FORMATS["bfloat16"])
    0.333984375
    """
    if numerator == 0:
        return 0.0
    sign, size = (1 if numerator > 0 else -1), abs(numerator)
    exponent = size.bit_length() - denominator.bit_length()  # floor(log2(size / denominator)), or one more
    if size << max(-exponent, 0) < denominator << max(exponent, 0):
        exponent -= 1
    spacing = max(exponent, fmt.emin) - fmt.precision + 1
    quotient, rest = divmod(size << max(-spacing, 0), denominator << max(spacing, 0))
    half = denominator << max(spacing, 0)
    quotient += 2 * rest > half or (2 * rest == half and quotient % 2 == 1)
    if quotient.bit_length() + spacing > fmt.emax + 1:
        return sign * math.inf
    return sign * math.ldexp(quotient, spacing)


def one_nan(values: Array) -> Array:
    """
    Return values with every NaN the positive quiet one without payload.

    >>> one_nan(np.array([-np.nan, 1.0])).view(np.uint64) == np.array([np.nan, 1.0]).view(np.uint64)
    array([ True,  True])
    """
    nan = np.isnan(values) if values.dtype.kind not in "iub" else np.zeros((), bool)
    return np.asarray(np.where(nan, values.dtype.type(np.nan), values)) if nan.any() else np.asarray(values)


def ulp(values: Array, fmt: Format) -> Array:
    """
    Return the distance from each |value| to the next larger number of the format: float64.

    >>> ulp(np.array([1.0, 0.0]), FORMATS["float16"])
    array([9.76562500e-04, 5.96046448e-08])
    """
    _, exponent = np.frexp(np.asarray(values, np.float64))
    exponent = np.where(values == 0, fmt.emin, exponent - 1)
    return np.asarray(np.ldexp(1.0, np.maximum(exponent, fmt.emin) - fmt.precision + 1))


def is_nan(values: Array) -> Array:
    """Return where a floating array holds NaN; nowhere in an integer one."""
    return np.isnan(values) if values.dtype.kind not in "iub" else np.zeros(values.shape, bool)
