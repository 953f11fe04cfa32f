"""
The value regimes: what the arrays of a case hold, as pure functions of shape, dtype, regime, seed and name.

    lattice          integers so small that every order of summation is exact, and the result too
    normal           zero-mean, bell-shaped: the sum of four uniform numbers
    positive         uniform in [0, 1)
    wide             magnitudes log-uniform, both signs; integers: every bit at random
    ill-conditioned  magnitudes near 1, so arranged that sums of products cancel
    special          normal, or about the least normal number, with about four NaN, infinities, zeros, subnormals or
                     largest numbers among them
    ties             few distinct values
    extremes         integer minima and maxima, and their neighbours

Three are never drawn; the search for the simplest values that still show a fault tries them:

    ones             1 everywhere
    counting         1, 2, 3 ...
    single special   ones, but for one NaN, infinity, largest or subnormal number in about every other array

The bits are Philox's raw words, and every conversion is exact arithmetic or one rounding: the same on every NumPy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any
from zlib import crc32

import ml_dtypes
import numpy as np

from conformance.model import Array
from reference.floats import FORMATS, Format, round_to

__all__ = ["Demand", "drawn", "words"]

MASK = np.uint64(0xFFFF)
EXPONENTS = {"float16": (-8, 3), "bfloat16": (-30, 30), "float32": (-30, 30), "float64": (-100, 100)}
FEW = np.array([1.0, -1.0, 0.0, -0.0, 2.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What an op needs of one of its arrays."""

    largest: int = 100  # on the lattice, magnitudes are at most step * largest
    step: int = 1  # on the lattice, all are multiples of this
    nonzero: int | None = None  # on the lattice, at most so many differ from zero; None: any number
    second: bool = False  # the second factor of the products: no sign changes where ill-conditioned
    one_nan_hides_all: bool = False  # NaN and infinity for one seed in four only


def words(seed: int, name: str, count: int) -> Array:
    """Return 64 random bits for each element of an array: uint64 [count]."""
    key = np.array([seed % 2**64, crc32(name.encode())], np.uint64)
    return np.asarray(np.random.Philox(key=key).random_raw(count))


def drawn(shape: tuple[int, ...], dtype: str, regime: str, seed: int, name: str, demand: Demand) -> Array:
    """Draw the array of this name."""
    bits = words(seed, name, prod(shape))
    if dtype in FORMATS:
        values = FLOATS[regime](bits, FORMATS[dtype], demand, shape)
        if regime == "special":
            values = _small(values, bits, FORMATS[dtype]) if seed % 3 != 1 and not demand.second else values
            values = _sprinkled(values, words(seed, f"{name}, special", len(bits)), FORMATS[dtype], demand, seed)
        return round_to(values, FORMATS[dtype]).reshape(shape)
    kind = np.dtype(DTYPES.get(dtype, dtype))
    if kind.kind in "iu":
        return INTEGERS.get(regime, _integer_lattice)(bits, kind, demand).reshape(shape)
    return (bits & np.uint64(1)).astype(kind).reshape(shape)


DTYPES = {"bfloat16": ml_dtypes.bfloat16}


