"""
Sums of products as processors and libraries compute them: in a format, in an order, from operands rounded or split.

float32 is NumPy's own; what NumPy lacks is computed exactly in float64 and rounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from reference.engine.exact import SumOfProducts, two_sum
from reference.floats import FORMATS, Array, round_to, to_odd

__all__ = [
    "BFLOAT16",
    "WIDE",
    "Arithmetic",
    "blocked",
    "cut",
    "flushed",
    "flushing",
    "fused",
    "ordered",
    "pairwise",
    "permuted",
    "reversed_",
    "round_and_flush",
    "round_once",
    "rounded",
    "subnormal",
    "summed",
    "two_parts",
]

Product: TypeAlias = Callable[[Array, Array], Array]  # of matrices: [G, M, K], [G, K, N] -> [G, M, N]
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
BLOCK = 2**14  # products that are held at once

# In what sums are kept, by the dtype of the operands.
WIDE: Mapping[str, Any] = {
    "float16": np.float32,
    "bfloat16": np.float32,
    "float32": np.float32,
    "float64": np.float64,
}

# Single numbers.


def cut(values: Array, bits: int) -> Array:
    """Set the last bits of float32 to zero; other dtypes stay."""
    if values.dtype != np.float32:
        return values
    return (np.ascontiguousarray(values).view(np.uint32) & np.uint32(2**32 - 2**bits)).view(np.float32)


def rounded(values: Array, bits: int) -> Array:
    """Round float32 to so many bits fewer, ties to even; other dtypes stay."""
    if values.dtype != np.float32:
        return values
    whole = np.ascontiguousarray(values).view(np.uint32)
    odd = (whole >> np.uint32(bits)) & np.uint32(1)
    near = (whole + np.uint32(2 ** (bits - 1) - 1) + odd) & np.uint32(2**32 - 2**bits)
    return np.where(np.isfinite(values), near.view(np.float32), values)


def two_parts(values: Array) -> tuple[Array, ...]:
    """Split float32 into two bfloat16, the larger part first; other dtypes stay."""
    if values.dtype != np.float32:
        return (values,)
    first = values.astype(BFLOAT16)
    with np.errstate(invalid="ignore"):
        return first, (values - first.astype(np.float32)).astype(BFLOAT16)


def subnormal(values: Array) -> Array:
    """Return which numbers are subnormal in their dtype."""
    least = FORMATS[values.dtype.name].smallest_normal
    return np.asarray((np.abs(values.astype(np.float64)) < least) & (values != 0))


def flushed(values: Array) -> Array:
    """Return zero for subnormal numbers."""
    return np.where(subnormal(values), np.zeros((), values.dtype), values)


# Orders of sums.


def ordered(a: Array, b: Array) -> Array:
    """Add one product after the other: `accumulate` does, unlike `sum`."""
    total = np.zeros((*a.shape[:2], b.shape[2]), a.dtype)
    step = max(BLOCK // max(total.size, 1), 1)
    for k in range(0, a.shape[2], step):
        products = a[:, :, k : k + step, None] * b[:, None, k : k + step]
        products[:, :, 0] += total
        total = np.add.accumulate(products, axis=2)[:, :, -1]
    return total


def reversed_(a: Array, b: Array) -> Array:
    """Add the products from the last to the first."""
    return ordered(a[:, :, ::-1], b[:, ::-1])


def permuted(a: Array, b: Array) -> Array:
    """Add the products in some order."""
    order = np.random.Generator(np.random.PCG64(a.shape[2])).permutation(a.shape[2])
    return ordered(a[:, :, order], b[:, order])


def pairwise(a: Array, b: Array) -> Array:
    """Add neighbours, then neighbouring sums, and so on."""
    parts = a[:, :, :, None] * b[:, None]
    while parts.shape[2] > 1:
        even = parts.shape[2] // 2 * 2
        parts = np.concatenate([parts[:, :, :even:2] + parts[:, :, 1:even:2], parts[:, :, even:]], axis=2)
    return parts[:, :, 0] if parts.shape[2] else np.zeros((*a.shape[:2], b.shape[2]), a.dtype)


def blocked(a: Array, b: Array, lanes: int = 8) -> Array:
    """Add every eighth product in a lane of its own, then the lanes."""
    total = np.zeros((*a.shape[:2], b.shape[2]), a.dtype)
    for lane in range(lanes):
        total += ordered(a[:, :, lane::lanes], b[:, lane::lanes])
    return total


def fused(a: Array, b: Array) -> Array:
    """Add one product after the other, rounded with its sum only; float64, which has no wider type, in order."""
    if a.dtype == np.float64:
        return ordered(a, b)
    total = np.zeros((*a.shape[:2], b.shape[2]))
    for k in range(a.shape[2]):
        product = a[:, :, k, None].astype(np.float64) * b[:, k, None, :].astype(np.float64)  # exact
        # Rounding the sum to odd first makes the second rounding that of the exact sum.
        total = to_odd(*two_sum(total, product)).astype(a.dtype).astype(np.float64)
    return total.astype(a.dtype)


def flushing(a: Array, b: Array) -> Array:
    """Add one product after the other, with subnormal products and sums zero."""
    total = np.zeros((*a.shape[:2], b.shape[2]), a.dtype)
    for k in range(a.shape[2]):
        total = flushed(total + flushed(a[:, :, k, None] * b[:, k, None, :]))
    return total


# Sums of products.


def round_once(sums: Array, dtype: np.dtype[Any]) -> Array:
    """Round sums to the dtype of the result."""
    return round_to(sums.astype(np.float64), FORMATS[dtype.name])


def round_and_flush(sums: Array, dtype: np.dtype[Any]) -> Array:
    """Round sums to the dtype of the result, and return zero for those that are subnormal."""
    return flushed(round_once(sums, dtype))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """How sums of products are computed."""

    product: Product = ordered
    accumulate: Mapping[str, Any] = field(default_factory=dict)  # in what sums are kept, where that is not as WIDE says
    narrow: Callable[[Array], tuple[Array, ...]] = lambda side: (side,)  # what an operand is made of, largest first
    finish: Callable[[Array, np.dtype[Any]], Array] = round_once
    backwards: bool = False  # whether taps, too, are taken from the last

    def wide(self, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 -- a dtype
        """Return the dtype of sums of operands of a dtype."""
        return self.accumulate.get(dtype.name, WIDE[dtype.name])

    def multiply(self, left: Array, right: Array) -> Array:
        """Multiply matrices; the two lesser parts of split operands are not multiplied with one another."""
        wide = self.wide(left.dtype)
        lefts, rights = self.narrow(left), self.narrow(right)
        pairs = [(i, j) for i in range(len(lefts)) for j in range(len(rights)) if i + j < max(len(lefts), 1)]
        total = None
        for i, j in sorted(pairs, key=sum, reverse=True):
            part = self.product(lefts[i].astype(wide), rights[j].astype(wide))
            total = part if total is None else total + part
        return np.asarray(total)

    def taps(self, *sizes: int) -> list[tuple[int, ...]]:
        """Return the taps in order."""
        found = list(np.ndindex(*sizes))
        return found[::-1] if self.backwards else found


def summed(call: SumOfProducts, arithmetic: Arithmetic) -> Array:
    """Compute a sum of products, element by element: -> the result in the call's dtype and shape."""
    pairs = [call.terms(index) for index in np.ndindex(call.shape)]
    longest = max((len(left) for left, _ in pairs), default=0)
    left, right = (np.zeros((len(pairs), longest), call.dtype) for _ in range(2))  # completed with products of zero
    for row, (a, b) in enumerate(pairs):
        left[row, : len(a)], right[row, : len(b)] = a, b
    total, divisor = arithmetic.multiply(left[:, None], right[:, :, None]).reshape(call.shape), call.divisor()
    quotient = total if divisor is None else (total / divisor.astype(total.dtype)).astype(total.dtype)
    return arithmetic.finish(quotient, call.dtype)
