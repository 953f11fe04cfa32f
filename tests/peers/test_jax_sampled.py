"""
JAX on small random calls: jax.lax gives what the reference gives, bit for bit.

The values are whole numbers small enough for every sum to be exact, so that nothing but the geometry can differ.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference
from reference.floats import Array
from reference.random_bits import threefry
from reference.windows import Axis, explicit, same, valid

jax = pytest.importorskip("jax", reason="the package jax is not installed: tox -e peers installs it")

SAMPLES = 60  # of each op: JAX compiles each of them
LAYOUT = ("NHWC", "HWIO", "NHWC")


class Sample:
    """One random call: sizes, windows and values, all from one number."""

    def __init__(self, number: int, *, pool: bool = False) -> None:
        self.draw = draw = np.random.default_rng(number)
        self.batch, self.size = int(draw.integers(1, 3)), draw.integers(1, 9, 2)
        self.taps, self.strides = draw.integers(1, 5, 2), draw.integers(1, 4, 2)
        self.dilations = np.ones(2, int) if pool else draw.integers(1, 3, 2)
        self.groups, self.depth, self.each = (int(n) for n in draw.integers(1, 4, 3))
        self.padding: Any = draw.choice(["SAME", "VALID", "explicit"])
        if self.padding == "explicit":
            self.padding = [[0, 0], *(draw.integers(0, taps, 2).tolist() for taps in self.taps), [0, 0]]
        reaches = (self.taps - 1) * self.dilations + 1
        self.size = np.maximum(self.size, reaches)  # so that VALID has a window

    @property
    def channels(self) -> int:
        """Channels of the image."""
        return self.groups * self.depth

    def axes(self) -> list[Axis]:
        """Return the windows along rows and columns."""
        found = []
        for i in range(2):
            place = (int(self.size[i]), int(self.taps[i]), int(self.strides[i]), int(self.dilations[i]))
            ends = None if isinstance(self.padding, str) else self.padding[1 + i]
            found.append(explicit(*place, *ends) if ends else (same if self.padding == "SAME" else valid)(*place))
        return found

    def values(self, *shape: int) -> Array:
        """Return small whole numbers."""
        return self.draw.integers(-8, 9, shape).astype(np.float32)

    def image(self) -> Array:
        """Return an image N H W C."""
        return self.values(self.batch, *self.size, self.channels)

    def filters(self) -> Array:
        """Return filters H W I O."""
        return self.values(*self.taps, self.depth, self.groups * self.each)

    def said(self) -> dict[str, Any]:
        """Return strides and padding as the reference takes them."""
        return {"strides": self.strides.tolist(), "padding": self.padding}


def lax_conv(sample: Sample, image: Any, filters: Any) -> Any:  # noqa: ANN401 -- arrays of JAX
    """Convolve as JAX does."""
    ends = [(axis.before, axis.after) for axis in sample.axes()]
    return jax.lax.conv_general_dilated(
        image,
        filters,
        sample.strides.tolist(),
        sample.padding if isinstance(sample.padding, str) else ends,
        rhs_dilation=sample.dilations.tolist(),
        dimension_numbers=LAYOUT,
        feature_group_count=sample.groups,
        precision="highest",
    )


def windows(sample: Sample, image: Any, start: float, combine: Callable[..., Any]) -> Any:  # noqa: ANN401 -- arrays of JAX
    """Reduce windows as JAX does, with JAX's own SAME."""
    sizes, steps = ((1, *numbers.tolist(), 1) for numbers in (sample.taps, sample.strides))
    padding = sample.padding if isinstance(sample.padding, str) else tuple(map(tuple, sample.padding))
    return jax.lax.reduce_window(image, start, combine, sizes, steps, padding)


@pytest.mark.parametrize("number", range(SAMPLES))
def test_conv_and_its_gradients(number: int) -> None:
    """conv_general_dilated, and its transposes: conv2d, conv2d_backprop_input, conv2d_backprop_filter."""
    sample = Sample(number)
    image, filters = sample.image(), sample.filters()
    said = sample.said() | {"dilations": sample.dilations.tolist()}
    out, back = jax.vjp(lambda x, w: lax_conv(sample, x, w), image, filters)
    gradient = sample.values(*out.shape)
    to_image, to_filters = back(gradient)

    assert reference.conv2d(image, filters, **said).tolist() == out.tolist()
    assert reference.conv2d_backprop_input(image.shape, filters, gradient, **said).tolist() == to_image.tolist()
    assert reference.conv2d_backprop_filter(image, filters.shape, gradient, **said).tolist() == to_filters.tolist()


@pytest.mark.parametrize("number", range(SAMPLES))
def test_conv_transpose(number: int) -> None:
    """conv_transpose with transpose_kernel; its SAME grows to size times stride, and its VALID to the longest."""
    sample = Sample(number)
    padding = ("SAME", "VALID")[number % 2]
    filters = sample.values(*sample.taps, sample.depth, sample.each)
    image = sample.values(sample.batch, *sample.size, sample.each)
    out = jax.lax.conv_transpose(
        image, filters, sample.strides.tolist(), padding, dimension_numbers=LAYOUT, transpose_kernel=True
    )

    ours = reference.conv2d_transpose(image, filters, out.shape, sample.strides.tolist(), padding)

    assert ours.tolist() == out.tolist()


@pytest.mark.parametrize("number", range(SAMPLES))
def test_pools(number: int) -> None:
    """reduce_window: its maximum is max_pool; its sum over its count of ones is avg_pool, but for explicit padding."""
    sample = Sample(number, pool=True)
    image, ksize = sample.image(), sample.taps.tolist()

    assert reference.max_pool(image, ksize, **sample.said()).tolist() == (
        windows(sample, image, -np.inf, jax.lax.max).tolist()
    )
    if isinstance(sample.padding, str):
        sums, counts = (windows(sample, array, 0.0, jax.lax.add) for array in (image, np.ones_like(image)))
        assert reference.avg_pool(image, ksize, **sample.said()).tolist() == (np.asarray(sums) / counts).tolist()


@pytest.mark.parametrize("number", range(SAMPLES))
def test_max_pool_grad(number: int) -> None:
    """The gradient of reduce_window, of elements that are all different: each window credits its largest."""
    sample = Sample(number, pool=True)
    shape = (sample.batch, *sample.size, sample.channels)
    image = sample.draw.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)
    out, back = jax.vjp(lambda x: windows(sample, x, -np.inf, jax.lax.max), image)
    gradient = sample.values(*out.shape)

    ours = reference.max_pool_grad(image, np.asarray(out), gradient, sample.taps.tolist(), **sample.said())

    assert ours.tolist() == back(gradient)[0].tolist()


def test_threefry() -> None:
    """ThreeFry 2x32-20: JAX pairs the first half of its counts with the second."""
    counts = np.random.default_rng(0).integers(0, 2**32, (2, 1000), dtype=np.uint32)
    key = np.array([0x13198A2E, 0x03707344], np.uint32)

    random = importlib.import_module("jax.extend.random")
    words = np.asarray(random.threefry_2x32(key, counts.reshape(-1))).reshape(2, -1)

    assert threefry(counts.T, key.tolist()).tolist() == words.T.tolist()
