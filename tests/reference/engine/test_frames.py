"""Convolutions whose windows lie far apart: stored without the gaps, they are what the formula says."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference.engine.conv2d import FilterGradient, Forward
from reference.engine.conv2d_transpose import Backward
from reference.engine.frames import framed
from reference.engine.patches import length
from reference.floats import Array
from reference.windows import Axis, Convolution, explicit

LARGE = 2**31 - 1

near = st.integers(1, 4)
far = st.one_of(near, st.sampled_from([7, 64, 65, 2**16, LARGE - 1, LARGE]))
axes = st.builds(explicit, near, near, far, far, st.just(0) | far, st.just(0) | far).filter(
    lambda axis: 0 < axis.out < 30
)


def meetings(axis: Axis) -> Array:
    """Return which tap of which window meets which cell, by the formula: [out, taps, size], 1 and 0."""
    met = np.zeros((axis.out, axis.taps, axis.size))
    for i, t, c in itertools.product(*map(range, met.shape)):
        met[i, t, c] = i * axis.stride + t * axis.dilation - axis.before == c
    return met


def numbers(*shape: int) -> Array:
    """Return small integers, of which every sum is exact."""
    return (np.arange(np.prod(shape)) * 7 % 11 - 5.0).reshape(shape)


@given(axes, axes)
def test_convolutions_are_their_formula_however_far_apart_windows_lie(rows: Axis, columns: Axis) -> None:
    """The sum of image times filters over what meets, and its two transposes."""
    geometry = Convolution(rows=rows, columns=columns, groups=2, layout="NHWC")
    image, filters = numbers(2, rows.size, columns.size, 4), numbers(rows.taps, columns.taps, 2, 2)
    gradient = numbers(2, rows.out, columns.out, 2)
    dense = np.zeros((rows.taps, columns.taps, 4, 2))
    dense[..., :2, 0], dense[..., 2:, 1] = filters[..., 0], filters[..., 1]
    high, wide = meetings(rows), meetings(columns)

    forward = Forward(image, filters, geometry).contract(image, filters)
    backward = Backward(gradient, filters, image.shape, geometry).contract(gradient, filters)
    taps = FilterGradient(image, gradient, filters.shape, geometry).contract(image, gradient)

    np.testing.assert_array_equal(forward, np.einsum("yhY,xwX,nYXi,hwio->nyxo", high, wide, image, dense))
    np.testing.assert_array_equal(backward, np.einsum("yhY,xwX,nyxo,hwio->nYXi", high, wide, gradient, dense))
    expected = np.einsum("yhY,xwX,nYXi,nyxo->hwio", high, wide, image, gradient)
    np.testing.assert_array_equal(taps, np.stack([expected[..., :2, 0], expected[..., 2:, 1]], -1))


@given(axes)
def test_a_frame_is_no_longer_than_what_meets(axis: Axis) -> None:
    """Either the padded image is not much longer than its image, windows and taps, or a place a window and tap is."""
    frame = framed(axis)

    stored = length(axis) if frame.cells is None else len(frame.cells)
    assert stored <= max(2 * (axis.size + axis.out + axis.taps), axis.out * axis.taps)


def test_gaps_are_left_out() -> None:
    """Size 2 under 3 taps 100 apart, the middle one over the image: a place for each of 2 windows."""
    frame = framed(explicit(2, 3, 1, 100, 100, 100))

    assert (frame.axis.size, frame.axis.taps, frame.axis.out) == (2, 1, 2)
    assert np.arange(3)[frame.taps].tolist() == [1]
    assert frame.cells is not None
    assert frame.cells.tolist() == [0, 1]


def test_windows_over_padding_alone_have_no_taps() -> None:
    """Size 1 after 1000 absent elements, windows of 1 in steps of 300: none stands on it."""
    frame = framed(explicit(1, 1, 300, 1, 1000, 0))

    assert (frame.axis.taps, frame.axis.out) == (0, 4)


def test_a_padded_image_is_stored_as_it_is_where_its_windows_and_taps_would_take_more() -> None:
    """10 elements among 2000 absent ones are mostly gaps, but 102 windows of 100 taps are 10200 places."""
    axis = explicit(10, 100, 10, 10, 1000, 1000)

    assert (length(axis), axis.out * len(axis.used_taps())) == (2010, 10200)
    assert framed(axis).cells is None
