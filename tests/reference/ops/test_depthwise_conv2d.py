"""depthwise_conv2d and its gradients: numbers by hand, the grouped convolution that they are, and what is refused."""

from typing import Any

import numpy as np
import pytest

from reference import (
    SpecError,
    conv2d,
    depthwise_conv2d,
    depthwise_conv2d_backprop_filter,
    depthwise_conv2d_backprop_input,
)
from reference.bounds import within
from reference.ops.depthwise_conv2d import forward

ONES = [1, 1, 1, 1]
NAN = float("nan")


def test_every_channel_has_filters_of_its_own() -> None:
    """Channels 1 2 and 10 20 under 1 and 2 of the first and 3 and 4 of the second: channel c gives c*M and c*M + 1."""
    image = np.array([[1, 10], [2, 20]], np.float32).reshape(1, 1, 2, 2)
    filters = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 1, 2, 2)

    out = depthwise_conv2d(image, filters, ONES, "VALID")

    assert out.tolist() == [[[[1, 2, 30, 40], [2, 4, 60, 80]]]]


def test_explicit_padding_by_hand() -> None:
    """The example of the page of tf.nn.depthwise_conv2d: one row of zeros on the top, one column on the left."""
    image = np.arange(1.0, 7.0, dtype=np.float32).reshape(1, 3, 2, 1)
    filters = np.arange(1.0, 5.0, dtype=np.float32).reshape(2, 1, 1, 2)

    out = depthwise_conv2d(image, filters, ONES, [[0, 0], [1, 0], [1, 0], [0, 0]])

    assert out[0, :, :, 0].tolist() == [[0, 3, 6], [0, 10, 14], [0, 18, 22]]
    assert out[0, :, :, 1].tolist() == [[0, 4, 8], [0, 14, 20], [0, 26, 32]]


def test_strides_of_rows_and_columns_differ_and_go_with_dilations() -> None:
    """
    depthwise_conv2d.R3, depthwise_conv2d.R4: 5 x 6 of 10y + x; windows from rows 0 and 2 and from columns 0 and 3.

    Their taps are 2 rows and 1 column apart: 0 and 21, 3 and 24; then two rows on.
    """
    image = np.array([[10 * y + x for x in range(6)] for y in range(5)], np.float32).reshape(1, 5, 6, 1)
    filters = np.array([[1, 0], [0, 1]], np.float32).reshape(2, 2, 1, 1)

    out = depthwise_conv2d(image, filters, [1, 2, 3, 1], "VALID", dilations=[2, 1])

    assert out[0, :, :, 0].tolist() == [[21, 27], [61, 67]]


def test_it_is_a_grouped_convolution() -> None:
    """Filters [2, 2, 3, 2] are those [2, 2, 1, 6] of three groups; NCHW likewise."""
    source = np.random.default_rng(1)
    image = source.integers(-4, 5, (2, 3, 5, 4)).astype(np.float32)
    filters = source.integers(-4, 5, (2, 2, 3, 2)).astype(np.float32)

    out = depthwise_conv2d(image, filters, [1, 1, 2, 2], "SAME", "NCHW")

    assert out.tolist() == conv2d(image, filters.reshape(2, 2, 1, 6), 2, "SAME", "NCHW").tolist()


def test_the_gradients_are_adjoint_to_it() -> None:
    """<depthwise(x, w), z> = <x, input gradient(w, z)> = <w, filter gradient(x, z)>: whole numbers, so exactly."""
    source = np.random.default_rng(2)
    x, w, z = (source.integers(-3, 4, shape).astype(np.float64) for shape in ((2, 5, 6, 3), (3, 2, 3, 2), (2, 3, 2, 6)))
    how: dict[str, Any] = {"strides": [1, 2, 3, 1], "padding": "SAME"}

    forward_ = np.vdot(depthwise_conv2d(x, w, **how), z)

    assert forward_ == np.vdot(x, depthwise_conv2d_backprop_input(x.shape, w, z, **how))
    assert forward_ == np.vdot(w, depthwise_conv2d_backprop_filter(x, w.shape, z, **how))


