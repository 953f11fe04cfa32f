"""
Correct arithmetic, emulated: sums of products as other computers make them, each of a kind that `bounds` has.

Every function takes a call as a sum of products (reference.exact) and gives the result in the call's dtype and shape.
float32 is NumPy's own; what NumPy lacks is made exact in float64 and rounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from reference.engine.conv2d import Forward
from reference.engine.exact import SumOfProducts, two_sum
from reference.engine.patches import pad
from reference.engine.winograd import MATRICES
from reference.floats import FORMATS, Format, format_of, round_to, to_odd

__all__ = ["EMULATIONS", "Emulation", "Products", "fft", "gathered", "summed", "winograd"]

Array = np.ndarray[Any, np.dtype[Any]]
TF32 = replace(FORMATS["float32"], precision=11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """The factors of every output element's products, completed with zeros, which add nothing."""

    left: Array  # [elements, n], in the dtype of the call
    right: Array  # likewise
    divisor: Array | None  # [elements], float64


def gathered(call: SumOfProducts) -> Products:
    """Return the factors of every output element."""
    pairs = [call.terms(index) for index in np.ndindex(call.shape)]
    longest = max((len(left) for left, _ in pairs), default=0)
    left, right = (np.zeros((len(pairs), longest), call.dtype) for _ in range(2))
    for row, (a, b) in enumerate(pairs):
        left[row, : len(a)], right[row, : len(b)] = a, b
    divisor = call.divisor()
    return Products(
        left=left, right=right, divisor=None if divisor is None else np.broadcast_to(divisor, call.shape).reshape(-1)
    )


def one_by_one(terms: Array) -> Array:
    """Add from the first to the last."""
    total = np.zeros(len(terms), terms.dtype)
    for k in range(terms.shape[1]):
        total = total + terms[:, k]
    return total


def backwards(terms: Array) -> Array:
    """Add from the last to the first."""
    return one_by_one(terms[:, ::-1])


def shuffled(terms: Array) -> Array:
    """Add in an order drawn at random."""
    return one_by_one(terms[:, np.random.default_rng(7).permutation(terms.shape[1])])


