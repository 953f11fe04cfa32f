"""The bound of a known tree: by hand, never exceeded, and exceeded by what is not of this order."""

import numpy as np
import pytest

from conformance.order.bounding import errors, own_bound
from conformance.order.replay import Order, replay
from conformance.order.trees import Tree, chain, pairs, tree
from tests.miniatures.orders import random_tree

U = 2.0**-24


def of(shape: Tree, *, fused: bool = False) -> Order:
    """Return an order that adds in float32."""
    return Order(tree=shape, bits=(24,) * len(shape.steps), fused=(fused,) * shape.terms)


def test_a_pairwise_sum_of_sixteen_ones_may_err_by_five_roundings() -> None:
    """Four additions and the product: ((1 + u)^5 - 1) 16, with 16 = S."""
    ones = np.ones((1, 16), np.float32)

    bound = own_bound(of(tree(16, pairs(range(16), 16))), ones, ones)

    assert bound is not None
    assert bound[0] == pytest.approx(5 * U * 16, rel=1e-6)


def test_unrounded_products_spare_a_rounding() -> None:
    """Four roundings in place of five."""
    ones = np.ones((1, 16), np.float32)

    bound = own_bound(of(tree(16, pairs(range(16), 16)), fused=True), ones, ones)

    assert bound is not None
    assert bound[0] == pytest.approx(4 * U * 16, rel=1e-6)


def test_a_term_added_last_meets_one_addition() -> None:
    """A chain of four with its size in the last term: one addition and the product."""
    left = np.array([[0, 0, 0, 1]], np.float32)

    bound = own_bound(of(tree(4, chain(range(4), 4))), left, np.ones((1, 4), np.float32))

    assert bound is not None
    assert bound[0] == pytest.approx(2 * U, rel=1e-6)


def test_narrow_products_are_exact_in_a_wide_accumulator() -> None:
    """float16 factors have 22 bits together: no rounding of theirs in float32."""
    ones = np.ones((1, 2), np.float16)

    bound = own_bound(of(tree(2, [(0, 1)])), ones, ones)

    assert bound is not None
    assert bound[0] == pytest.approx(2 * U + 4 * 2.0**-14, rel=1e-6)


def test_additions_that_align_have_no_bound() -> None:
    """How many bits they cut is not known."""
    order = Order(tree=tree(3, [(0, 1, 2)]), bits=(24,), fused=(False,) * 3)

    assert own_bound(order, np.ones((1, 3), np.float32), np.ones((1, 3), np.float32)) is None


@pytest.mark.parametrize("seed", range(20))
def test_no_sum_of_an_order_exceeds_its_bound(seed: int) -> None:
    """Random trees on numbers of many magnitudes and both signs."""
    generator = np.random.default_rng(seed)
    order = of(random_tree(generator, 40))
    left = (generator.standard_normal((64, 40)) * 2.0 ** generator.integers(-12, 12, (64, 40))).astype(np.float32)
    right = generator.standard_normal((64, 40)).astype(np.float32)

    totals, bound = replay(order, left, right), own_bound(order, left, right)

    assert totals is not None
    assert bound is not None
    assert (errors(left, right, totals) <= bound).all()


def test_a_chain_is_outside_the_bound_of_pairs() -> None:
    """1 and 4095 times 2^-25, which a chain loses and pairs keep: inside n u S, outside (depth + 1) u S."""
    left = np.full((1, 4096), 2.0**-25, np.float32)
    left[0, 0] = 1
    ones = np.ones_like(left)
    added = replay(of(tree(4096, chain(range(4096), 4096))), left, ones)
    bound = own_bound(of(tree(4096, pairs(range(4096), 4096))), left, ones)

    assert added is not None
    assert bound is not None
    error = errors(left, ones, added)[0]
    assert error > bound[0]
    assert error < 4096 * U * np.abs(left).sum()
