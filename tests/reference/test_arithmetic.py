"""Layer arithmetic: sizes of both directions, upsamplings, and what layers cost; the worked examples' tables."""

from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.arithmetic import (
    Counts,
    Upsampling,
    axes,
    axis,
    convolution,
    covering_filters,
    fully_connected,
    pair,
    pooling,
    read_padding,
    remainder,
    transposed_convolution,
    transposed_sizes,
    upsamplings,
)
from reference.errors import SpecError


def _numbers(layer: Counts) -> tuple[tuple[int, int, int], int, int, int, int]:
    """Return the columns of the worked examples' table."""
    return layer.output, layer.weights, layer.neurons, layer.connections, layer.parameters


# --- sizes


@pytest.mark.parametrize(("stride", "out"), [(1, 7), (2, 4), (3, 3)])
def test_same_size(stride: int, out: int) -> None:
    """ceil(7 / stride)."""
    assert axis(7, 3, stride, "SAME").out == out


@pytest.mark.parametrize(("stride", "out"), [(1, 5), (2, 3)])
def test_valid_size(stride: int, out: int) -> None:
    """7x7 under 3x3 filters."""
    assert axis(7, 3, stride, "VALID").out == out


@pytest.mark.parametrize(("padding", "out"), [((0, 0), 28), ((2, 2), 32), ((0, 4), 32)])
def test_explicit_size(padding: tuple[int, int], out: int) -> None:
    """32x32 under 5x5 filters: 28, and 32 with four more elements, wherever they are."""
    assert axis(32, 5, padding=padding).out == out


def test_rows_and_columns_differ() -> None:
    """Rows: (7 - 3) / 1 + 1. Columns: (9 + 1 - 5) / 2 + 1, where 3 taps 2 apart reach over 5."""
    rows, columns = axes((7, 9), (3, 3), (1, 2), ((0, 0), (0, 1)), (1, 2))

    assert (rows.out, columns.out) == (5, 3)


def test_one_integer_stands_for_rows_and_columns() -> None:
    """As in tf.nn."""
    assert (pair("strides", 2), pair("strides", (2, 3))) == ((2, 2), (2, 3))


def test_one_name_stands_for_the_padding_of_rows_and_columns() -> None:
    """Numbers are given for each."""
    assert (read_padding("SAME"), read_padding(((1, 2), (3, 4)))) == ("SAME", ((1, 2), (3, 4)))


@pytest.mark.parametrize(
    ("padding", "sizes"), [("SAME", [5, 6]), ("VALID", [7, 8]), ((1, 1), [5, 6]), ((2, 0), [5, 6])]
)
def test_transposed_sizes_are_a_family_of_stride_sizes(padding: str | tuple[int, int], sizes: list[int]) -> None:
    """3 under 3 taps and stride 2: 2 * 2 + 3 - (sum of the padding) + {0, 1}."""
    assert list(transposed_sizes(3, 3, 2, padding)) == sizes


def test_transposed_sizes_follow_the_reach() -> None:
    """2 under 3 taps 2 apart (reach 5) and stride 3: 3 + 5 + {0, 1, 2}."""
    assert list(transposed_sizes(2, 3, 3, "VALID", 2)) == [8, 9, 10]


def test_padding_that_cuts_everything_off_leaves_no_transposed_size() -> None:
    """1 under 1 tap gives 1, less 2 and 2: nothing."""
    assert list(transposed_sizes(1, 1, 1, (2, 2))) == []


@pytest.mark.parametrize(("out", "left"), [(5, 0), (6, 1), (7, 0)])
def test_remainder(out: int, left: int) -> None:
    """(o + 2 - 3) mod 2."""
    assert remainder(out, 3, 2, (1, 1)) == left


