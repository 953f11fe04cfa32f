"""Compute a sum by a known tree, in a known arithmetic, and so predict the bits of whoever adds in this order."""

from dataclasses import dataclass

import numpy as np

from conformance.model import Array
from conformance.order.trees import Tree
from reference.engine.exact import two_product, two_sum
from reference.floats import FORMATS, Format, format_of, round_to, to_odd

__all__ = ["Order", "ended", "replay"]

BY_BITS = {fmt.precision: fmt for fmt in FORMATS.values()}
EXACT = 26  # significant bits of factors whose product float64 holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a sum of products is computed, as far as its bits depend on it."""

    tree: Tree
    bits: tuple[int, ...]  # significant bits of each addition's result, in the order of tree.steps
    fused: tuple[bool, ...]  # for each term whether its product is added unrounded, where it has more bits than the sum
    exact: bool = False  # additions of several terms: exact and rounded once; else aligned to the largest term
    reciprocal: bool = False  # whether a mean is the sum times the rounded reciprocal of its terms, else a quotient

    @property
    def several(self) -> int:
        """The most nodes that one addition adds."""
        return max(map(len, self.tree.steps), default=1)


@dataclass(frozen=True, slots=True)
class Number:
    """The values of one node, for all sums: high + low, exactly; low is zero but for unrounded products of float64."""

    high: Array
    low: Array | None = None
    unrounded: bool = False  # more bits than an accumulator has


def replay(order: Order, left: Array, right: Array) -> Array | None:
    """
    Return the sums of products that an order of additions gives, as the accumulator holds them: [sums], float64.

    left, right: [sums, n], of the same dtype. None where additions of several terms leave open what they give.
    """
    if order.several > 2:
        return None
    bits = order.bits
    tree, own = order.tree, format_of(left.dtype)
    numbers: dict[int, Number] = {}
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for term, parent in enumerate(tree.parents[: tree.terms]):
            a, b = (side[:, term].astype(np.float64) for side in (left, right))
            numbers[term] = product(a, b, own, None if order.fused[term] else bits[parent] if bits else own.precision)
        for step, (one, other) in enumerate(tree.steps):
            numbers[tree.terms + step] = added(numbers.pop(one), numbers.pop(other), bits[step])
        return numbers[tree.root].high


def ended(order: Order, totals: Array, divisor: Array | float, dtype: np.dtype[np.generic]) -> Array:
    """Divide sums in the accumulator's precision, if that ends them, and round them to a dtype: [sums]."""
    if np.all(divisor == 1):
        return round_to(totals, format_of(dtype))
    bits = max(order.bits, default=format_of(dtype).precision)
    quotients = totals * to_bits(1 / np.asarray(divisor), bits) if order.reciprocal else totals / divisor
    return round_to(to_bits(quotients, bits), format_of(dtype))


def product(left: Array, right: Array, own: Format, rounded: int | None) -> Number:
    """Multiply numbers of a format: rounded to so many significant bits, or (None) not at all."""
    if own.precision <= EXACT:
        exact = left * right
        return Number(exact, unrounded=True) if rounded is None else Number(to_bits(exact, rounded))
    if rounded is None:
        return Number(*two_product(left, right), unrounded=True)
    return Number(left * right)


def added(one: Number, other: Number, bits: int) -> Number:
    """
    Add two numbers and round once, to so many significant bits.

    Source: Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008: rounding to odd first makes two roundings one.
    """
    if one.low is not None or other.low is not None:
        return Number(fma(one, other))
    if bits == 53 and not (one.unrounded or other.unrounded):
        return Number(one.high + other.high)
    if bits <= EXACT and not (one.unrounded or other.unrounded):
        return Number(to_bits(one.high + other.high, bits))
    return Number(to_bits(to_odd(*two_sum(one.high, other.high)), bits))


def fma(one: Number, other: Number) -> Array:
    """Add a float64 number and an unrounded product of two."""
    unrounded, number = (one, other) if one.low is not None else (other, one)
    low = np.zeros(()) if unrounded.low is None else unrounded.low
    upper, lower = two_sum(number.high, low)
    high, rest = two_sum(unrounded.high, upper)
    return np.asarray(high + to_odd(*two_sum(lower, rest)))


def to_bits(values: Array, bits: int) -> Array:
    """Round float64 values to so many significant bits, ties to even; of a known format, with its exponents, too."""
    if bits == 53:
        return values
    if fmt := BY_BITS.get(bits):
        return round_to(values, fmt).astype(np.float64)
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits))
