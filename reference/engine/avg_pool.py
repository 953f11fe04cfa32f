"""avg_pool, its gradient and avg_unpool as sums: of windows, and into windows."""

from fractions import Fraction
from functools import cached_property, partial
from math import lcm, prod

import numpy as np

from reference.engine.exact import Enclosure, Index, SumOfProducts, exponent_of, finite, magnitudes
from reference.engine.patches import overlap, seen
from reference.engine.pools import Pool, chain
from reference.floats import Array, format_of, one_nan, round_to

__all__ = ["Average", "Spread", "Total"]

BLOCK = 2**16  # elements of the image in a block of its own


class Average(SumOfProducts):
    """avg_pool as a sum: left is the image [N, H, W, C], right the number 1; divided by the windows' counts."""

    free_products = True

    def __init__(self, image: Array, geometry: Pool) -> None:
        self.left, self.right, self.geometry = image, np.ones((), image.dtype), geometry
        self.dtype = image.dtype
        self.shape = (len(image), geometry.rows.out, geometry.columns.out, image.shape[3])
        self.terms_per_element = min(geometry.rows.taps, geometry.rows.size) * min(
            geometry.columns.taps, geometry.columns.size
        )
        self.depth = chain(geometry.rows) + chain(geometry.columns)

    def rounded(self, sizes: Array | None = None) -> Array:
        """
        Return the means, rounded once.

        One small element beside large ones is enough for no sum to be known as exact, and ties are many: then blocks of
        windows are rounded one after the other, so that few share its fate.
        """
        if self.dtype == np.float64 or self._exact(float(self.size())):
            return super().rounded(sizes)
        parts = self.geometry.parts(self.left.shape, BLOCK)
        if len(parts) == 1:
            return super().rounded(sizes)
        out = np.empty(self.shape, self.dtype)
        for where, cells, part in parts:
            out[where] = type(self)(self.left[cells], part).rounded()
        return out

    def contract(self, left: Array, right: Array) -> Array:
        """Add the elements of every window, along rows and then along columns."""
        return self.geometry.reduce(partial(np.add, dtype=np.float64), left if right == 1 else left * right, 0.0)

    def absent(self, right: Array) -> Array:
        """Return nothing: padding takes no part in a mean, and 1 is finite."""
        return np.zeros(self.shape) * right

    def count(self) -> Array:
        """Return how many elements each window holds."""
        return self.geometry.counts()[:, :, None]

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the elements of one window."""
        n, y, x, c = index
        cells = self.left[n, seen(self.geometry.rows, y)[1], seen(self.geometry.columns, x)[1], c].ravel()
        return cells, np.ones(cells.shape)

    def size(self) -> Array:
        """Return what a window full of the largest element has."""
        _, largest = self.magnitudes[0] if self.all_finite else magnitudes(self.finite[0])
        return np.array(largest * self.terms_per_element)

    @cached_property
    def magnitudes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Those of the image, and of 1."""
        return magnitudes(self.left), (1.0, 1.0)

    @cached_property
    def shares(self) -> Array:
        """How many elements each window holds, at least 1: [OH, OW, 1], or one number for all of them."""
        axes = (self.geometry.rows, self.geometry.columns)
        if all(axis.full for axis in axes):
            return np.array(float(prod(axis.taps for axis in axes)))
        return np.maximum(self.count(), 1)

    def divisor(self) -> Array:
        """Return how many elements each window holds."""
        return self.shares


class Total(Average):
    """The sum of every window, which the gradient of avg_unpool is: avg_pool divided by 1."""

    @cached_property
    def shares(self) -> Array:
        """1, whatever a window holds."""
        return np.ones(())