ends = st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 4), ends, st.integers(1, 3))
def test_transposed_sizes_are_all_that_shrink_back(
    size: int, taps: int, stride: int, padding: tuple[int, int], dilation: int
) -> None:
    """By enumeration; the remainder counts 0, 1, 2 ... along a family that is whole."""
    sizes = list(transposed_sizes(size, taps, stride, padding, dilation))
    reach = (taps - 1) * dilation + 1
    fitting = [o for o in range(80) if o + sum(padding) >= reach]

    assert sizes == [o for o in fitting if axis(o, taps, stride, padding, dilation).out == size]
    if len(sizes) == stride:
        assert [remainder(o, taps, stride, padding, dilation) for o in sizes] == list(range(stride))


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"size": -1, "taps": 3}, "arithmetic.R1"),
        ({"size": 3.0, "taps": 3}, "arithmetic.R1"),
        ({"size": 3, "taps": 0}, "arithmetic.R1"),
        ({"size": 3, "taps": 3, "stride": 0}, "arithmetic.R1"),
        ({"size": 3, "taps": 3, "dilation": 0}, "arithmetic.R1"),
        ({"size": 3, "taps": 3, "padding": "SNAME"}, "arithmetic.R2"),
        ({"size": 3, "taps": 3, "padding": (-1, 0)}, "arithmetic.R2"),
        ({"size": 2, "taps": 4, "stride": 1}, "arithmetic.R3"),
    ],
)
def test_axis_refuses_by_rule(arguments: dict[str, Any], rule: str) -> None:
    """Each of these breaks one rule."""
    with pytest.raises(SpecError) as refusal:
        axis(**arguments)

    assert refusal.value.rule == rule


def test_refusal_says_what_was_met() -> None:
    """2 elements, a window of 4, steps of 1: 2 - 4 + 1 = -1 windows."""
    with pytest.raises(SpecError, match="reaching over 4 in steps of 1, 2 elements: output -1"):
        axis(2, 4)


def test_window_too_long_by_the_stride_gives_an_empty_output() -> None:
    """2 elements, a window of 3: 0 windows."""
    assert axis(2, 3).out == 0


# --- upsamplings


def test_upsamplings_of_two_to_four_without_a_remainder() -> None:
    """By hand: s + k - 2p = 4 with s <= k <= 4 and p < k."""
    found = {(u.taps, u.stride, u.padding) for u in upsamplings(2, 4, exact=True)}

    assert found == {(2, 2, 0), (3, 1, 0), (3, 3, 1), (4, 2, 1), (4, 4, 2)}


def test_upsampling_names_its_remainder() -> None:
    """3 to 6 under 3 taps, stride 2, padding 1: 4 + 3 - 2 = 5, and 1 over."""
    assert Upsampling(taps=3, stride=2, padding=1, remainder=1) in upsamplings(3, 6)


@pytest.mark.parametrize(("taps", "padding"), [(32, 0), (64, 16)])
def test_upsamplings_hold_those_of_fcn_32s(taps: int, padding: int) -> None:
    """7 to 224 by stride 32: 6 * 32 + 32, and 6 * 32 + 64 - 2 * 16."""
    assert Upsampling(taps=taps, stride=32, padding=padding, remainder=0) in upsamplings(7, 224, largest=64, exact=True)


def test_upsamplings_hold_that_of_dcgan() -> None:
    """4 to 8 under 5 taps, stride 2, padding 2: 6 + 5 - 4 = 7, and 1 over."""
    assert Upsampling(taps=5, stride=2, padding=2, remainder=1) in upsamplings(4, 8)


def test_upsampling_one_element_needs_filters_that_cover_or_fewer_with_padding() -> None:
    """1 to 2: k - 2p + a = 2 with a < s <= k <= 2: 2 taps, either stride, no padding."""
    found = [(u.taps, u.stride, u.padding) for u in upsamplings(1, 2)]

    assert found == [(2, 1, 0), (2, 2, 0)]


@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 7))
def test_upsamplings_are_all_that_fit(a: int, b: int, largest: int) -> None:
    """By enumeration of every k, p < k and s <= k: those whose forward convolution maps b to a."""
    found = [(u.taps, u.padding, u.stride) for u in upsamplings(a, b, largest=largest)]

    assert found == [
        (k, p, s)
        for k in range(1, largest + 1)
        for p in range(k)
        for s in range(1, k + 1)
        if b + 2 * p >= k and axis(b, k, s, (p, p)).out == a
    ]


