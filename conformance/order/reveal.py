"""
Reveal how a black box adds: its tree, the widths of its additions, unrounded products; then hold it to what was found.

Nothing is claimed that was not seen again: fresh masks must leave what the tree predicts, a second time the same bits,
and sums of ordinary numbers must come out as the tree gives them, bit for bit. Algorithms without a tree (Winograd,
FFT, compensated sums) fail one of these.
"""

from dataclasses import dataclass, replace

import numpy as np

from conformance.model import Array
from conformance.order import recovery, widths
from conformance.order.bounding import outside
from conformance.order.replay import Order, ended, replay
from conformance.order.summation import SCALES, Summation, UnrevealedError, counted, masked, survivors, totals
from conformance.order.trees import Tree

__all__ = ["Revealed", "keeps", "ordinary", "predicted_survivors", "reveal"]

LONGEST = 4096  # terms: masks take memory for the square of their number
FRESH = 128  # masks that check a tree, at most
FEW = 24  # of both, to see whether an order is kept
SAMPLES = 64  # sums of ordinary numbers that check an order


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """The order in which a black box adds, and how it was confirmed."""

    order: Order
    masks: int  # that showed the tree
    replayed: bool  # whether sums of ordinary numbers came out as predicted, bit for bit; False: they are not modelled


def reveal(box: Summation, seed: int = 0, samples: int = SAMPLES) -> Revealed:
    """
    Reveal the order of a black box.

    samples: sums of ordinary numbers that check it.

    Raises:
        UnrevealedError: it has none, or none that masks show; says why.
    """
    check_terms(box)
    found = recovery.recover(box, seed)
    tree = found.tree
    generator = np.random.Generator(np.random.Philox([seed, 1]))
    confirm(box, tree, generator, min(FRESH, 4 * box.terms), exact=found.exact)
    bits = order_bits(box, found)
    fused = widths.fused(box, tree, bits) if len(tree.steps) else (False,) * tree.terms
    order, same = replayed(box, Order(tree=tree, bits=bits, fused=fused, exact=found.exact), generator, samples)
    if same is not None and same < samples:
        raise UnrevealedError(f"masks show a tree, but only {same} of {samples} ordinary sums are what it gives")
    return Revealed(order=order, masks=found.masks, replayed=same is not None)


def replayed(box: Summation, order: Order, generator: np.random.Generator, samples: int) -> tuple[Order, int | None]:
    """
    Return how many ordinary sums an order predicts, and the order, with the way of dividing that predicts the most.

    Raises:
        UnrevealedError: sums lie outside the bound of their own order.
    """
    left, right = ordinary(box, generator, samples)
    sides = left, np.broadcast_to(right, left.shape)
    results = box.sums(left, right)
    far = outside(order, *sides, totals(box, results), mean=not box.multiplies)
    if far is not None and far.any():
        raise UnrevealedError(f"masks show a tree, but {far.sum()} of {samples} ordinary sums lie outside its bound")
    sums = replay(order, *sides)
    if sums is None:
        return order, None
    ways = [order, replace(order, reciprocal=True)][: 1 if box.divisor == 1 else 2]
    predicted = [int(np.sum(ended(way, sums, box.divisor, box.dtype) == results)) for way in ways]
    best = int(np.argmax(predicted))
    return ways[best], predicted[best]


def keeps(box: Summation, order: Order, seed: int = 0) -> bool:
    """Return whether a black box adds in this order, by a sample: some fresh masks, some sums of ordinary numbers."""
    generator = np.random.Generator(np.random.Philox([seed, 2]))
    try:
        confirm(box, order.tree, generator, FEW, exact=order.exact)
        _, same = replayed(box, order, generator, FEW)
    except UnrevealedError:
        return False
    return same in (None, FEW)


def order_bits(box: Summation, found: recovery.Recovered) -> tuple[int, ...]:
    """Return the widths of a tree's additions; where they are exact, only that the output's dtype ends them is seen."""
    if found.exact and SCALES[box.dtype.name].scan < 53:
        raise UnrevealedError(f"no mask of {box.dtype.name} tells exact additions from a wide accumulator")
    return widths.widths(box, found.tree)


def check_terms(box: Summation) -> None:
    """
    Check that each term alone reaches the result, and that large numbers do not overflow.

    Raises:
        UnrevealedError: one does not.
    """
    if not 0 < box.terms <= LONGEST:
        raise UnrevealedError(f"{box.terms} terms: masks are made of 1 to {LONGEST}")
    scale, each = SCALES[box.dtype.name], np.eye(box.terms, dtype=bool)
    if (counted(box, np.where(each, scale.one, 0.0).astype(box.dtype)) != 1).any():
        raise UnrevealedError("a term alone does not reach the sum")
    alone = totals(box, box.sums(np.where(each, scale.large, 0.0).astype(box.dtype), np.ones(box.terms, box.dtype)))
    if not np.isfinite(alone).all():
        raise UnrevealedError("large terms overflow")


def confirm(box: Summation, shape: Tree, generator: np.random.Generator, fresh: int, *, exact: bool) -> None:
    """
    Hold a black box to its tree: so many fresh masks, and these twice more.

    Raises:
        UnrevealedError: it leaves something else.
    """
    if box.terms < 2:
        return
    scale = SCALES[box.dtype.name]
    pairs = np.array([generator.choice(box.terms, 2, replace=False) for _ in range(fresh)])
    density = min(0.5, scale.ones / 2 / box.terms)
    ones = generator.random((fresh, box.terms)) < density
    np.put_along_axis(ones, pairs, values=False, axis=1)
    if (survivors(box, pairs, ones) != predicted_survivors(shape, pairs, ones, exact=exact)).any():
        raise UnrevealedError(
            "no tree: fresh masks leave other numbers of ones than the tree that the first ones showed"
        )
    left, right = masked(box, pairs, ones), np.ones(box.terms, box.dtype)
    if box.sums(left, right).tobytes() != box.sums(left, right).tobytes():
        raise UnrevealedError("the same sums differ from call to call")


def predicted_survivors(tree: Tree, pairs: Array, ones: Array, *, exact: bool) -> Array:
    """Return how many ones each mask leaves, by the tree: [masks]."""
    left = ones.copy()
    for row, (one, other) in enumerate(pairs.tolist()):
        node, *sides = tree.meeting(one, other)
        for side in sides if exact else [node]:
            left[row, tree.below(side)] = False
    return np.asarray(left.sum(axis=1))


def ordinary(box: Summation, generator: np.random.Generator, samples: int) -> tuple[Array, Array]:
    """Return factors drawn from the normal distribution: [samples, n], [n]; a mean's right factors are 1."""
    left = generator.standard_normal((samples, box.terms)).astype(box.dtype)
    right = generator.standard_normal(box.terms) if box.multiplies else np.ones(box.terms)
    return left, right.astype(box.dtype)
