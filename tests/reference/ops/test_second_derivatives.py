"""The gradients of the unpoolings and of max_pool_grad: numbers by hand, and the adjoints that they are."""

import numpy as np
import pytest

from reference import (
    avg_unpool,
    avg_unpool_grad,
    max_pool,
    max_pool_grad,
    max_pool_grad_grad,
    max_pool_with_argmax,
    max_unpool,
    max_unpool_grad,
)
from reference.floats import Array

NAN = float("nan")


def plane(*rows: list[float]) -> Array:
    """Return one image of one channel, [1, H, W, 1]."""
    return np.array(rows, np.float32)[None, :, :, None]


def test_each_copy_of_an_index_gets_the_gradient() -> None:
    """max_unpool_grad.R5: cell 3 is named twice, and holds 8."""
    out = max_unpool_grad(plane([5, 6], [7, 8]), np.array([3, 0, 3]).reshape(1, 1, 3, 1))

    assert out.ravel().tolist() == [8, 5, 8]


def test_indices_may_count_the_batch() -> None:
    """Index 1 is in the first image for both, unless it counts within each."""
    slopes = np.array([[1, 2], [3, 4]], np.float32).reshape(2, 1, 2, 1)
    argmax = np.ones((2, 1, 1, 1), np.int32)

    assert max_unpool_grad(slopes, argmax).ravel().tolist() == [2, 4]
    assert max_unpool_grad(slopes, argmax, include_batch_in_index=True).ravel().tolist() == [2, 2]


def test_the_gradient_of_average_unpooling_adds_up_windows() -> None:
    """1 to 9 as 3x3, windows of 2x2, stride 2, SAME: 1+2+4+5, 3+6, 7+8 and 9."""
    out = avg_unpool_grad(plane([1, 2, 3], [4, 5, 6], [7, 8, 9]), 2, 2, "SAME")

    assert out.ravel().tolist() == [12, 9, 15, 9]


def test_a_window_takes_what_stands_at_its_largest() -> None:
    """Of 1 9 / 4 3 the 9 stands at the top right, where the slopes hold 6."""
    out = max_pool_grad_grad(plane([1, 9], [4, 3]), plane([9]), plane([5, 6], [7, 8]), 2, 2, "VALID")

    assert out.ravel().tolist() == [6]


def test_of_tied_elements_the_first_is_taken() -> None:
    """max_pool_grad_grad.R11: four equal elements; the slope at the first is 5."""
    out = max_pool_grad_grad(plane([2, 2], [2, 2]), plane([2]), plane([5, 6], [7, 8]), 2, 2, "VALID")

    assert out.ravel().tolist() == [5]


def test_what_was_pooled_is_not_looked_at() -> None:
    """max_pool_grad_grad.R10: whatever stands in orig_output."""
    out = max_pool_grad_grad(plane([1, 9], [4, 3]), plane([NAN]), plane([5, 6], [7, 8]), 2, 2, "VALID")

    assert out.item() == 6


def test_nan_loses_to_a_number() -> None:
    """max_pool_grad_grad.R12: the reference drops it, as max_pool does."""
    out = max_pool_grad_grad(plane([NAN, 1]), plane([1]), plane([5, 6]), [1, 2], 1, "VALID")

    assert out.item() == 6


@pytest.mark.parametrize("padding", ["SAME", "VALID", [[0, 0], [1, 0], [0, 1], [0, 0]]])
def test_it_is_adjoint_to_the_gradient_of_max_pool(padding: object) -> None:
    """<max_pool_grad(x, g), v> = <g, max_pool_grad_grad(x, v)>, exactly: whole numbers, no ties."""
    source = np.random.default_rng(3)
    image = source.permutation(2 * 5 * 6 * 3).reshape(2, 5, 6, 3).astype(np.float64)
    pooled = max_pool(image, 2, (2, 1), padding)  # type: ignore[arg-type]
    g, v = (source.integers(-4, 5, shape).astype(np.float64) for shape in (pooled.shape, image.shape))

    back = max_pool_grad(image, pooled, g, 2, (2, 1), padding)  # type: ignore[arg-type]
    again = max_pool_grad_grad(image, pooled, v, 2, (2, 1), padding)  # type: ignore[arg-type]

    assert np.vdot(back, v) == np.vdot(g, again)


def test_the_gradients_of_the_unpoolings_are_their_adjoints() -> None:
    """<unpool(x), v> = <x, gradient(v)>, exactly, where windows overlap, so that indices come twice."""
    source = np.random.default_rng(4)
    image: Array = source.integers(-9, 10, (2, 5, 4, 2)).astype(np.float64)
    v: Array = source.integers(-9, 10, (2, 5, 4, 2)).astype(np.float64)
    values, argmax = max_pool_with_argmax(image, 3, 1, "SAME")
    x = np.asarray(source.integers(-4, 5, values.shape), np.float64)

    assert np.vdot(max_unpool(x, argmax, v.shape), v) == np.vdot(x, max_unpool_grad(v, argmax))
    assert np.vdot(avg_unpool(x, 3, 1, "SAME", v.shape), v) == np.vdot(x, avg_unpool_grad(v, 3, 1, "SAME"))