@given(st.integers(1, 6), st.integers(1, 12))
def test_upsamplings_add_up(a: int, b: int) -> None:
    """The output is s (a - 1) + k - 2p + remainder, with a remainder below the stride."""
    for u in upsamplings(a, b):
        assert u.stride * (a - 1) + u.taps - 2 * u.padding + u.remainder == b
        assert 0 <= u.remainder < u.stride


def test_upsamplings_come_one_by_one() -> None:
    """A side of a million is no reason to wait for the first."""
    first = next(islice(upsamplings(1_000, 1_000_000, exact=True), 1))

    assert first == Upsampling(taps=1_000, stride=1_000, padding=0, remainder=0)


def test_upsamplings_refuse_empty_sides() -> None:
    """Nothing is upsampled from or to nothing."""
    with pytest.raises(SpecError, match=r"arithmetic\.R1: a is 0"):
        next(upsamplings(0, 4))


# --- what layers cost: the table of the worked examples


@pytest.mark.parametrize(
    ("layer", "numbers"),
    [
        (convolution((84, 84, 4), (8, 8, 4, 16), strides=4), ((20, 20, 16), 257, 6400, 1644800, 4112)),
        (convolution((20, 20, 16), (4, 4, 16, 32), strides=2), ((9, 9, 32), 257, 2592, 666144, 8224)),
        (fully_connected((9, 9, 32), 256), ((1, 1, 256), 2593, 256, 663808, 663808)),
        (fully_connected((1, 1, 256), 18), ((1, 1, 18), 257, 18, 4626, 4626)),
    ],
)
def test_atari_dqn(layer: Counts, numbers: tuple[Any, ...]) -> None:
    """The network of 2013: 84x84x4 to 18 actions."""
    assert _numbers(layer) == numbers


@pytest.mark.parametrize(
    ("layer", "numbers"),
    [
        (convolution((32, 32, 1), (5, 5, 1, 6)), ((28, 28, 6), 26, 4704, 122304, 156)),
        (convolution((14, 14, 6), (5, 5, 6, 16)), ((10, 10, 16), 151, 1600, 241600, 2416)),
        (fully_connected((5, 5, 16), 120), ((1, 1, 120), 401, 120, 48120, 48120)),
        (fully_connected((1, 1, 120), 84), ((1, 1, 84), 121, 84, 10164, 10164)),
        (fully_connected((1, 1, 84), 10), ((1, 1, 10), 85, 10, 850, 850)),
    ],
)
def test_lenet_5(layer: Counts, numbers: tuple[Any, ...]) -> None:
    """The classic network: 32x32 to 10 digits, VALID. Some texts print 41600 and 10164 for 241600 and 850."""
    assert _numbers(layer) == numbers


@pytest.mark.parametrize(("image", "output"), [((28, 28, 6), (14, 14, 6)), ((10, 10, 16), (5, 5, 16))])
def test_lenet_5_pools(image: tuple[int, int, int], output: tuple[int, int, int]) -> None:
    """2x2 windows, stride 2."""
    assert pooling(image, (2, 2), 2).output == output


def test_vgg_16_has_its_published_parameters() -> None:
    """138,357,544: Simonyan and Zisserman 2014, configuration D."""
    depths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    filters = [convolution((14, 14, i), (3, 3, i, o), padding="SAME") for i, o in pairwise(depths)]
    covering = [
        fully_connected((7, 7, 512), 4096),
        fully_connected((1, 1, 4096), 4096),
        fully_connected((1, 1, 4096), 1000),
    ]

    assert sum(layer.parameters for layer in filters + covering) == 138_357_544


def test_fc6_of_vgg_16_is_a_convolution() -> None:
    """7x7x512x4096 filters: FCN."""
    assert covering_filters((7, 7, 512), 4096) == (7, 7, 512, 4096)


