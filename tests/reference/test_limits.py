"""
No call costs more than its arrays justify: every op near 2^31 in every attribute, with little memory and time to spare.

A window of 2^31 - 1 over an image of 4 x 4 is a matter of 16 cells. The guard is many times what such calls take.
"""

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from reference import arithmetic
from reference.bounds import within
from reference.engine.exact import SumOfProducts
from reference.geometry import geometry
from reference.ops import depthwise_conv2d, depthwise_conv2d_backprop_filter, depthwise_conv2d_backprop_input
from reference.ops.avg_pool import average
from reference.ops.avg_unpool_grad import window_sums
from reference.ops.conv2d import forward
from reference.ops.conv2d_backprop_filter import filter_gradient
from reference.ops.conv2d_transpose import backward
from reference.ops.max_pool_grad import credited
from reference.ops.pools import spread
from tests.reference.ops.test_definitions import DEFINED, SUMS, Arguments, Side, calls, exact, rounded, same

MEMORY = 2**28  # bytes that a call may take
SECONDS = 10  # of the processor's time
LARGEST = 2**31 - 1

small = st.integers(1, 4)
large = st.one_of(small, st.sampled_from([2**16 - 1, 2**16, 2**30, LARGEST - 1, LARGEST]))


@contextmanager
def sparing() -> Iterator[None]:
    """Fail what takes much memory or time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {SECONDS} s of the processor's time")

    before = signal.signal(signal.SIGVTALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, hard))
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGVTALRM, before)


@st.composite
def distant(draw: st.DrawFn, padding: str, taps_at_most: int, *, pool: bool) -> Side:
    """Draw one axis of a small image, with a few windows, near 2^31 in whatever may be."""
    taps = draw(large if pool else st.integers(1, taps_at_most))
    stride, dilation, size = draw(large), 1 if pool else draw(large), draw(small)
    reach, out = (taps - 1) * dilation + 1, draw(small)
    if padding == "SAME":
        return size, taps, stride, dilation, (0, 0), -(-size // stride)
    if padding == "VALID":
        taps = dilation = draw(small)
        reach = (taps - 1) * (1 if pool else dilation) + 1
        return reach + stride % 2, taps, stride, 1 if pool else dilation, (0, 0), 1 + (stride == 1)
    absent = reach + (out - 1) * stride - size
    before = draw(st.sampled_from([0, 1, absent // 2, absent - 1, absent]))
    longest = taps - 1 if pool else LARGEST
    assume(0 <= before <= longest and 0 <= absent - before <= longest)
    return size, taps, stride, dilation, (before, absent - before), out


def sums(op: str, a: Arguments) -> SumOfProducts:
    """Return a call as a sum of products."""
    rest: dict[str, Any] = dict(a)
    plain: dict[str, Callable[..., SumOfProducts]] = {
        "conv2d": forward,
        "conv2d_backprop_filter": filter_gradient,
        "depthwise_conv2d": depthwise_conv2d.forward,
        "depthwise_conv2d_backprop_input": depthwise_conv2d_backprop_input.backward,
        "depthwise_conv2d_backprop_filter": depthwise_conv2d_backprop_filter.filter_gradient,
        "avg_pool": average,
        "avg_unpool_grad": window_sums,
    }
    if op in plain:
        return plain[op](**rest)
    if op == "max_pool_grad":
        return credited(**rest)[0]
    shape, values = {
        "conv2d_transpose": ("output_shape", "input"),
        "conv2d_backprop_input": ("input_sizes", "out_backprop"),
        "avg_pool_grad": ("orig_input_shape", "grad"),
        "avg_unpool": ("output_shape", "input"),
    }[op]
    if op.startswith("conv2d"):
        return backward(op, rest.pop(shape), rest.pop("filters"), rest.pop(values), **rest)
    return spread(op, rest.pop(shape), rest.pop(values), **rest)


SLIDING = [op for op in DEFINED if not op.startswith(("max_unpool", "bias_add"))]


@pytest.mark.parametrize("op", [op for op in SLIDING if op in SUMS])
@given(st.data())
def test_a_sum_near_the_limits_is_its_definition(op: str, data: st.DataObject) -> None:
    """Windows, strides, dilations and padding up to 2^31 - 1: the op and its bounds, in a moment."""
    call = data.draw(calls(op, "near", sides=distant))

    with sparing():
        out = getattr(reference, op)(**call)
        bounds = within(sums(op, call))

    assert same(out, rounded(DEFINED[op](call, exact), out.dtype))
    assert bounds.admits(bounds.value).all()


@pytest.mark.parametrize("op", ["max_pool", "max_pool_with_argmax"])
@given(st.data())
def test_a_maximum_near_the_limits_is_its_definition(op: str, data: st.DataObject) -> None:
    """Windows, strides and padding up to 2^31 - 1: values and indices."""
    call = data.draw(calls(op, "lattice", "special", sides=distant))

    with sparing():
        out = getattr(reference, op)(**call)

    defined = DEFINED[op](call, lambda values: values)
    pairs = [(out, defined)] if op == "max_pool" else list(zip(out, defined, strict=True))
    assert all(same(a, b) for a, b in pairs)


ROW = np.ones((1, 1, 10**5, 1))
LONG: dict[str, Arguments] = {
    "conv2d": {"input": ROW, "filters": np.ones((1, 1000, 1, 1)), "strides": 1, "padding": "SAME"},
    "conv2d_transpose": {
        "input": ROW,
        "filters": np.ones((1, 1000, 1, 1)),
        "output_shape": ROW.shape,
        "strides": 1,
        "padding": "SAME",
    },
    "max_pool": {"input": ROW, "ksize": [1, 1000], "strides": 1, "padding": "SAME"},
    "max_pool_with_argmax": {"input": ROW, "ksize": [1, 1000], "strides": 1, "padding": "SAME"},
    "avg_pool": {"input": ROW, "ksize": [1, 1000], "strides": 1, "padding": "SAME"},
    "avg_pool_grad": {
        "orig_input_shape": ROW.shape,
        "grad": ROW,
        "ksize": [1, 1000],
        "strides": 1,
        "padding": "SAME",
    },
}


@pytest.mark.parametrize("op", LONG)
def test_a_long_row_under_a_long_window_takes_no_table_of_both(op: str) -> None:
    """10^5 outputs of 1000 taps: 8 bytes for each pair of them would be 800 MB."""
    with sparing():
        out = getattr(reference, op)(**LONG[op])

    first = out[0] if isinstance(out, tuple) else out
    assert first.shape == ROW.shape


NONE = np.zeros((0, LARGEST, 1, 1), np.float32)
TAPS = {"filters": np.ones((3, 1, 1, 1), np.float32)}
EMPTY: dict[str, Arguments] = {
    "conv2d": {"input": NONE, **TAPS},
    "conv2d_transpose": {"input": NONE, **TAPS, "output_shape": NONE.shape},
    "conv2d_backprop_input": {"out_backprop": NONE, **TAPS, "input_sizes": NONE.shape},
    "max_pool_grad": {"orig_input": NONE, "orig_output": NONE, "grad": NONE, "ksize": [50, 1]},
    "avg_pool": {"input": NONE, "ksize": [50, 1]},
    "avg_pool_grad": {"orig_input_shape": NONE.shape, "grad": NONE, "ksize": [50, 1]},
    "avg_unpool": {"input": NONE, "output_shape": NONE.shape, "ksize": [50, 1]},
}


@pytest.mark.parametrize("op", EMPTY)
def test_an_empty_batch_of_large_images_takes_no_memory(op: str) -> None:
    """No image of 2^31 - 1 rows, and its bounds."""
    arguments = {**EMPTY[op], "strides": 1, "padding": "SAME"}

    with sparing():
        out = getattr(reference, op)(**arguments)
        bounds = within(sums(op, arguments))

    assert out.shape == bounds.value.shape == NONE.shape


def test_the_filters_of_an_empty_batch_have_no_gradient() -> None:
    """No image of 2^31 - 1 rows: three zeros."""
    with sparing():
        out = reference.conv2d_backprop_filter(NONE, (3, 1, 1, 1), NONE, 1, "SAME")

    assert out.tolist() == np.zeros((3, 1, 1, 1)).tolist()


def test_the_largest_of_no_images_takes_no_memory() -> None:
    """No image of 2^31 - 1 rows under windows of 50."""
    with sparing():
        assert reference.max_pool(NONE, [50, 1], 1, "SAME").shape == NONE.shape


def test_layer_arithmetic_counts_without_a_table_of_windows() -> None:
    """
    A window over all of 2^31 - 1 rows, one row of it in each of as many windows, and padding on both sides.

    Windows of 3 over a side n, SAME: all but the two at the ends have 3 taps inside, and these have 2.
    """
    with sparing():
        whole = arithmetic.pooling((LARGEST, 1, 1), (LARGEST, 1), 1)
        single = arithmetic.pooling((LARGEST, 1, 1), (1, 1), 1)
        padded = arithmetic.pooling((LARGEST, 1, 1), (3, 1), 1, "SAME")

    assert (whole.connections, single.connections, padded.connections) == (LARGEST, LARGEST, 3 * LARGEST - 2)


def test_geometry_lists_the_elements_of_a_window_not_its_taps() -> None:
    """A window of 2^31 - 1 over 4 elements holds all of them; of a transposed convolution, those between its zeros."""
    with sparing():
        pool = geometry("avg_pool", input=(4, 4), filters=(LARGEST, 1), padding="SAME")
        transposed = geometry("conv2d_transpose", input=(2, 1), filters=(2**30, 1), strides=(2**29, 1))
        held, spread_out = pool.rows.inputs(1), transposed.rows.inputs(2**29)

    assert (held, spread_out) == ((0, 1, 2, 3), (0, 1))
