"""Values added at flat indices, as a sum."""

from functools import cached_property
from math import prod

import numpy as np

from reference.engine.exact import Index, SumOfProducts
from reference.floats import Array, one_nan

__all__ = ["Scatter"]


class Scatter(SumOfProducts):
    """Values added at flat indices: left is the values, right the number 1."""

    free_products = True

    def __init__(self, values: Array, where: Array, shape: tuple[int, ...]) -> None:
        self.left, self.right, self.shape = values, np.ones((), values.dtype), shape
        self.where = where  # of each value, its flat index in the output
        self.dtype = values.dtype
        met = np.zeros(prod(shape), bool)
        met[where.ravel()] = True
        once = int(np.count_nonzero(met)) == where.size
        self.terms_per_element = self.depth = 1 if once else int(np.bincount(where.ravel()).max())

    def contract(self, left: Array, right: Array) -> Array:
        """Add every value at its index."""
        count = prod(self.shape)
        sums = np.bincount(self.where.ravel(), (left * right).ravel(), minlength=count)
        return np.asarray(sums[:count], np.float64).reshape(self.shape)

    def absent(self, right: Array) -> Array:
        """Nothing lies outside."""
        return np.zeros(self.shape) * right

    @cached_property
    def order(self) -> tuple[Array, Array]:
        """The values' numbers in the order of their indices, and the indices in that order."""
        flat = self.where.ravel()
        order = np.argsort(flat, kind="stable")
        return order, flat[order]

    def terms(self, index: Index) -> tuple[Array, Array]:
        """Return the values that go to one cell."""
        order, cells = self.order
        cell = np.ravel_multi_index(index, self.shape)
        values = self.left.ravel()[order[np.searchsorted(cells, cell) : np.searchsorted(cells, cell, "right")]]
        return values, np.ones(values.shape)

    def size(self) -> Array:
        """S itself, as float64 adds it."""
        return self.contract(np.abs(self.finite[0]), np.ones(())) * (1 + 2.0**-40)

    def rounded(self, sizes: Array | None = None) -> Array:
        """Return the sums rounded once; integers of every width wrap in their own arithmetic."""
        out = np.zeros(prod(self.shape), self.dtype)
        if self.terms_per_element == 1:
            out[self.where.ravel()] += self.left.ravel()
        elif self.dtype.kind in "iu":
            np.add.at(out, self.where.ravel(), self.left.ravel())
        else:
            return super().rounded(sizes)
        return one_nan(out.reshape(self.shape))
