"""
How wide each addition of a known tree is, and whether it takes products unrounded.

Width: 2^q at one term, 1 at another, -2^q at a third. The first two meet in the addition that is asked about, the third
comes in the next one. The 1 is left if 2^q + 1 was kept: of p significant bits, for q < p.

Products: (1 + 2^-a)^2 has a last bit 2^-2a that p bits do not hold. Beside a number so large that 1 + 2^(1-a) is
halfway between two numbers, that bit decides which way the sum is rounded: if it is still there.

The last addition is followed by none that would take the large number away again; it counts as wide as those that lead
to it, and its result is rounded to the dtype of the output.
"""

from collections.abc import Sequence

import numpy as np

from conformance.model import Array
from conformance.order.summation import SCALES, Summation, UnrevealedError, totals
from conformance.order.trees import Tree
from reference.floats import format_of

__all__ = ["fused", "widths"]


def trios(tree: Tree, steps: Sequence[int]) -> Array:
    """Return three terms for each addition but the last: two that meet in it, one that comes next: [steps, 3]."""
    found = []
    for step in steps:
        node = tree.terms + step
        one, other = tree.steps[step][:2]
        found.append([tree.firsts[one], tree.firsts[other], aside(tree, node)])
    return np.array(found, np.int64).reshape(-1, 3)


def placed(box: Summation, trio: Array, numbers: Array) -> Array:
    """Return left factors of zero but for three terms a sum: [sums, n]. trio, numbers: [sums, 3]."""
    left = np.zeros((len(trio), box.terms))
    np.put_along_axis(left, trio, numbers, axis=1)
    return left.astype(box.dtype)


def kept(box: Summation, trio: Array, exponents: Array) -> Array:
    """Return whether 2^q + 1 is kept where the first two of three terms meet: [sums]. exponents: [sums]."""
    one = SCALES[box.dtype.name].one
    large = np.ldexp(one, exponents)
    left = placed(box, trio, np.stack([large, np.full_like(large, one), -large], axis=1))
    results = totals(box, box.sums(left, np.ones(box.terms, box.dtype)))
    if not (np.isfinite(results) & (results >= 0)).all():
        raise UnrevealedError("a number that is added and taken away again leaves something else")
    return results >= one / 2


def widths(box: Summation, tree: Tree) -> tuple[int, ...]:
    """
    Return how many significant bits each addition keeps.

    Raises:
        UnrevealedError: more than masks of the box's dtype can show.
    """
    if len(tree.steps) < 2:
        return (format_of(box.dtype).precision,) * len(tree.steps)
    inner = range(len(tree.steps) - 1)
    likely = scanned(box, tree, [0])[0]
    trio = trios(tree, inner)
    below, above = (kept(box, trio, np.full(len(trio), likely + more)) for more in (-1, 0))
    others = [step for step in inner if above[step] or not below[step]]
    found = dict.fromkeys(inner, likely) | dict(zip(others, scanned(box, tree, others), strict=True))
    last = max(found[child - tree.terms] for child in tree.steps[-1] if child >= tree.terms)
    return (*found.values(), last)


def scanned(box: Summation, tree: Tree, steps: Sequence[int]) -> list[int]:
    """Return how many bits these additions keep, by trying every number of bits."""
    if not steps:
        return []
    limit = SCALES[box.dtype.name].scan
    trio = np.repeat(trios(tree, steps), limit, axis=0)
    exponents = np.tile(np.arange(1, limit + 1), len(steps))
    left = kept(box, trio, exponents).reshape(len(steps), limit)
    if left.all(axis=1).any():
        raise UnrevealedError(
            f"the accumulator keeps more than {limit} bits: no mask of {box.dtype.name} shows its tree"
        )
    return [int(count) + 1 for count in np.argmin(left, axis=1)]


def fused(box: Summation, tree: Tree, bits: Sequence[int]) -> tuple[bool, ...]:
    """Return for each term whether its product goes into its addition unrounded; False where none would be rounded."""
    flags = np.zeros(tree.terms, bool)
    own = format_of(box.dtype).precision
    for width in {width for width in bits if box.multiplies and width <= 2 * own - 4}:
        terms = [term for term in range(tree.terms) if bits[tree.parents[term]] == width]
        flags[terms] = unrounded(box, tree, terms, width)
    return tuple(map(bool, flags))


def unrounded(box: Summation, tree: Tree, terms: Sequence[int], width: int) -> Array:
    """Return which products go unrounded into additions of this many significant bits: [terms]."""
    a = width // 2 + 1
    factor, large = 1 + 2.0**-a, 2.0 ** (width + 1 - a)
    left = np.zeros((len(terms), box.terms))
    for row, term in enumerate(terms):
        left[row, term] = factor
        node = tree.terms + tree.parents[term]
        left[row, aside(tree, term)] = large
        if node != tree.root:
            left[row, aside(tree, node)] = -large
    right = np.full(box.terms, factor, box.dtype)
    sums = totals(box, box.sums(left.astype(box.dtype), right))
    away = [large * factor if tree.terms + tree.parents[term] == tree.root else 0.0 for term in terms]
    return np.asarray(sums - away > 1 + 2.0 ** (1 - a))


def aside(tree: Tree, node: int) -> int:
    """Return a term that comes to a node's addition from another side."""
    return tree.firsts[next(child for child in tree.steps[tree.parents[node]] if child != node)]
