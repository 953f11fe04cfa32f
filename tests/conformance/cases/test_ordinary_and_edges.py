"""Half of the valid calls are ordinary, and every kind of the other half comes within a run's first calls."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import pytest

from conformance import ops
from conformance.cases.choices import streams
from conformance.cases.regimes import COMMON
from conformance.cases.sizes import PAST_16_BITS
from conformance.model import Case
from conformance.ops.convolutions.forms import Convolution
from conformance.ops.convolutions.forms import read as convolution
from conformance.ops.pools.calls import Pool
from conformance.ops.pools.calls import read as pool

GEOMETRIES = 400  # of valid calls, each of another geometry
SIDE = 10


def drawn(op: str, seed: int = 0) -> Iterator[Case]:
    """Yield the first valid calls of an op, one of each geometry."""
    return (ops.valid(op, choices) for choices in streams(seed, op, 0, GEOMETRIES))


def is_ordinary(call: Convolution | Pool) -> bool:
    """Return whether sides, windows and strides are small, nothing is dilated, grouped or empty, the dtype common."""
    axes = (call.rows, call.columns)
    grouped = isinstance(call, Convolution) and call.groups > 1
    small = all(1 <= axis.size <= SIDE and axis.taps <= 5 and axis.stride <= 4 for axis in axes)
    return (
        small and 0 not in call.result and max(a.dilation for a in axes) == 1 and not grouped and call.dtype in COMMON
    )


@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose", "conv2d_backprop_filter"])
def test_half_of_the_convolutions_are_ordinary(op: str) -> None:
    """And some of the other half by chance, so that it is at least half, and not nearly all."""
    share = sum(is_ordinary(convolution(case)) for case in drawn(op)) / GEOMETRIES

    assert 0.5 <= share < 0.6


@pytest.mark.parametrize("op", ["max_pool", "max_pool_grad", "avg_pool"])
def test_half_of_the_pools_are_ordinary(op: str) -> None:
    """As of the convolutions."""
    share = sum(is_ordinary(pool(case)) for case in drawn(op)) / GEOMETRIES

    assert 0.5 <= share < 0.6


KINDS: dict[str, Callable[[Convolution], bool]] = {
    "a window above 11": lambda call: max(call.rows.taps, call.columns.taps) > 11,
    "a stride of 16": lambda call: 16 in (call.rows.stride, call.columns.stride),
    "a stride of 32": lambda call: 32 in (call.rows.stride, call.columns.stride),
    "patches that do not overlap": lambda call: call.rows.stride == call.rows.taps > 11,
    "images past 65,535": lambda call: call.lead[-1] > 65_535,
    "filters past 65,535": lambda call: call.outputs > 65_535,
    "channels past 65,535": lambda call: call.depth > 65_535,
    "both sides past 200": lambda call: min(call.rows.size, call.columns.size) > 200,
    "one side past 8,192": lambda call: max(call.rows.size, call.columns.size) > 8_192,
    "padding longer than the window at one end only": lambda call: any(
        min(axis.before, axis.after) < axis.reach < max(axis.before, axis.after) for axis in (call.rows, call.columns)
    ),
    "padding of 2^30 or more": lambda call: any(max(a.before, a.after) >= 2**30 for a in (call.rows, call.columns)),
    "a stride of 2^30 or more": lambda call: max(call.rows.stride, call.columns.stride) >= 2**30,
    "a window of 2^16 or more": lambda call: max(call.rows.reach, call.columns.reach) >= 2**16,
    "SAME with a stride above the window": lambda call: (
        call.padding == "SAME"
        and any((axis.out - 1) * axis.stride + axis.reach < axis.size for axis in (call.rows, call.columns))
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_convolutions_of_every_kind_are_drawn(kind: str, seed: int) -> None:
    """Among 400 geometries of any seed there is at least one."""
    assert any(KINDS[kind](convolution(case)) for case in drawn("conv2d", seed))


@pytest.mark.parametrize("op", ["max_pool", "max_pool_with_argmax", "avg_pool_grad", "avg_unpool"])
def test_pools_have_windows_of_2_to_the_16_and_2_to_the_31(op: str) -> None:
    """Over a small image, of which they hold all."""
    taps = {max(call.rows.taps, call.columns.taps) for call in map(pool, (*drawn(op), *drawn(op, 1)))}

    assert 2**16 in taps
    assert max(taps) >= 2**31 - 2


@pytest.mark.parametrize("op", ["max_pool", "avg_pool_grad", "max_unpool"])
def test_images_and_channels_past_16_bits_are_pooled(op: str) -> None:
    """A counter of 16 bits would come round."""
    shapes = [spec.shape for case in drawn(op) for spec in case.arrays.values()]

    assert any(shape[0] > 65_535 for shape in shapes)
    assert any(max(shape[1], shape[3]) > 65_535 for shape in shapes)


def test_large_masks_have_a_rate_of_zero_as_a_tensor() -> None:
    """A rate of 0 keeps all, and no comparison of a random number with it may drop one cell of 65,536."""
    calls = [
        case for case in drawn("stateless_dropout") if case.attributes["rate"] == {"array": 0.0, "dtype": case.dtype}
    ]

    assert any(min(case.arrays["x"].shape[:2]) > 200 for case in calls if len(case.arrays["x"].shape) > 1)


def test_some_patterns_are_at_the_layers_of_real_networks() -> None:
    """MobileNet's depthwise convolutions of 512 channels and more: of other patterns none has so many."""
    channels = {spec.shape[2] for case in drawn("pattern") for name, spec in case.arrays.items() if name == "filters"}

    assert max(channels) >= 512


def numbers(value: Any) -> list[int]:  # noqa: ANN401 -- an attribute
    """Return the integers of a number, a list or a tensor."""
    return np.ravel(value["array"] if isinstance(value, dict) else value).tolist()


@pytest.mark.parametrize("op", ops.OPS)
def test_what_is_past_16_bits_along_one_axis_is_small_along_the_others(op: str) -> None:
    """Arrays, and results that a call asks for, hold eight times as many elements at most."""
    cases = list(drawn(op))
    asked = [numbers(case.attributes.get(name, 1)) for case in cases for name in ("output_shape", "input_sizes")]
    shapes = [*asked, *(spec.shape for case in cases for spec in case.arrays.values())]

    assert max(map(prod, shapes)) <= 8 * max(PAST_16_BITS)
