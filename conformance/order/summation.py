"""A black box that sums products, and the masks that it is asked about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from conformance.errors import SuiteError
from conformance.model import Array

__all__ = ["SCALES", "Scale", "Summation", "UnrevealedError", "masked", "survivors", "totals"]


class UnrevealedError(SuiteError):
    """Nothing can be said of the order of a sum: says why."""


class Summation(Protocol):
    """
    A sum of n products, computed by somebody else: sum over k of left[k] * right[k].

    Which element of which result it is, and where the factors go, is the box's own matter.
    """

    @property
    def terms(self) -> int:
        """The number of products, n."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The dtype of factors and result."""

    @property
    def multiplies(self) -> bool:
        """Whether there are right factors; a mean has none."""

    def sums(self, left: Array, right: Array) -> Array:
        """
        Compute many sums that share their right factors.

        left: [sums, n]; right: [n]; both of the box's dtype. Returns [sums], of the same dtype.

        Raises:
            UnrevealedError: the black box does not answer.
        """

    @property
    def divisor(self) -> float:
        """What ends each sum: a division by this; 1 where nothing does."""


@dataclass(frozen=True, slots=True)
class Scale:
    """
    The numbers that masks are made of. Beside `large`, `ones` times `one` vanishes in an accumulator of 24 bits.

    Counts stay exact: `ones` fits into the significant bits of the dtype and of whatever accumulates.
    """

    large: float
    one: float
    ones: int  # at most, in one mask
    scan: int  # most bits that an accumulator is tried for: one times two to that many is still a number


# 1.5 times a power of two: a one of either sign is less than half the spacing of its neighbours, above and below.
SCALES: Mapping[str, Scale] = {
    "float64": Scale(1.5 * 2.0**500, 1.0, 2**20, 64),
    "float32": Scale(1.5 * 2.0**100, 1.0, 2**20, 64),
    "bfloat16": Scale(1.5 * 2.0**100, 1.0, 64, 64),
    "float16": Scale(1.5 * 2.0**15, 2.0**-14, 32, 29),  # the normal numbers: subnormal ones may count as zero
}


def masked(box: Summation, pairs: Array, ones: Array) -> Array:
    """
    Return left factors: `one` where `ones` says so, `large` and its negative at two terms, zero elsewhere.

    pairs: [masks, 2], terms. ones: [masks, n], bool. Returns [masks, n] in the box's dtype.
    """
    scale = SCALES[box.dtype.name]
    left = np.where(ones, scale.one, 0.0)
    rows = np.arange(len(pairs))
    left[rows, pairs[:, 0]] = scale.large
    left[rows, pairs[:, 1]] = -scale.large
    return left.astype(box.dtype)


def survivors(box: Summation, pairs: Array, ones: Array) -> Array:
    """
    Count the ones that reach the result although two terms hold `large` and its negative: [masks].

    A one is lost that is added to either before they meet. Where a mask has more ones than can be counted exactly, it
    is asked about in parts.

    Raises:
        UnrevealedError: a result is no whole number of ones.
    """
    scale = SCALES[box.dtype.name]
    ranks = np.cumsum(ones, axis=1) - 1
    parts = int(ranks.max(initial=0)) // scale.ones + 1
    asked = [ones & (ranks // scale.ones == part) for part in range(parts)]
    left = masked(box, np.tile(pairs, (parts, 1)), np.concatenate(asked))
    return np.asarray(counted(box, left).reshape(parts, -1).sum(axis=0))


def totals(box: Summation, results: Array) -> Array:
    """Return what sums were before their division: [sums], float64."""
    return results.astype(np.float64) * box.divisor


def counted(box: Summation, left: Array) -> Array:
    """Return sums as numbers of ones: [masks]."""
    results = box.sums(left, np.ones(box.terms, box.dtype))
    if not np.isfinite(results.astype(np.float64)).all():
        raise UnrevealedError("sums overflow")
    counts = totals(box, results) / SCALES[box.dtype.name].one
    whole = np.rint(counts)
    if (np.abs(counts - whole) > 0.25).any() or (whole < 0).any() or (whole > box.terms).any():
        raise UnrevealedError("what is left of a mask is no number of ones: no order of additions leaves that")
    return whole.astype(np.int64)
