"""Orders of known sums are revealed; where a sum has none, or shows none, nothing is claimed."""

from collections.abc import Callable
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import DTypeLike

from conformance.order.recovery import recover
from conformance.order.replay import Order, replay
from conformance.order.reveal import reveal
from conformance.order.summation import UnrevealedError
from conformance.order.trees import Tree, chain, pairs, tree
from tests.miniatures import orders
from tests.miniatures.orders import Array, Emulated, of_products

FLOAT32 = np.dtype(np.float32)
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def joined(parts: list[list[int]], terms: int) -> Tree:
    """Return the tree that adds each part from its first term to its last, and then the parts likewise."""
    steps: list[tuple[int, ...]] = []
    sums = []
    for part in parts:
        steps += chain(part, terms + len(steps))
        sums.append(terms + len(steps) - 1)
    return tree(terms, [*steps, *chain(sums, terms + len(steps))])


FORWARDS = tree(48, chain(range(48), 48))
KNOWN: dict[str, tuple[Callable[[Array], Array], Tree]] = {
    "forwards": (orders.forwards, FORWARDS),
    "backwards": (orders.backwards, tree(48, chain(range(47, -1, -1), 48))),
    "lanes": (orders.in_lanes, joined([list(range(lane, 48, 8)) for lane in range(8)], 48)),
    "pairwise": (orders.pairwise, tree(48, pairs(range(48), 48))),
    "blocks": (orders.in_blocks, joined([list(range(start, start + 16)) for start in (0, 16, 32)], 48)),
}


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16, np.float32, np.float64])
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_order_is_revealed(name: str, dtype: DTypeLike) -> None:
    """Its tree, the width of its accumulator, and every bit of ordinary sums, in all formats."""
    add, expected = KNOWN[name]
    wide = np.float64 if dtype == np.float64 else np.float32

    found = reveal(of_products(48, add, dtype, wide))

    assert found.order.tree == expected
    assert set(found.order.bits) == {np.finfo(wide).nmant + 1}
    assert found.replayed


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16])
def test_sums_in_the_storage_type_show_its_width(dtype: DTypeLike) -> None:
    """float16 keeps 11 bits, bfloat16 8."""
    found = reveal(of_products(100, orders.forwards, dtype))

    assert found.order.tree == tree(100, chain(range(100), 100))
    assert set(found.order.bits) == {11 if dtype == np.float16 else 8}


def test_a_double_accumulator_is_seen() -> None:
    """float32 products added in float64 keep 53 bits."""
    found = reveal(of_products(48, orders.forwards, accumulator=np.float64))

    assert found.order.tree == FORWARDS
    assert set(found.order.bits) == {53}


def test_where_a_narrower_accumulator_starts() -> None:
    """Blocks of eight are added in float32, their sums in bfloat16: 8 bits from the second block on."""

    def add(products: Array) -> Array:
        total = orders.forwards(products[:, :8]).astype(BFLOAT16)
        for start in range(8, 32, 8):
            total = (total.astype(np.float32) + orders.forwards(products[:, start : start + 8])).astype(BFLOAT16)
        return total

    found = reveal(of_products(32, add, BFLOAT16, np.float32))

    # The last addition is left out: what follows it is the output's own rounding.
    seen = [(width, len(found.order.tree.below(32 + step))) for step, width in enumerate(found.order.bits[:-1])]
    assert {width for width, size in seen if size < 8} == {24}
    assert {width for width, size in seen if size > 8} == {8}


@pytest.mark.parametrize("terms", [1, 2, 3, 512])
def test_sums_of_one_term_to_many(terms: int) -> None:
    """A chain of any length."""
    found = reveal(of_products(terms, orders.forwards))

    assert found.order.tree == tree(terms, chain(range(terms), terms))
    assert found.replayed


def test_fused_products_are_told_from_rounded_ones() -> None:
    """All but the first product, which is rounded as the first number of its sum."""
    fused = reveal(Emulated(12, FLOAT32, orders.with_fma))
    rounded = reveal(of_products(12, orders.forwards))

    assert fused.order.fused == (False, *[True] * 11)
    assert rounded.order.fused == (False,) * 12


