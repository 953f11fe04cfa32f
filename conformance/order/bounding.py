"""
How far a sum of known order may lie from the exact one: by the depth of its tree, not by the number of its terms.

docs/order.md has the proof. Each product goes through the additions between it and the root, d of them, and one
rounding of its own where the product is rounded: r is 1, else 0. With u the unit roundoff of each of these additions,

    |computed - exact| <= sum over k of ((1 + u)^(d_k + r_k) - 1) |left_k| |right_k| <= about (depth + 1) u S

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, sections 3.1 and 4.2; the depth of a tree
of additions: Espelid, SIAM Review 37(4), 1995.
"""

import math

import numpy as np

from conformance.model import Array
from conformance.order.replay import Order
from reference.engine.exact import two_product
from reference.floats import FORMATS, format_of

__all__ = ["errors", "outside", "own_bound"]

SLACK = 1 + 2.0**-40  # what computing a bound in float64 may lose


def own_bound(order: Order, left: Array, right: Array) -> Array | None:
    """
    Bound the error of sums of products before their division and their rounding to a narrower dtype: [sums].

    left, right: [sums, n], of one dtype. None where additions align several terms: how many bits they cut is not known.
    """
    if order.several > 2 and not order.exact:
        return None
    size = np.abs(left.astype(np.float64) * right.astype(np.float64))
    # An underflow loses less than a smallest normal number, whether it is gradual or flushes; so may either factor.
    tiny = min((smallest(bits) for bits in order.bits), default=0.0)
    lost = 2 * left.shape[1] * max(tiny, format_of(left.dtype).smallest_normal)
    return np.asarray((size * growth(order, format_of(left.dtype).precision)).sum(axis=1) * SLACK + lost)


def growth(order: Order, own: int) -> Array:
    """Return (1 + u)^(d + r) - 1 for each term: [n]. own: significant bits of the factors."""
    tree = order.tree
    logs = np.zeros(tree.root + 1)
    for step in reversed(range(len(tree.steps))):
        node = tree.terms + step
        logs[list(tree.steps[step])] = logs[node] + math.log1p(2.0 ** -order.bits[step])
    found = logs[: tree.terms].copy()
    for term, parent in enumerate(tree.parents[: tree.terms]):
        bits = order.bits[parent] if parent >= 0 else own
        if not order.fused[term] and bits < 2 * own:
            found[term] += math.log1p(2.0**-bits)
    return np.asarray(np.expm1(found))


def smallest(bits: int) -> float:
    """Return the smallest normal number of the format with so many significant bits; of none, float64's."""
    return next((fmt.smallest_normal for fmt in FORMATS.values() if fmt.precision == bits), 2.0**-1022)


def outside(order: Order, left: Array, right: Array, totals: Array, *, mean: bool) -> Array | None:
    """
    Return which results lie outside the bound of their own order: [sums]; None where it has none.

    totals: results in float64, times the divisor where they are means, which round twice or thrice more.
    """
    bound = own_bound(order, left, right)
    if bound is None:
        return None
    own = format_of(left.dtype)
    later = 3 if mean else int(max(order.bits, default=0) > own.precision)
    return np.asarray(errors(left, right, totals) > bound + later * own.u * (np.abs(totals) + bound) * (1 + own.u) ** 3)


def errors(left: Array, right: Array, totals: Array) -> Array:
    """Return |computed - exact| of sums of products, each rounded once: [sums]. totals: float64, what was computed."""
    high, low = two_product(left.astype(np.float64), right.astype(np.float64))
    terms = np.concatenate([high, low, -totals[:, None]], axis=1)
    return np.array([abs(math.fsum(row)) for row in terms.tolist()])
