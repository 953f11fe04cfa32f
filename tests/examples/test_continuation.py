"""Sparse maps by continuation: shrinkage, turns, and how near the optimum they come."""

from itertools import islice

import numpy as np
import pytest

from conformance.model import Array
from conformance.ops.arguments import run_reference
from examples.continuation import continuation, shrunk
from examples.sparse_coding import certificate, deconvolution, fista, objective

STREAM = np.random.default_rng(0)
LINEAR = deconvolution(STREAM.standard_normal((3, 3, 2, 2)) / 3, (5, 4), run_reference)
IMAGE = STREAM.standard_normal((1, 5, 4, 2))
START = np.zeros((1, 7, 6, 2))


@pytest.mark.parametrize("p", [1.0, 0.5])
@pytest.mark.parametrize("v", [-3.0, -0.9, -0.2, 0.0, 0.94, 0.96, 2.0])
def test_shrinkage_is_the_minimum(p: float, v: float) -> None:
    """None of 40001 numbers from -4 to 4 has a smaller (z - v)^2 / 2 + |z|^p / 2 (for p = 1/2 the jump is at 0.945)."""
    every = np.linspace(-4, 4, 40001)

    def cost(z: Array) -> Array:
        return (z - v) ** 2 / 2 + 0.5 * np.abs(z) ** p

    assert cost(shrunk(np.array([v]), 0.5, p))[0] <= cost(every).min()


def test_other_powers_have_no_closed_form() -> None:
    """Those that have are named."""
    with pytest.raises(ValueError, match=r"p = 0\.8: .* 1\.0, 0\.5"):
        shrunk(np.ones(1), 1.0, 0.8)


@pytest.mark.parametrize("p", [1.0, 0.5])
def test_each_half_of_a_turn_lowers_what_it_minimises(p: float) -> None:
    """Q falls by the new x, and again by the new z, at each beta."""
    for turn in continuation(LINEAR, IMAGE, 4.0, p, START, [4.0 * 2**k for k in range(8)]):
        before, with_x, with_z = turn.values
        assert before * (1 + 84 * 2.0**-53) >= with_x >= with_z * (1 - 84 * 2.0**-53)


def test_continuation_comes_near_the_optimum() -> None:
    """For p = 1, eighty turns: within 5% of what FISTA reaches, and not below what its certificate allows."""
    (z,) = islice(fista(LINEAR, IMAGE, 4.0, START), 199, 200)
    reached = objective(LINEAR, IMAGE, 4.0, z)

    *_, last = continuation(LINEAR, IMAGE, 4.0, 1.0, START, np.repeat(4.0 * 2.0 ** np.arange(10), 8).tolist())

    found = objective(LINEAR, IMAGE, 4.0, last.x)
    assert reached - certificate(LINEAR, IMAGE, 4.0, z).gap <= found <= 1.05 * reached