def test_padding_is_no_connection() -> None:
    """3x3 under 3x3, SAME: 2 + 3 + 2 taps inside along each axis, 49; and 9 biases."""
    assert convolution((3, 3, 1), (3, 3, 1, 1), padding="SAME").connections == 49 + 9


def test_flops_are_two_a_tap_inside_the_image() -> None:
    """The same layer: 49 multiplications and 49 additions to an accumulator that starts at the bias."""
    assert convolution((3, 3, 1), (3, 3, 1, 1), padding="SAME").flops == 98


def test_layer_without_bias() -> None:
    """2x2 under 2x2x1x3: 4 weights, 3 neurons, 12 connections and parameters."""
    assert _numbers(convolution((2, 2, 1), (2, 2, 1, 3), bias=False)) == ((1, 1, 3), 4, 3, 12, 12)


def test_groups_see_their_own_channels() -> None:
    """4x4x4 under 1x1x2x6 in two groups: 2 weights and a bias; 16 * 6 neurons, each with 3 connections."""
    assert _numbers(convolution((4, 4, 4), (1, 1, 2, 6))) == ((4, 4, 6), 3, 96, 288, 18)


@pytest.mark.parametrize("filters", [(1, 1, 3, 6), (1, 1, 2, 5), (1, 1, 8, 8), (1, 1, 0, 1), (1, 1, 4, 0)])
def test_groups_are_whole(filters: tuple[int, int, int, int]) -> None:
    """4 channels: not in threes, not five filters in two groups, not deeper than the image, not empty."""
    with pytest.raises(SpecError) as refusal:
        convolution((4, 4, 4), filters)

    assert refusal.value.rule == "arithmetic.R4"


def test_pool_has_connections_and_no_weights() -> None:
    """28x28x6 under 2x2, stride 2: 14 * 14 * 6 neurons that see 4 elements each."""
    layer = pooling((28, 28, 6), (2, 2), 2)

    assert (layer.weights, layer.parameters, layer.neurons, layer.connections, layer.flops) == (0, 0, 1176, 4704, 4704)


def test_pool_sees_no_padding() -> None:
    """3x3 under 2x2, stride 2, SAME: 2 + 1 elements along each axis."""
    assert pooling((3, 3, 1), (2, 2), 2, "SAME").connections == 9


@pytest.mark.parametrize(("side", "met"), [(5, 49), (6, 64)])
def test_transposed_layer_is_counted_from_the_other_end(side: int, met: int) -> None:
    """3x3 from 3x3, stride 2, SAME: the forward windows hold 2 + 3 + 2 of 5 elements, and 3 + 3 + 2 of 6."""
    layer = transposed_convolution((3, 3, 1), (3, 3, 1, 1), (side, side), strides=2, padding="SAME")

    assert _numbers(layer) == ((side, side, 1), 10, side * side, met + side * side, 10)
    assert layer.flops == 2 * met


def test_transposed_layer_has_the_same_filters_as_its_forward_one() -> None:
    """DCGAN's 4x4x1024 to 8x8x512 under 5x5: 5 * 5 * 1024 weights and a bias for each of 512 channels."""
    layer = transposed_convolution((4, 4, 1024), (5, 5, 512, 1024), (8, 8), strides=2, padding="SAME")

    assert (layer.output, layer.weights, layer.parameters) == ((8, 8, 512), 25_601, 13_107_712)


@pytest.mark.parametrize(("output", "depth"), [((7, 7), 1), ((5, 7), 1), ((5, 5), 2)])
def test_transposed_layer_shrinks_back(output: tuple[int, int], depth: int) -> None:
    """3x3x1, 3x3 filters, stride 2, SAME: 7 shrinks to 4, and the filters' depth is the input's."""
    with pytest.raises(SpecError) as refusal:
        transposed_convolution((3, 3, 1), (3, 3, 1, depth), output, strides=2, padding="SAME")

    assert refusal.value.rule == "arithmetic.R5"
