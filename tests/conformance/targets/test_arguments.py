"""Calls as tf.nn spells them, brought to one form; and the adapter that hands them to a library's functions."""

from typing import Any

import numpy as np
import pytest

from conformance.model import Array
from conformance.targets.adapter import NotOfferedError
from conformance.targets.arguments import Biased, Drop, Scattered, Windows, read
from conformance.targets.library import Library
from conformance.targets.transport.messages import Call
from reference.errors import SpecError


def zeros(*shape: int) -> Array:
    """Return zeros in float32."""
    return np.zeros(shape, np.float32)


def windows(op: str, **given: Any) -> Windows:  # noqa: ANN401
    """Read a call that has windows."""
    found = read(op, given)
    assert isinstance(found, Windows)
    return found


@pytest.mark.parametrize("strides", [2, [2], [2, 2], [1, 2, 2, 1], (2, 2)])
def test_every_spelling_of_strides_is_one(strides: Any) -> None:  # noqa: ANN401
    """An integer, and 1, 2 or 4 of them."""
    call = windows("conv2d", input=zeros(1, 5, 5, 1), filters=zeros(3, 3, 1, 1), strides=strides, padding="SAME")

    assert call.strides == (2, 2)


def test_an_image_of_nchw_is_turned_and_comes_back() -> None:
    """Arrays are N H W C inside; `placed` is the image of the call, `ordered` a shape of it."""
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)  # 2 channels, 3 rows, 1 column

    call = windows("conv2d", input=image, filters=zeros(1, 1, 2, 4), strides=1, padding="VALID", data_format="NCHW")

    assert call.arrays["input"].shape == (1, 3, 1, 2)
    assert np.array_equal(call.placed("input"), image)
    assert call.ordered((1, 3, 1, 4)) == (1, 4, 3, 1)


def test_padding_is_told_by_name_and_by_its_ends() -> None:
    """Explicit pairs of rows and columns; SAME by the formula, its odd zero last."""
    shared: dict[str, Any] = {"input": zeros(1, 6, 5, 1), "filters": zeros(3, 3, 1, 1), "strides": 2}

    explicit = windows("conv2d", padding=[[0, 0], [1, 2], [3, 0], [0, 0]], **shared)
    same = windows("conv2d", padding="SAME", **shared)

    assert (explicit.padding, explicit.ends) == ("EXPLICIT", ((1, 2), (3, 0)))
    assert (same.padding, same.ends) == ("SAME", ((0, 1), (1, 1)))


def test_a_transposed_convolution_has_the_windows_of_the_forward_one() -> None:
    """Height and width alone are asked for: the image is 1x6x6x2, the windows start at 0, 2 and 4."""
    filters = zeros(3, 3, 2, 1)

    call = windows("conv2d_transpose", input=zeros(1, 3, 3, 1), filters=filters, output_shape=[6, 6], strides=2)

    assert call.image == (1, 6, 6, 2)
    assert call.rows.starts().tolist() == [0, 2, 4]


def test_groups_are_counted() -> None:
    """Six channels under filters of depth 2 are three groups."""
    call = windows("conv2d", input=zeros(1, 2, 2, 6), filters=zeros(1, 1, 2, 3), strides=1, padding="SAME")

    assert call.groups == 3


def test_depthwise_filters_are_those_of_as_many_groups_as_channels() -> None:
    """Three channels and a multiplier of 2: six filters of depth 1 in three groups; `multiplied` is their own shape."""
    strides = [1, 1, 1, 1]

    call = windows(
        "depthwise_conv2d", input=zeros(1, 4, 4, 3), filter=zeros(2, 2, 3, 2), strides=strides, padding="SAME"
    )

    assert (call.groups, call.filters, call.multiplied) == (3, (2, 2, 1, 6), (2, 2, 3, 2))


def test_a_bias_is_aligned_with_its_channels() -> None:
    """Channels come second in NCHW: a bias of 3 is added as 1 3 1 1."""
    found = read("bias_add", {"value": zeros(2, 3, 4, 5), "bias": zeros(3), "data_format": "NCHW"})

    assert isinstance(found, Biased)
    assert found.bias.shape == (1, 3, 1, 1)


