"""Sums of products in known orders: black boxes for what reveals the order."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from conformance.order.trees import Tree, tree
from reference.floats import FORMATS, round_ratio

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Emulated:
    """A black box that adds as a function of the products does."""

    terms: int
    dtype: np.dtype[Any]
    add: Callable[[Array, Array], Array]  # left, right: [sums, n] -> [sums]
    multiplies: bool = True

    def sums(self, left: Array, right: Array) -> Array:
        """Compute many sums."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.add(left, np.broadcast_to(right, left.shape)).astype(self.dtype)

    @property
    def divisor(self) -> float:
        """Nothing is divided."""
        return 1.0

    def shuffled(self) -> "Emulated":
        """Return the same with its terms in another order at every call."""
        generator = np.random.Generator(np.random.PCG64(1))

        def add(left: Array, right: Array) -> Array:
            order = generator.permutation(self.terms)
            return self.add(left[:, order], right[:, order])

        return Emulated(self.terms, self.dtype, add)


Add = Callable[[Array], Array]  # products [sums, n] -> [sums]


def of_products(terms: int, add: Add, dtype: DTypeLike = np.float32, accumulator: DTypeLike | None = None) -> Emulated:
    """Return a black box that rounds its products to the accumulator (its own dtype by default) and then adds them."""
    wide = np.dtype(accumulator or dtype)
    return Emulated(terms, np.dtype(dtype), lambda left, right: add(left.astype(wide) * right.astype(wide)))


def forwards(products: Array) -> Array:
    """Add from the first to the last."""
    total = products[:, 0]
    for k in range(1, products.shape[1]):
        total = total + products[:, k]
    return total


def backwards(products: Array) -> Array:
    """Add from the last to the first."""
    return forwards(products[:, ::-1])


def in_lanes(products: Array, lanes: int = 8) -> Array:
    """Add every eighth, then the eight sums."""
    return forwards(np.stack([forwards(products[:, lane::lanes]) for lane in range(lanes)], axis=1))


def in_blocks(products: Array, size: int = 16) -> Array:
    """Add each sixteen neighbours, then their sums."""
    starts = range(0, products.shape[1], size)
    return forwards(np.stack([forwards(products[:, start : start + size]) for start in starts], axis=1))


def pairwise(products: Array) -> Array:
    """Add neighbours, then neighbouring sums."""
    while products.shape[1] > 1:
        even = products.shape[1] // 2 * 2
        products = np.concatenate([products[:, :even:2] + products[:, 1:even:2], products[:, even:]], axis=1)
    return products[:, 0]


def kahan(products: Array) -> Array:
    """Add from the first to the last, and carry on what each addition loses."""
    total, lost = np.zeros_like(products[:, 0]), np.zeros_like(products[:, 0])
    for k in range(products.shape[1]):
        term = products[:, k] - lost
        larger = total + term
        lost = (larger - total) - term
        total = larger
    return total


def with_fma(left: Array, right: Array) -> Array:
    """Add each product of float32 to the running sum with one rounding, in exact fractions."""
    out = np.zeros(len(left), np.float32)
    for row in range(len(left)):
        total = np.float32(0)
        for a, b in zip(left[row].tolist(), right[row].tolist(), strict=True):
            total = nearest_float32(Fraction(float(total)) + Fraction(a) * Fraction(b))
        out[row] = total
    return out


def nearest_float32(number: Fraction) -> np.float32:
    """Round a fraction once to float32."""
    return np.float32(round_ratio(number.numerator, number.denominator, FORMATS["float32"]))


def in_fours(products: Array) -> Array:
    """Add four products and the running sum at a time, each cut at 24 bits below the largest: a matrix unit."""
    total = np.zeros(len(products))
    for start in range(0, products.shape[1], 4):
        terms = np.concatenate([total[:, None], products[:, start : start + 4].astype(np.float64)], axis=1)
        _, exponent = np.frexp(np.abs(terms).max(axis=1))
        unit = np.ldexp(1.0, exponent - 24)[:, None]
        total = (np.trunc(terms / unit) * unit).sum(axis=1).astype(np.float32).astype(np.float64)
    return total


def in_exact_fours(products: Array) -> Array:
    """Add four products and the running sum at a time, exactly, and round once."""
    total = np.zeros(len(products), np.float32)
    for start in range(0, products.shape[1], 4):
        for row in range(len(products)):
            total[row] = math.fsum([float(total[row]), *map(float, products[row, start : start + 4])])
    return total


def at_once(products: Array) -> Array:
    """Add everything exactly and round once."""
    return np.array([math.fsum(map(float, row)) for row in products])


def winograd(left: Array, right: Array) -> Array:
    """Compute the first output of a one-dimensional convolution of three taps by F(2, 3), in n / 3 channels."""
    (d0, d1, d2), (g0, g1, g2) = ([side[:, tap::3] for tap in range(3)] for side in (left, right))
    half = left.dtype.type(0.5)
    first = forwards((d0 - d2) * g0)
    second = forwards((d1 + d2) * ((g0 + g1 + g2) * half))
    third = forwards((d2 - d1) * ((g0 - g1 + g2) * half))
    return first + second + third


def fourier(left: Array, right: Array) -> Array:
    """Correlate by transforms, and take the result in place."""
    spectra = (np.fft.fft(side, axis=1).astype(np.complex64) for side in (left, right))
    one, other = spectra
    return np.real(np.fft.ifft(one * np.conj(other), axis=1))[:, 0].astype(np.float32)


def by_tree(shape: Tree) -> Add:
    """Add as a tree says."""

    def add(products: Array) -> Array:
        nodes = list(products.T)
        for children in shape.steps:
            total = nodes[children[0]]
            for child in children[1:]:
                total = total + nodes[child]
            nodes.append(total)
        return np.asarray(nodes[-1])

    return add


def random_tree(generator: np.random.Generator, terms: int) -> Tree:
    """Return a tree of two-term additions: nodes drawn at random, or, for some trees, mostly the last sums."""
    nodes, steps = list(range(terms)), []
    generator.shuffle(nodes)
    lopsided = generator.random()
    while len(nodes) > 1:
        one = nodes.pop() if generator.random() < lopsided else nodes.pop(int(generator.integers(len(nodes))))
        other = nodes.pop(int(generator.integers(len(nodes))))
        steps.append((one, other))
        nodes.append(terms + len(steps) - 1)
    return tree(terms, steps)
