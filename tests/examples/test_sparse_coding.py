"""Sparse coding by deconvolution: adjoints, norms, shrinkage, descent and certificates."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest

from conformance.model import Array
from conformance.ops.arguments import run_reference
from examples.sparse_coding import (
    IDENTITY,
    Inference,
    Linear,
    certificate,
    chained,
    deconvolution,
    filtering,
    fista,
    gain,
    ista,
    learning,
    limited,
    objective,
)

SIZE = (5, 4)
STREAM = np.random.default_rng(0)
FILTERS = STREAM.standard_normal((3, 3, 2, 2)) / 3
IMAGE = STREAM.standard_normal((1, *SIZE, 2))
START = np.zeros((1, 7, 6, 2))
LINEAR = deconvolution(FILTERS, SIZE, run_reference)


def matrix(linear: Linear, shape: tuple[int, ...]) -> Array:
    """Return a linear map as a matrix: a column for each element of the maps."""
    units = np.eye(math.prod(shape)).reshape(-1, *shape)
    return np.stack([linear.apply(one).ravel() for one in units], axis=1)


def test_conv2d_is_the_adjoint_of_the_deconvolution() -> None:
    """Whole numbers, so that every sum is exact: sum of apply(z) * r = sum of z * adjoint(r), bit for bit."""
    stream = np.random.default_rng(1)
    filters = stream.integers(-4, 5, (3, 2, 2, 3)).astype(np.float32)
    z = stream.integers(-4, 5, (2, 7, 5, 3)).astype(np.float32)
    r = stream.integers(-4, 5, (2, 5, 4, 2)).astype(np.float32)
    linear = deconvolution(filters, SIZE, run_reference)

    assert float((linear.apply(z) * r).sum()) == float((z * linear.adjoint(r)).sum()) != 0


def test_conv2d_backprop_filter_is_the_adjoint_by_filters() -> None:
    """The maps fixed, whole numbers: sum of apply(f) * r = sum of f * adjoint(r), bit for bit."""
    stream = np.random.default_rng(1)
    filters = stream.integers(-4, 5, (3, 2, 2, 3)).astype(np.float32)
    z = stream.integers(-4, 5, (2, 7, 5, 3)).astype(np.float32)
    r = stream.integers(-4, 5, (2, 5, 4, 2)).astype(np.float32)
    linear = filtering(z, filters.shape, SIZE, run_reference)

    assert float((linear.apply(filters) * r).sum()) == float((filters * linear.adjoint(r)).sum()) != 0


def test_one_map_element_puts_its_filter_into_the_image() -> None:
    """The element at (2, 2) of a map that begins two rows and columns before the image: the filter, at its corner."""
    filters = np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
    z = np.zeros((1, 6, 6, 1))
    z[0, 2, 2, 0] = 1

    image = deconvolution(filters, (4, 4), run_reference).apply(z)[0, :, :, 0]

    assert image.tolist() == [[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0], [0, 0, 0, 0]]


def test_the_norm_is_not_below_that_of_the_matrix() -> None:
    """The largest singular value, of both maps; for the maps of features the bound is not twice as large."""
    by_filters = filtering(STREAM.standard_normal(START.shape), FILTERS.shape, SIZE, run_reference)

    exact = float(np.linalg.norm(matrix(LINEAR, START.shape), 2))

    assert exact <= LINEAR.norm < 2 * exact
    assert float(np.linalg.norm(matrix(by_filters, FILTERS.shape), 2)) <= by_filters.norm


def test_the_gain_of_one_tap_is_its_size() -> None:
    """A kernel of one element, -3: three times as long, but for what the bound adds."""
    assert gain(np.full((1, 1, 1, 1), -3.0), (4, 4)) == 3 * (1 + 2.0**-20)


def test_a_chain_has_the_adjoints_in_turn() -> None:
    """Twice the deconvolution: its matrix, and the transpose of it."""
    twice = Linear(lambda values: 2 * values, lambda values: 2 * values, 2.0)
    both = chained(twice, LINEAR)

    assert both.norm == 2 * LINEAR.norm
    assert (both.apply(START + 1) == 2 * LINEAR.apply(START + 1)).all()
    assert (both.adjoint(IMAGE) == LINEAR.adjoint(2 * IMAGE)).all()
    assert chained(IDENTITY, LINEAR).norm == LINEAR.norm


@pytest.mark.parametrize("infer", [ista, fista])
def test_no_step_raises_the_objective(infer: Inference) -> None:
    """Forty steps; up to what 84 terms may round."""
    values = [objective(LINEAR, IMAGE, 4.0, z) for z in islice(infer(LINEAR, IMAGE, 4.0, START), 40)]

    assert values[-1] < values[0] < objective(LINEAR, IMAGE, 4.0, START)
    assert all(later <= earlier * (1 + 84 * 2.0**-53) for earlier, later in pairwise(values))


def test_the_optimum_is_certified() -> None:
    """After 600 steps of FISTA no maps have a C smaller by a millionth, and the slope is as near a subgradient."""
    (z,) = islice(fista(LINEAR, IMAGE, 4.0, START), 599, 600)

    found = certificate(LINEAR, IMAGE, 4.0, z)

    assert found.violation < 1e-6
    assert found.gap < 1e-6 * objective(LINEAR, IMAGE, 4.0, z)


def test_the_certificate_by_hand() -> None:
    """
    One element, image 3, weight 1: the minimum is z = 2, C = 5/2.

    At z = 1 C is 3: the gap is 1/2, as the dual point 1 gives 3 - 1/2; the slope 2 is 1 away from the subgradient 1.
    """
    image = np.full((1, 1, 1, 1), 3.0)

    best, other = (certificate(IDENTITY, image, 1.0, np.full((1, 1, 1, 1), z)) for z in (2.0, 1.0))

    assert (best.violation, best.gap) == (0.0, 0.0)
    assert (other.violation, other.gap) == (1.0, 0.5)


def test_filters_of_no_maps_stay() -> None:
    """Maps of zeros make the same of every filter: none is better."""
    linear = filtering(START, FILTERS.shape, SIZE, run_reference)

    (found,) = islice(ista(linear, IMAGE, 4.0, FILTERS, limited), 1)

    assert (found == FILTERS).all()


def test_filters_are_shortened_to_one() -> None:
    """3, 4 of length 5 become 0.6, 0.8; 0.3, 0.4 stay."""
    filters = np.array([[3.0, 0.3], [4.0, 0.4]]).reshape(2, 1, 1, 2)

    assert limited(filters, 0)[:, 0, 0].tolist() == [[0.6, 0.3], [0.8, 0.4]]


def test_learning_never_raises_the_objective_and_keeps_filters_short() -> None:
    """Two images, six epochs; the filters differ from those at the beginning, and none is longer than 1."""
    images = np.random.default_rng(2).standard_normal((2, *SIZE, 1))
    filters = np.random.default_rng(3).uniform(-1, 1, (3, 3, 1, 2)) / 3  # of 9 taps: not longer than 1
    epochs = list(islice(learning(images, filters, np.zeros((2, 7, 6, 2)), 4.0, run_reference), 6))
    values = [value for epoch in epochs for value in epoch.values]

    assert all(later <= earlier * (1 + 168 * 2.0**-53) for earlier, later in pairwise(values))
    assert not np.allclose(epochs[-1].filters, filters, atol=0.01)
    assert np.sqrt((epochs[-1].filters ** 2).sum((0, 1, 2))).max() <= 1 + 2.0**-52
