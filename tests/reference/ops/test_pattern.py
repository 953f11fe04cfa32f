"""Patterns: the ops of a pattern in turn, by hand."""

from typing import Any

import numpy as np
import pytest

from reference import SpecError, pattern
from reference.floats import FORMATS, Array


def single(values: Any) -> Array:  # noqa: ANN401 -- nested lists
    """Return numbers in float32."""
    return np.array(values, np.float32)


ONE: dict[str, Any] = {"filters": np.ones((1, 1, 1, 1), np.float32), "strides": 1, "padding": "VALID"}
SIDES = single([-2, -0.5, 0.5, 8]).reshape(1, 1, 4, 1)


def row(out: Array) -> list[float]:
    """Return the elements of one row."""
    return [round(float(value), 4) for value in out.ravel()]


@pytest.mark.parametrize(
    ("activation", "given", "out"),
    [
        ("relu", {}, [0, 0, 0.5, 8]),
        ("relu6", {}, [0, 0, 0.5, 6]),
        ("leaky_relu", {}, [-0.4, -0.1, 0.5, 8]),
        ("leaky_relu", {"alpha": 2.0}, [-4, -1, 0.5, 8]),
        ("elu", {}, [-0.8647, -0.3935, 0.5, 8]),  # exp(-2) = 0.1353, exp(-1/2) = 0.6065
        ("tanh", {}, [-0.9640, -0.4621, 0.4621, 1.0]),
        ("sigmoid", {}, [0.1192, 0.3775, 0.6225, 0.9997]),
    ],
)
def test_an_activation_is_applied_to_every_element(activation: str, given: dict[str, float], out: list[float]) -> None:
    """Of -2, -1/2, 1/2 and 8; the tables of the exponential function give the last three."""
    assert row(pattern(SIDES, ["conv2d", activation], **ONE, **given)) == pytest.approx(out, abs=1e-4)


def test_stages_are_taken_in_their_order() -> None:
    """Relu before the bias of -1 leaves it, after the bias hides it."""
    bias = {"bias": single([-1])}

    assert row(pattern(SIDES, ["conv2d", "relu", "bias_add"], **ONE, **bias)) == [-1, -1, -0.5, 7]
    assert row(pattern(SIDES, ["conv2d", "bias_add", "relu"], **ONE, **bias)) == [0, 0, 0, 7]


def test_padding_before_the_head_grows_every_axis() -> None:
    """One image, one row and two channels more, before each: the last element alone is not padding."""
    filters = {**ONE, "filters": np.ones((1, 1, 3, 1), np.float32)}

    out = pattern(single([[[[5]]]]), ["pad", "conv2d"], paddings=[[1, 0], [1, 0], [0, 0], [2, 0]], **filters)

    assert out.shape == (2, 2, 1, 1)
    assert row(out) == [0, 0, 0, 5]


def test_batch_norm_takes_the_parameters_of_its_channel() -> None:
    """Channel 0: (6 - 2) 3 / sqrt(4) + 1 = 7; channel 1: (6 - 6) / sqrt(1) - 1 = -1, but for epsilon."""
    filters = {**ONE, "filters": np.ones((1, 1, 1, 2), np.float32)}
    parameters = {"scale": [3, 1], "offset": [1, -1], "mean": [2, 6], "variance": [4, 1]}
    given = {name: single(values) for name, values in parameters.items()}

    out = pattern(single([[[[6]]]]), ["conv2d", "batch_norm"], **filters, **given, epsilon=2.0**-80)

    assert row(out) == [7, -1]


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one() -> None:
    """2 and 3, each by 1 and by 10, are 2 20 3 30; by 1 0 0 1 they make 32, by 0 1 -1 0 17: in either layout."""
    each = np.tile(single([1, 10]), 2).reshape(1, 1, 2, 2)
    mixing = single([[1, 0], [0, 1], [0, -1], [1, 0]]).reshape(1, 1, 4, 2)
    call: dict[str, Any] = {"filters": each, "pointwise_filter": mixing, "strides": [1, 1, 1, 1], "padding": "VALID"}
    image = single([2, 3]).reshape(1, 1, 1, 2)

    out = pattern(image, ["depthwise_conv2d", "pointwise_conv2d"], **call)
    channels_first = pattern(
        image.reshape(1, 2, 1, 1), ["depthwise_conv2d", "pointwise_conv2d"], **call, data_format="NCHW"
    )

    assert row(out) == row(channels_first) == [32, 17]
    assert (out.shape, channels_first.shape) == ((1, 1, 1, 2), (1, 2, 1, 1))