@pytest.mark.parametrize(("add", "exact"), [(orders.in_fours, False), (orders.in_exact_fours, True)])
def test_additions_of_several_terms_are_found(add: Callable[[Array], Array], exact: bool) -> None:
    """Four products and the running sum in each addition, aligned to the largest or exact."""
    found = reveal(of_products(40, add))

    first = chain(range(4), 40, group=3)
    assert found.order.tree == tree(40, [*first, *chain([40, *range(4, 40)], 41, group=4)])
    assert found.order.exact == exact
    assert not found.replayed


def test_one_exact_sum_is_one_addition() -> None:
    """A correctly rounded sum adds all its terms at once."""
    found = reveal(of_products(33, orders.at_once))

    assert found.order.tree.steps == (tuple(range(33)),)
    assert found.order.exact


def test_a_thousand_random_trees_are_recovered() -> None:
    """Every tree of additions of two, from 2 to 40 terms."""
    generator = np.random.default_rng(0)
    for seed in range(1000):
        shape = orders.random_tree(generator, int(generator.integers(2, 41)))

        assert recover(of_products(shape.terms, orders.by_tree(shape)), seed).tree == shape


@pytest.mark.parametrize("add", [orders.winograd, orders.fourier])
def test_transforms_have_no_tree(add: Callable[[Array, Array], Array]) -> None:
    """Winograd and Fourier transforms add their terms in several combinations."""
    with pytest.raises(UnrevealedError):
        reveal(Emulated(48, FLOAT32, add))


def test_compensated_sums_are_not_those_of_their_tree() -> None:
    """Kahan's sum leaves masks as a chain does, but ordinary sums are better."""
    with pytest.raises(UnrevealedError, match=r"only .* of 64 ordinary sums"):
        reveal(of_products(64, orders.kahan))


def test_an_order_that_changes_is_no_order() -> None:
    """Terms shuffled at every call."""
    with pytest.raises(UnrevealedError):
        reveal(of_products(30, orders.forwards).shuffled())


def test_nothing_is_claimed_of_sums_that_overflow() -> None:
    """A box that adds its products scaled up."""
    with pytest.raises(UnrevealedError, match="overflow"):
        reveal(of_products(8, lambda products: orders.forwards(products * np.float32(2.0**30)) / np.float32(2.0**30)))


def test_nothing_is_claimed_of_terms_that_underflow() -> None:
    """A box that flushes numbers below 2."""
    with pytest.raises(UnrevealedError, match="alone"):
        reveal(of_products(8, lambda products: orders.forwards(np.where(np.abs(products) < 2, 0, products))))


@pytest.mark.parametrize("terms", [0, 4097])
def test_sums_without_terms_or_of_too_many_are_left(terms: int) -> None:
    """An empty sum has no order; masks of very long ones would take gigabytes."""
    with pytest.raises(UnrevealedError, match=f"{terms} terms"):
        reveal(of_products(terms, orders.forwards))


def test_a_wide_accumulator_of_a_short_format_is_not_guessed() -> None:
    """float16 has too few exponents to fill 53 bits: no mask tells float64 sums from exact ones."""
    with pytest.raises(UnrevealedError):
        reveal(of_products(30, orders.forwards, np.float16, np.float64))


@pytest.mark.parametrize("seed", range(5))
def test_replay_of_float64_fma_rounds_once(seed: int) -> None:
    """A chain of products added unrounded, against exact fractions."""
    generator = np.random.default_rng(seed)
    left, right = generator.standard_normal((2, 4, 6))
    order = Order(tree=tree(6, chain(range(6), 6)), bits=(53,) * 5, fused=(False, *[True] * 5))

    predicted = replay(order, left, right)

    assert predicted is not None
    for row in range(4):
        total = left[row, 0] * right[row, 0]
        for k in range(1, 6):
            total = float(Fraction(total) + Fraction(left[row, k]) * Fraction(right[row, k]))
        assert predicted[row] == total