def _lattice(bits: Array, _fmt: Format, demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Draw whole numbers from -largest to largest, times step."""
    whole = (bits % np.uint64(2 * demand.largest + 1)).astype(np.float64) - demand.largest
    return _sparse(whole * demand.step, bits, demand)


def _sparse(values: Array, bits: Array, demand: Demand) -> Array:
    """Keep at most `nonzero` elements, one at random of each run of neighbours."""
    if demand.nonzero is None or len(values) <= demand.nonzero:
        return values
    run = -(-len(values) // demand.nonzero)
    starts = np.arange(0, len(values), run)
    kept = np.minimum(starts + (bits[starts] >> np.uint64(32)).astype(np.int64) % run, len(values) - 1)
    out = np.zeros_like(values)
    out[kept] = values[kept]
    return out


def _normal(bits: Array, _fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Add four uniform numbers of 16 bits, and 35 bits below the last: mean 0, standard deviation 1.15."""
    total = sum((bits >> np.uint64(16 * part)) & MASK for part in range(4))
    below = (bits * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(29)
    return (np.asarray(total).astype(np.float64) + below.astype(np.float64) * 2.0**-35 - 2.0**17) * 2.0**-15


def _positive(bits: Array, _fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Draw multiples of 2^-53 in [0, 1)."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _wide(bits: Array, fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Draw sign, exponent and significand apart: the lowest bit, the next eleven, the others."""
    low, high = EXPONENTS[fmt.name]
    exponents = ((bits >> np.uint64(1)) & np.uint64(0x7FF)) % np.uint64(high - low + 1)
    signs = 1.0 - 2.0 * (bits & np.uint64(1)).astype(np.float64)
    significands = 1.0 + (bits >> np.uint64(12)).astype(np.float64) * 2.0**-52
    return np.ldexp(signs * significands, exponents.astype(np.int64) + low)


def _ill_conditioned(bits: Array, fmt: Format, demand: Demand, shape: tuple[int, ...]) -> Array:
    """
    Draw magnitudes in [1, 1 + 2^(-p/2)); the first factor's signs alternate along each axis but the batch.

    Over a window with an even number of taps along any axis the ones cancel, and only the small parts are left.
    """
    near = 1.0 + (bits >> np.uint64(11)).astype(np.float64) * 2.0 ** (-53 - fmt.precision // 2)
    if demand.second:
        return near
    signs = np.ones(shape)
    for axis in range(min(1, len(shape)), len(shape)):
        alternating = 1.0 - 2.0 * (np.arange(shape[axis]) % 2)
        signs *= alternating.reshape(-1, *(1,) * (len(shape) - axis - 1))
    return near * signs.ravel()


def _ties(bits: Array, _fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Draw one of five values, two of them zeros."""
    return FEW[(bits % np.uint64(len(FEW))).astype(np.int64)]


def _small(values: Array, bits: Array, fmt: Format) -> Array:
    """
    Scale numbers about 1 down: subnormal ones with any number of leading zeros, and the least normal ones.

    Three in four are zero: in a sum of many, what is done to one of them is lost.
    """
    places = (bits >> np.uint64(8)) % np.uint64(fmt.precision + 1)
    small = np.ldexp(values, fmt.emin - places.astype(np.int64))
    return np.where((bits >> np.uint64(40)) % np.uint64(4) > 0, 0.0, small)


def _sprinkled(values: Array, bits: Array, fmt: Format, demand: Demand, seed: int) -> Array:
    """
    Replace about four elements by special numbers; a sixteenth, or a third, in some arrays and in small ones.

    One array in six is mostly NaN, where that leaves something to be seen.
    """
    tiny, least = fmt.smallest_subnormal, fmt.smallest_normal
    normal = (0.0, -0.0, least, -least, fmt.largest, -fmt.largest)
    # Infinity times a subnormal number, which may count as zero, may be NaN: a third of the cases have none.
    subnormal = () if seed % 3 == 1 else (tiny, -tiny, least - tiny)
    other = () if demand.one_nan_hides_all and seed % 4 else (np.nan, np.inf, -np.inf, np.nan)
    table = np.array([*normal, *subnormal, *other])
    apart = 16 if seed % 2 == 0 and not demand.one_nan_hides_all else len(bits) // 4
    if seed % 6 == 1 and not demand.one_nan_hides_all:  # windows of NaN alone
        return np.where(bits % np.uint64(4) > 0, np.nan, values)
    hit = bits % np.uint64(max(3, min(apart, len(bits) // 4))) == 0
    return np.where(hit, table[((bits >> np.uint64(32)) % np.uint64(len(table))).astype(np.int64)], values)


def _integer_lattice(bits: Array, dtype: np.dtype[Any], demand: Demand) -> Array:
    """Draw whole numbers up to `largest`, negative ones too where the dtype has them."""
    largest = min(demand.largest, np.iinfo(dtype).max)
    low = 0 if dtype.kind == "u" else -largest
    return ((bits % np.uint64(largest - low + 1)).astype(np.int64) + low).astype(dtype)


def _integer_wide(bits: Array, dtype: np.dtype[Any], _demand: Demand) -> Array:
    """Draw every bit at random."""
    width = np.dtype(f"u{dtype.itemsize}")
    return (bits >> np.uint64(64 - 8 * dtype.itemsize)).astype(width).view(dtype)


def _integer_ties(bits: Array, dtype: np.dtype[Any], _demand: Demand) -> Array:
    """Draw 0, 1 or 2."""
    return (bits % np.uint64(3)).astype(dtype)


def _integer_extremes(bits: Array, dtype: np.dtype[Any], _demand: Demand) -> Array:
    """Draw the ends of the range and what is next to them, and to zero."""
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    table = np.array(sorted({low, low + 1, 0, 1, high - 1, high, *([-1] if low else [])}), dtype)
    return np.asarray(table[(bits % np.uint64(len(table))).astype(np.int64)])


def _ones(bits: Array, _fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Return ones."""
    return np.ones(len(bits))


def _counting(bits: Array, _fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Count the elements from 1."""
    return np.arange(1.0, len(bits) + 1)


def _single_special(bits: Array, fmt: Format, _demand: Demand, _shape: tuple[int, ...]) -> Array:
    """Replace one of the ones, or none, by a special number, at random."""
    values = np.ones(len(bits))
    table = (np.nan, np.inf, -np.inf, fmt.largest, fmt.smallest_subnormal)
    if len(bits) and bits[0] % np.uint64(2):
        values[int(bits[0] >> np.uint64(32)) % len(bits)] = table[int(bits[0] >> np.uint64(1)) % len(table)]
    return values


FLOATS: Mapping[str, Callable[[Array, Format, Demand, tuple[int, ...]], Array]] = {
    "lattice": _lattice,
    "normal": _normal,
    "positive": _positive,
    "wide": _wide,
    "ill-conditioned": _ill_conditioned,
    "special": _normal,
    "ties": _ties,
    "ones": _ones,
    "counting": _counting,
    "single special": _single_special,
}
INTEGERS: Mapping[str, Callable[[Array, np.dtype[Any], Demand], Array]] = {
    "lattice": _integer_lattice,
    "wide": _integer_wide,
    "ties": _integer_ties,
    "extremes": _integer_extremes,
    "ones": lambda bits, dtype, _: np.ones(len(bits), dtype),
    "counting": lambda bits, dtype, _: (np.arange(1, len(bits) + 1) % np.iinfo(dtype).max).astype(dtype),
}