def test_values_of_one_shape_are_added() -> None:
    """In the order of the elements."""
    out = pattern(SIDES, ["conv2d", "add"], **ONE, addend=single([1, 2, 3, 4]).reshape(1, 1, 4, 1))

    assert row(out) == [-1, 1.5, 3.5, 12]


@pytest.mark.parametrize(("head", "given"), [("max_pool", {"ksize": 2}), ("conv2d_transpose", {})])
def test_other_heads_are_led_on(head: str, given: dict[str, int]) -> None:
    """A pool of -2, -1/2, 1/2 and 8 by two gives -1/2 and 8; a transpose with ones each of them."""
    call: dict[str, Any] = {"strides": [1, 2] if given else 1, "padding": "SAME", **given}
    if head == "conv2d_transpose":
        call |= {"filters": ONE["filters"], "output_shape": [1, 1, 4, 1]}

    out = pattern(SIDES, [head, "relu"], **call)

    assert row(out) == ([0, 8] if given else [0, 0, 0.5, 8])


def test_a_depthwise_head_has_filters_for_each_channel() -> None:
    """Two for the one channel: by 1 and by 2."""
    filters = single([1, 2]).reshape(1, 1, 1, 2)

    out = pattern(single([[[[3]]]]), ["depthwise_conv2d"], filters=filters, strides=[1, 1, 1, 1], padding="SAME")

    assert row(out) == [3, 6]


@pytest.mark.parametrize("activation", ["relu", "relu6", "leaky_relu", "elu", "tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_nan_passes_through_every_activation(activation: str, dtype: str) -> None:
    """pattern.R2: and no infinity becomes one."""
    fmt = FORMATS[dtype]
    image = np.array([np.nan, np.inf, -np.inf]).astype(fmt.dtype).reshape(1, 1, 3, 1)
    filters = np.ones((1, 1, 1, 1)).astype(fmt.dtype)

    out = pattern(image, ["conv2d", activation], filters=filters, strides=1, padding="VALID")

    assert out.dtype == fmt.dtype
    assert np.isnan(out).ravel().tolist() == [True, False, False]


@pytest.mark.parametrize(
    "call",
    [
        {"stages": []},
        {"stages": ["bias_add"]},
        {"stages": ["conv2d", "conv2d"]},
        {"stages": ["conv2d", "pad"], "paddings": [[0, 0]] * 4},
        {"stages": ["conv2d", "max_pool"]},
        {"stages": ["conv2d", "relu", "relu"]},
        {"stages": "conv2d"},
        {"stages": ["conv2d", "swish"]},
        {"stages": ["conv2d"], "bias": single([1])},
        {"stages": ["conv2d", "bias_add"]},
        {"stages": ["pad", "conv2d"], "paddings": [[0, 0]] * 3},
        {"stages": ["pad", "conv2d"], "paddings": [[0, -1]] * 4},
        {"stages": ["conv2d", "add"], "addend": np.ones((1, 1, 1, 1), np.float32)},
        {"stages": ["conv2d", "add"], "addend": np.ones((1, 1, 4, 1), np.float64)},
        {"stages": ["conv2d", "pointwise_conv2d"], "pointwise_filter": np.ones((1, 2, 1, 1), np.float32)},
        {"stages": ["conv2d", "pointwise_conv2d"], "pointwise_filter": np.ones((1, 1, 2, 1), np.float32)},
        {"stages": ["conv2d", "leaky_relu"], "alpha": 0},
        {"stages": ["conv2d", "leaky_relu"], "alpha": "steep"},
        {"stages": ["conv2d"], "input": np.ones((1, 1, 1, 1), np.int32)},
        {"stages": ["conv2d"], "input": np.ones((1, 1, 1), np.float32)},
        {
            "stages": ["conv2d", "batch_norm"],
            **{name: np.ones(1) for name in ("scale", "offset", "mean", "variance")},
        },
    ],
)
def test_what_is_no_pattern_is_refused(call: dict[str, Any]) -> None:
    """pattern.R1: names, order, arguments, shapes, dtypes."""
    with pytest.raises(SpecError) as refusal:
        pattern(**{"input": SIDES, **ONE, **call})

    assert refusal.value.rule == "pattern.R1"
    assert refusal.value.values
