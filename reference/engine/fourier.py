"""
The error bound of a convolution by fast Fourier transforms: one for the whole tensor, as each result meets all of it.

A transform of N points errs by at most t eta in the 2-norm, t = log2 N, eta about 7 u. The operands' two transforms
leave an error of 2 t eta |left| |right| on every element; the one back leaves t eta of the result's norm, which is at
most |left| times the sum of the magnitudes in right, or the other way round, and no less than |left| |right|. Products
and sums of spectra add n u. What an operation loses to underflow is in no proportion to its result; it is u times the
smallest number that loses no more than that, as which every number counts that is smaller.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002, theorem 24.2 and section 24.2.
"""

import numpy as np

from reference.engine.conv2d import FilterGradient, Forward
from reference.engine.conv2d_transpose import Backward
from reference.engine.patches import length
from reference.floats import Array

__all__ = ["CONVOLUTIONS", "transformed"]

CONVOLUTIONS = (Forward, Backward, FilterGradient)


def transformed(call: Forward | Backward | FilterGradient, least: float = 0.0) -> float:
    """Return the bound of every output element in units of u; least: the number that smaller ones count as."""
    left, right = (np.abs(side) for side in call.finite)
    if not left.any() or not right.any():
        return 0.0  # where the other one's norm overflows, too
    left, right = np.maximum(left, least), np.maximum(right, least)
    norms = [_norm(side) for side in (left, right)]
    reached = min(norms[0] * float(right.sum()), float(left.sum()) * norms[1])
    axes = (call.geometry.rows, call.geometry.columns)
    steps = sum((length(axis) + axis.reach).bit_length() for axis in axes)  # sides are rounded up to powers of two
    terms = float(call.count().max(initial=0.0))
    return (terms + 21 * steps + 4) * (reached + (terms + 1) * least)


def _norm(side: Array) -> float:
    """Return the 2-norm; no square of a number underflows that matters."""
    largest = float(side.max())
    return largest * float(np.sqrt(np.square(side / largest).sum()))