class Spread(SumOfProducts):
    """
    Values added into every element of their window, each over the window's share: left [N, OH, OW, C].

    shares: [OH, OW], each value counts 1 / share, or None, each counts 1; right holds one / share, where one is a
    common multiple of all shares, by which the sums are divided in the end.
    """

    free_products = True

    def __init__(self, values: Array, shape: tuple[int, ...], geometry: Pool, shares: Array | None) -> None:
        self.left, self.shape, self.geometry, self.dtype = values, shape, geometry, values.dtype
        windows = values.shape[1:3] if len(values) * values.shape[3] else (0, 0)  # of nothing: the result is empty
        self.shares = (np.ones(windows) if shares is None else shares).astype(np.int64)
        different, which = np.unique(self.shares, return_inverse=True)
        self.one = _common_multiple(different)
        exact = [Fraction(self.one, int(share)) for share in different]
        nearest = np.array([float(value) for value in exact])
        rests = np.array([float(value - Fraction(float(near))) for value, near in zip(exact, nearest, strict=True)])
        self.right, self.rest = (each[which].reshape(self.shares.shape) for each in (nearest, rests))
        self.terms_per_element = overlap(geometry.rows) * overlap(geometry.columns)
        self.depth = chain(geometry.rows) + chain(geometry.columns) + 2  # the product and the rounded share

    def rounded(self, sizes: Array | None = None) -> Array:
        """Return the sums rounded once; where no cell lies in two windows, they are quotients, which float64 rounds."""
        if self.terms_per_element > 1 or int(self.shares.max(initial=1)) >= 2**28 or 0 in self.shape:
            return super().rounded(sizes)
        fmt = format_of(self.dtype)
        # A quotient of 24 bits by 28 is a tie, or further from one than float64 rounds it.
        values = self.left.astype(np.float64) + 0.0  # the exact number 0 is +0
        bits = one_nan(round_to(values / self.shares[:, :, None], fmt)).view(f"u{self.dtype.itemsize}")
        return self.geometry.reduce_back(np.bitwise_or, bits, 0).view(self.dtype)

    def contract(self, left: Array, right: Array) -> Array:
        """Add every weighted value to the cells of its window, along columns and then along rows."""
        return self.geometry.reduce_back(np.add, left * right[:, :, None], 0.0)

    def absent(self, right: Array) -> Array:
        """Return nothing: the shares are finite."""
        return np.asarray(np.zeros(self.shape) * right.sum())

    def count(self) -> Array:
        """Return how many windows hold each cell."""
        rows, columns = self.geometry.rows.covered(), self.geometry.columns.covered()
        return np.outer(rows, columns)[:, :, None] * 1.0

    @cached_property
    def over(self) -> list[tuple[Array, Array]]:
        """Of every row and of every column, the first window that holds it, and the one after the last."""
        return [axis.windows_over()[:2] for axis in (self.geometry.rows, self.geometry.columns)]

    def _held(self, index: Index) -> tuple[Array, tuple[slice, slice]]:
        """Return the values whose windows hold one cell, and which windows these are."""
        n, y, x, c = index
        high, wide = (slice(first[at], stop[at]) for (first, stop), at in zip(self.over, (y, x), strict=True))
        return self.left[n, high, wide, c].ravel(), (high, wide)

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the values whose windows hold one cell, and the shares they give."""
        values, windows = self._held(index)
        return values, self.right[windows].ravel()

    def exact(self, index: Index) -> Fraction:
        """Add values over shares as fractions, where the shares are rounded."""
        if not self.rest.any():
            return super().exact(index)
        values, windows = self._held(index)
        pairs = zip(finite(values).tolist(), self.shares[windows].ravel().tolist(), strict=True)
        return sum((Fraction(value) / share for value, share in pairs), Fraction(0))

    def size(self) -> Array:
        """S itself, as float64 adds it."""
        return self.contract(np.abs(self.operands[0]), np.abs(self.right)) * (1 + 2.0**-40)

    def divisor(self) -> Array:
        """Return the common multiple of all shares."""
        return np.array(float(self.one))

    def _sliced(self, left: Array, right: Array, most: int) -> Enclosure:
        """Add what the rounded shares miss."""
        sums = super()._sliced(left, right, most)
        if not self.rest.any():
            return sums
        exponent = exponent_of(left)
        scaled, rights = np.ldexp(left, -exponent), exponent - sums.exponent
        missing = np.ldexp(self.contract(scaled, self.rest), rights)
        error = sums.error + np.ldexp(self.contract(np.abs(scaled), self.right), rights - 100)
        return Enclosure(sums.high, sums.low + missing, error, sums.exponent)


def _common_multiple(shares: Array) -> int:
    """
    Return the least common multiple, if it is below 2^28, else 2^200.

    Below 2^28 its products with values of 24 bits, and with ties between them, are exact. 2^200 is none: the shares of
    it are rounded, and what is missing is kept.
    """
    one = 1
    for share in shares.tolist():
        one = lcm(one, share)
        if one >= 2**28:
            return 2**200
    return one