def in_pairs(terms: Array) -> Array:
    """Add neighbours, then neighbouring sums, and so on."""
    while terms.shape[1] > 1:
        even = terms[:, : terms.shape[1] // 2 * 2]
        rest = terms[:, even.shape[1] :]
        terms = np.concatenate([even[:, ::2] + even[:, 1::2], rest], axis=1)
    return one_by_one(terms)


def in_blocks(terms: Array) -> Array:
    """Add eight interleaved sums, as vector units do, and then those."""
    lanes = np.stack([one_by_one(terms[:, lane::8]) for lane in range(8)], axis=1)
    return one_by_one(lanes)


ORDERS: Mapping[str, Callable[[Array], Array]] = {
    "sequential": one_by_one,
    "reversed": backwards,
    "random": shuffled,
    "pairwise": in_pairs,
    "blocked": in_blocks,
}


def narrowed(values: Array, fmt: Format, *, truncates: bool = False) -> Array:
    """Round float32 to the precision of a format with float32's exponents, to nearest with ties to even or to zero."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    dropped = np.uint32(24 - fmt.precision)
    if not truncates:
        odd = (bits >> dropped) & np.uint32(1)
        bits = np.where(
            np.isfinite(values), bits + (np.uint32(1) << (dropped - np.uint32(1))) - np.uint32(1) + odd, bits
        )
    kept = (bits >> dropped) << dropped
    return np.where(np.isnan(values), np.float32(np.nan), kept.view(np.float32))


def flushed(values: Array, fmt: Format) -> Array:
    """Return zero for subnormal numbers of a format."""
    return np.where(np.abs(values.astype(np.float64)) < fmt.smallest_normal, np.zeros((), values.dtype), values)


def summed(call: SumOfProducts, order: Callable[[Array], Array], accumulator: np.dtype[Any] | None = None) -> Array:
    """Multiply, add in an order, divide and round to the call's dtype; accumulator: None is float32 or 64."""
    given = gathered(call)
    wide = accumulator or np.dtype(np.float64 if call.dtype == np.float64 else np.float32)
    return finished(call, order(given.left.astype(wide) * given.right.astype(wide)), given.divisor)


def finished(call: SumOfProducts, sums: Array, divisor: Array | None) -> Array:
    """Divide sums in their own format, and round them to the call's dtype."""
    wide = sums if divisor is None else (sums / divisor.astype(sums.dtype)).astype(sums.dtype)
    return round_to(wide.astype(np.float64), format_of(call.dtype)).reshape(call.shape)


def fused(call: SumOfProducts) -> Array:
    """Add each product to the float32 sum with one rounding, as FMA does."""
    given = gathered(call)
    left, right = given.left.astype(np.float64), given.right.astype(np.float64)
    total = np.zeros(len(left))
    for k in range(left.shape[1]):
        # The product is exact. Rounding the sum to odd first makes the second rounding that of the exact sum.
        total = to_odd(*two_sum(total, left[:, k] * right[:, k])).astype(np.float32).astype(np.float64)
    return finished(call, total.astype(np.float32), given.divisor)


def with_operands(call: SumOfProducts, change: Callable[[Array], Array]) -> Array:
    """Change both operands, then multiply and add in float32."""
    given = gathered(call)
    return finished(call, one_by_one(change(given.left) * change(given.right)), given.divisor)


def split_in_two(call: SumOfProducts) -> Array:
    """Take each operand as the sum of two bfloat16, and leave out the product of the lesser parts (bf16x3)."""
    given = gathered(call)
    bf16 = FORMATS["bfloat16"]
    (a, c), (b, d) = (
        (high, narrowed(x - high, bf16)) for x in (given.left, given.right) for high in [narrowed(x, bf16)]
    )
    return finished(call, one_by_one(np.concatenate([c * b, a * d, a * b], axis=1)), given.divisor)


def flushing(call: SumOfProducts) -> Array:
    """Count subnormal operands, products, sums and results as zero."""
    given, fmt = gathered(call), format_of(call.dtype)
    wide = FORMATS["float32"]
    left, right = (flushed(side, fmt).astype(np.float32) for side in (given.left, given.right))
    total = np.zeros(len(left), np.float32)
    for k in range(left.shape[1]):
        total = flushed(total + flushed(left[:, k] * right[:, k], wide), wide)
    return flushed(finished(call, total, given.divisor), fmt)


def winograd(call: Forward, m: int) -> Array:
    """Convolve by Winograd's F(m, 3) in float32, every transform, product and sum rounded."""
    at, g, bt = (matrix.astype(np.float32) for matrix in MATRICES[m])
    geometry, tile = call.geometry, m + 2
    high, wide = (-(-axis.out // m) for axis in (geometry.rows, geometry.columns))
    padded = pad(call.left.astype(np.float32), geometry.rows, geometry.columns)
    after = [(0, max(count * m + 2 - side, 0)) for count, side in zip((high, wide), padded.shape[1:3], strict=True)]
    padded = np.pad(padded, [(0, 0), *after, (0, 0)])
    filters = np.moveaxis(call.right.astype(np.float32), (0, 1), (2, 3))  # FI O FH FW
    kernels = g @ filters @ g.T
    depth, per_group = filters.shape[0], filters.shape[1] // geometry.groups
    out = np.zeros((len(padded), high * m, wide * m, filters.shape[1]), np.float32)
    for y, x, o in np.ndindex(high, wide, filters.shape[1]):
        total = np.zeros((len(padded), tile, tile), np.float32)
        for i in range(depth):
            cells = padded[:, y * m : y * m + tile, x * m : x * m + tile, o // per_group * depth + i]
            total = total + kernels[i, o] * (bt @ cells @ bt.T)
        out[:, y * m : y * m + m, x * m : x * m + m, o] = at @ total @ at.T
    out = out[:, : call.shape[1], : call.shape[2]]
    return round_to(out.astype(np.float64), format_of(call.dtype))


def fft(call: Forward) -> Array:
    """Convolve by fast Fourier transforms of the whole padded image, in complex64."""
    geometry = call.geometry
    padded = pad(call.left.astype(np.float32), geometry.rows, geometry.columns)
    spread = np.zeros((geometry.rows.reach, geometry.columns.reach, *call.right.shape[2:]), np.float32)
    spread[:: geometry.rows.dilation, :: geometry.columns.dilation] = call.right
    sides = [padded.shape[axis] + spread.shape[axis - 1] - 1 for axis in (1, 2)]
    images = np.fft.rfft2(padded, sides, axes=(1, 2)).astype(np.complex64)
    filters = np.fft.rfft2(spread[::-1, ::-1], sides, axes=(0, 1)).astype(np.complex64)
    depth, per_group = filters.shape[2], filters.shape[3] // geometry.groups
    out = np.empty((*call.shape,), np.float32)
    for o in range(filters.shape[3]):
        first = o // per_group * depth
        spectrum = np.zeros(images.shape[:3], np.complex64)
        for i in range(depth):
            spectrum = spectrum + images[..., first + i] * filters[..., i, o]
        full = np.fft.irfft2(spectrum, sides, axes=(1, 2)).astype(np.float32)
        rows, columns = (slice(axis.reach - 1, None, axis.stride) for axis in (geometry.rows, geometry.columns))
        out[..., o] = full[:, rows, columns][:, : call.shape[1], : call.shape[2]]
    return round_to(out.astype(np.float64), format_of(call.dtype))


@dataclass(frozen=True, slots=True)
class Emulation:
    """One way to compute, and what it declares."""

    compute: Callable[[Any], Array]
    declared: str  # a name of bounds.ARITHMETICS
    dtypes: tuple[str, ...] = ("float32",)


SIXTEEN = ("float16", "bfloat16")
EMULATIONS: Mapping[str, Emulation] = {
    **{
        name: Emulation(partial(summed, order=order), "float32", ("float32", "float64", *SIXTEEN))
        for name, order in ORDERS.items()
    },
    "fma": Emulation(fused, "float32", ("float32", *SIXTEEN)),
    "gradual": Emulation(partial(summed, order=one_by_one), "float32-gradual", ("float32", "float64", *SIXTEEN)),
    "flushing": Emulation(flushing, "float32", ("float32", *SIXTEEN)),
    "storage": Emulation(lambda call: summed(call, one_by_one, call.dtype), "storage", ("float32", *SIXTEEN)),
    "float64": Emulation(partial(summed, order=one_by_one, accumulator=np.dtype(np.float64)), "float64"),
    "tf32 rounded": Emulation(partial(with_operands, change=partial(narrowed, fmt=TF32)), "tf32-rounded"),
    "tf32 truncated": Emulation(partial(with_operands, change=partial(narrowed, fmt=TF32, truncates=True)), "tf32"),
    "bfloat16": Emulation(partial(with_operands, change=partial(narrowed, fmt=FORMATS["bfloat16"])), "bfloat16"),
    "bf16x3": Emulation(split_in_two, "bf16x3"),
    "winograd-2": Emulation(partial(winograd, m=2), "winograd-2", ("float32", *SIXTEEN)),
    "winograd-4": Emulation(partial(winograd, m=4), "winograd-4", ("float32", *SIXTEEN)),
    "fft": Emulation(fft, "fft", ("float32", *SIXTEEN)),
}
