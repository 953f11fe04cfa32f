"""Pools over space and between maps: switches, unpooling, and inference through them."""

from itertools import islice, pairwise

import numpy as np
import pytest

from conformance.ops.arguments import run_reference
from examples.adaptive_deconvolution import apart, side_by_side, sparse_pools, switched, unpooling
from examples.sparse_coding import chained, deconvolution, ista, objective

# Two maps of 2x2 elements: one pool, whose element of largest magnitude is the -9 at row 1, column 0 of map 1.
MAPS = np.array([[[1.0, -2.0], [3.0, 4.0]], [[5.0, -9.0], [7.0, 8.0]]])[None]


def test_pairs_of_maps_stand_side_by_side() -> None:
    """The columns of the two maps in turn; and back."""
    laid = side_by_side(MAPS)

    assert laid[0, :, :, 0].tolist() == [[1, -2, 3, 4], [5, -9, 7, 8]]
    assert (apart(laid) == MAPS).all()


def test_maps_are_paired_with_their_neighbours() -> None:
    """Four maps: 0 with 1, 2 with 3."""
    maps = np.arange(4.0).reshape(1, 1, 1, 4)

    assert side_by_side(maps)[0, 0].tolist() == [[0, 2], [1, 3]]
    assert (apart(side_by_side(maps)) == maps).all()


def test_a_switch_names_the_element_of_largest_magnitude() -> None:
    """Its sign is kept; unpooled it stands where it stood, in its own map."""
    switches = switched(MAPS, run_reference)

    pools = switches.pooled(MAPS)

    assert pools.ravel().tolist() == [-9]
    assert np.argwhere(switches.unpooled(pools, run_reference)).tolist() == [[0, 1, 0, 1]]


def test_shrinkage_leaves_one_element_in_a_pool() -> None:
    """-9, nearer to zero by 2."""
    z = sparse_pools(run_reference)(MAPS, 2.0)

    assert z[0, 1, 0, 1] == -7
    assert np.count_nonzero(z) == 1


def test_the_shrunk_pool_is_the_minimum() -> None:
    """Of |z - v|^2 / 2 + 2 |z|_1 over all z with one element: no place and no value between -10 and 10 costs less."""
    best = sparse_pools(run_reference)(MAPS, 2.0)
    cost = ((best - MAPS) ** 2).sum() / 2 + 2 * np.abs(best).sum()

    for place in np.ndindex(MAPS.shape):
        for value in np.linspace(-10, 10, 201):
            others = (MAPS**2).sum() - MAPS[place] ** 2
            assert cost <= (others + (value - MAPS[place]) ** 2) / 2 + 2 * abs(value) + 1e-12


def test_pooling_at_switches_is_the_adjoint_of_unpooling() -> None:
    """Whole numbers, two pairs of maps: the two sums are the same, bit for bit."""
    stream = np.random.default_rng(0)
    maps, other = (stream.integers(-9, 10, (2, 4, 6, 4)).astype(np.float32) for _ in range(2))
    switches = switched(maps, run_reference)
    pools = stream.integers(-9, 10, (2, 2, 3, 2)).astype(np.float32)
    linear = unpooling(switches, run_reference)

    assert float((linear.apply(pools) * other).sum()) == float((pools * linear.adjoint(other)).sum()) != 0
    assert (linear.adjoint(linear.apply(pools)) == pools).all()


def test_maps_that_cannot_be_divided_are_refused() -> None:
    """Three maps make no pairs."""
    with pytest.raises(ValueError, match=r"\[1, 2, 2, 3\].*even"):
        switched(np.zeros((1, 2, 2, 3)), run_reference)


def test_inference_through_two_layers_never_raises_the_objective() -> None:
    """Image 6x6, maps 8x8, pools 4x4, maps 6x6 above: each step of ISTA, at most one element in each pool."""
    stream = np.random.default_rng(1)
    image = stream.standard_normal((1, 6, 6, 1))
    filters, above = stream.standard_normal((3, 3, 1, 4)) / 3, stream.standard_normal((3, 3, 2, 4)) / 3
    first = deconvolution(filters, (6, 6), run_reference)
    (maps,) = islice(ista(first, image, 4.0, np.zeros((1, 8, 8, 4)), sparse_pools(run_reference)), 9, 10)
    switches = switched(maps, run_reference)
    both = chained(chained(first, unpooling(switches, run_reference)), deconvolution(above, (4, 4), run_reference))

    steps = list(islice(ista(both, image, 4.0, np.zeros((1, 6, 6, 4)), sparse_pools(run_reference)), 30))

    values = [objective(both, image, 4.0, z) for z in steps]
    assert values[-1] < values[0]
    assert all(later <= earlier * (1 + 144 * 2.0**-53) for earlier, later in pairwise(values))
    assert ((side_by_side(steps[-1]) != 0).reshape(1, 3, 2, 3, 4, 2).sum((2, 4)) <= 1).all()