def test_the_bound_counts_the_taps_of_one_channel() -> None:
    """A 3 x 3 window in the corner of a padded image of eight channels has four products, in the middle nine."""
    call = forward(np.ones((1, 3, 3, 8), np.float32), np.ones((3, 3, 8, 1), np.float32), ONES, "SAME")

    counted = within(call).count

    assert counted[0, :, :, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    assert (counted == counted[..., :1]).all()


def test_4096_ones_are_exact_in_16_bits() -> None:
    """A 64 x 64 window of ones: sums in float16 would stop at 2048."""
    image, filters = np.ones((1, 64, 64, 1), np.float16), np.ones((64, 64, 1, 1), np.float16)

    assert depthwise_conv2d(image, filters, ONES, "VALID").item() == 4096


def test_padding_is_absence() -> None:
    """depthwise_conv2d.R10: the NaN of the filters lies over padding at the left, and meets the image on the right."""
    image = np.ones((1, 1, 2, 1), np.float32)
    filters = np.array([NAN, 1, 1], np.float32).reshape(1, 3, 1, 1)

    out = depthwise_conv2d(image, filters, ONES, "SAME").ravel()

    assert out[0] == 2
    assert np.isnan(out[1])


def test_padding_is_absence_in_the_gradients() -> None:
    """
    depthwise_conv2d_backprop_input.R13, depthwise_conv2d_backprop_filter.R12: two cells, three taps, SAME.

    The first tap reaches the first cell from the second window alone: it is NaN, and the second cell 1 + 1. The first
    window's infinite gradient lies over padding at the first tap, which the second window alone gives.
    """
    taps = np.array([NAN, 1, 1], np.float32).reshape(1, 3, 1, 1)
    ones, gradient = np.ones((1, 1, 2, 1), np.float32), np.array([np.inf, 1], np.float32).reshape(1, 1, 2, 1)

    of_input = depthwise_conv2d_backprop_input([1, 1, 2, 1], taps, ones, ONES, "SAME").ravel()
    of_filter = depthwise_conv2d_backprop_filter(ones, [1, 3, 1, 1], gradient, ONES, "SAME").ravel()

    assert np.isnan(of_input[0])
    assert of_input[1] == 2
    assert of_filter.tolist() == [1, np.inf, np.inf]


def test_nan_stays_in_its_channel() -> None:
    """depthwise_conv2d.R11: NaN in the first of two channels, infinity in the second, which a zero makes NaN."""
    image = np.array([NAN, np.inf], np.float32).reshape(1, 1, 1, 2)
    filters = np.array([[1, 2], [1, 0]], np.float32).reshape(1, 1, 2, 2)

    out = depthwise_conv2d(image, filters, ONES, "VALID").ravel()

    assert np.isnan(out).tolist() == [True, True, False, True]
    assert out[2] == np.inf


@pytest.mark.parametrize(
    ("image", "multiplier", "shape"), [((0, 3, 3, 2), 1, (0, 3, 3, 2)), ((1, 3, 3, 2), 0, (1, 3, 3, 0))]
)
def test_an_empty_batch_and_no_filters_give_an_empty_output(
    image: tuple[int, ...], multiplier: int, shape: tuple[int, ...]
) -> None:
    """depthwise_conv2d.R12."""
    out = depthwise_conv2d(np.ones(image), np.ones((2, 2, 2, multiplier)), ONES, "SAME")

    assert out.shape == shape


def test_gradients_of_an_empty_batch_are_zeros() -> None:
    """depthwise_conv2d_backprop_input.R12 and depthwise_conv2d_backprop_filter.R11."""
    filters, none = np.ones((2, 2, 3, 2)), np.ones((0, 4, 4, 6))

    assert depthwise_conv2d_backprop_input((0, 4, 4, 3), filters, none, ONES, "SAME").shape == (0, 4, 4, 3)
    assert not depthwise_conv2d_backprop_filter(np.ones((0, 4, 4, 3)), (2, 2, 3, 2), none, ONES, "SAME").any()


@pytest.mark.parametrize(
    ("changed", "rule", "message"),
    [
        ({"strides": 1}, "R3", "strides 1 has 1 entries: it needs 4"),
        ({"strides": [2, 2]}, "R3", "strides [2, 2] has 2 entries: it needs 4"),
        ({"strides": None}, "R3", "strides None has 1 entries: it needs 4"),
        ({"dilations": [2]}, "R4", "dilations [2] has 1 entries: it needs 2"),
        ({"dilations": ONES}, "R4", "dilations [1, 1, 1, 1] has 4 entries: it needs 2"),
        ({"filter": np.ones((1, 1, 1, 2))}, "R8", "2 channels, filters of depth 1: each channel needs its own"),
    ],
)
def test_refusals_say_what_was_met(changed: dict[str, Any], rule: str, message: str) -> None:
    """The rule, the values, and what is needed."""
    call: dict[str, Any] = {
        "input": np.ones((1, 2, 2, 2)),
        "filter": np.ones((1, 1, 2, 1)),
        "strides": ONES,
        "padding": "VALID",
    }

    with pytest.raises(SpecError) as refusal:
        depthwise_conv2d(**call | changed)

    assert (refusal.value.rule, refusal.value.reason) == (f"depthwise_conv2d.{rule}", message)
