"""Trees of additions: their canonical form and what is read off them."""

import numpy as np
import pytest

from conformance.order.trees import chain, pairs, tree
from tests.miniatures.orders import random_tree


def test_the_order_within_an_addition_has_no_meaning() -> None:
    """(0 + 1) + (2 + 3) is the same tree however its sides are written and its additions are listed."""
    one = tree(4, [(0, 1), (2, 3), (4, 5)])
    other = tree(4, [(3, 2), (1, 0), (4, 5)])

    assert one == other
    assert hash(one) == hash(other)


def test_other_brackets_are_another_tree() -> None:
    """((0 + 1) + 2) + 3 is not (0 + 1) + (2 + 3)."""
    assert tree(4, [(0, 1), (4, 2), (5, 3)]) != tree(4, [(0, 1), (2, 3), (4, 5)])


def test_a_chain_is_as_deep_as_it_has_additions() -> None:
    """Five terms one after another: four additions, and the first two terms go through all of them."""
    shape = tree(5, chain(range(5), 5))

    assert shape.depths[:5] == (4, 4, 3, 2, 1)
    assert shape.depth == 4


def test_pairs_of_an_odd_number_leave_the_last_for_later() -> None:
    """((0 + 1) + (2 + 3)) + 4."""
    assert tree(5, pairs(range(5), 5)) == tree(5, [(0, 1), (2, 3), (5, 6), (7, 4)])


def test_groups_add_several_terms_to_the_running_sum() -> None:
    """0 + 1 + 2 at once, then that + 3 + 4."""
    assert chain(range(5), 5, group=2) == [(0, 1, 2), (5, 3, 4)]


@pytest.mark.parametrize("seed", range(20))
def test_terms_meet_in_the_smallest_node_that_has_both(seed: int) -> None:
    """The node holds both, and each comes to it by another side."""
    generator = np.random.default_rng(seed)
    shape = random_tree(generator, 12)
    one, other = map(int, generator.choice(12, 2, replace=False))

    node, left, right = shape.meeting(one, other)

    assert one in shape.below(left)
    assert other in shape.below(right)
    assert {left, right} <= set(shape.steps[node - 12])