def test_a_gradient_of_unpooling_counts_its_cells_over_the_batch() -> None:
    """Two images of four cells: index 1 of the second one is cell 5."""
    cells = np.array([3, 1]).reshape(2, 1, 1, 1)

    found = read("max_unpool_grad", {"grad": zeros(2, 2, 2, 1), "argmax": cells})

    assert isinstance(found, Scattered)
    assert found.cells.ravel().tolist() == [3, 5]


def test_windows_between_channels_are_told() -> None:
    """A pool of two channels each."""
    call = windows("max_pool", input=zeros(1, 2, 2, 4), ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding="SAME")

    assert (call.taps, call.channels) == ((1, 1), 2)


def test_an_index_counts_the_cells_of_all_images() -> None:
    """Cell 3 of the second image of 4 cells is cell 7."""
    argmax = np.full((2, 1, 1, 1), 3)

    call = read("max_unpool", {"input": zeros(2, 1, 1, 1), "argmax": argmax, "output_shape": [2, 2, 2, 1]})

    assert isinstance(call, Scattered)
    assert call.cells.ravel().tolist() == [3, 7]


def test_the_seeds_of_a_dropout_are_those_given() -> None:
    """The op's and the global one; a stateless seed has two words."""
    shared: dict[str, Any] = {"x": zeros(4), "rate": 0.5}

    calls = [read("dropout", {**shared, "seed": 7, "global_seed": 9}), read("dropout", shared)]
    stateless = read("stateless_dropout", {**shared, "seed": [1, 2]})

    assert [call.seeds for call in (*calls, stateless) if isinstance(call, Drop)] == [(7, 9), (), (1, 2)]


@pytest.mark.parametrize(
    ("op", "given", "rule"),
    [
        ("conv2d", {"filters": zeros(3, 3, 2, 1), "strides": 1, "padding": "SAME"}, "conv2d.R8"),
        ("conv2d", {"filters": zeros(3, 3, 1, 1), "strides": 0, "padding": "SAME"}, "conv2d.R3"),
        ("max_pool", {"ksize": 2, "strides": 2, "padding": "FULL"}, "max_pool.R5"),
        ("avg_pool", {"ksize": 9, "strides": 2, "padding": "VALID"}, "avg_pool.R8"),
    ],
)
def test_a_call_that_breaks_a_rule_is_refused_by_it(op: str, given: dict[str, Any], rule: str) -> None:
    """The library does not see the call."""
    with pytest.raises(SpecError) as caught:
        read(op, {"input": zeros(1, 5, 5, 1), **given})

    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("op", "given"),
    [
        ("conv2d", {"input": zeros(2, 1, 2, 2, 1), "filters": zeros(1, 1, 1, 1), "strides": 1, "padding": "SAME"}),
        ("dropout", {"x": zeros(2), "rate": np.array(0.5, np.float32)}),
        ("stateless_dropout", {"x": zeros(2), "rate": 0.5, "seed": [1, 2], "rng_alg": "threefry"}),
    ],
)
def test_what_no_library_has_is_not_offered(op: str, given: dict[str, Any]) -> None:
    """Images of rank 5, a rate that is a tensor, and bits of a named algorithm."""
    with pytest.raises(NotOfferedError):
        read(op, given)


def test_a_library_is_called_by_op_and_route() -> None:
    """The first route by default; an op or a route that it has not is not offered."""
    functions = {"conv2d": {"first": lambda call: lambda: call.strides, "second": lambda call: lambda: call.groups}}
    library = Library(functions=functions, versions={"mine": "1"})
    arguments: dict[str, Any] = {"input": zeros(1, 1, 1, 1), "filters": zeros(1, 1, 1, 1), "strides": 1}
    arguments["padding"] = "SAME"

    first = library.prepare(Call(op="conv2d", arguments=arguments)).run()
    (second,) = library.call("conv2d", "second", **arguments)

    assert (first, second) == ((1, 1), 1)
    for op, route in (("conv2d", "third"), ("max_pool", "")):
        with pytest.raises(NotOfferedError, match="no way"):
            library.prepare(Call(op=op, arguments=arguments, route=route))
