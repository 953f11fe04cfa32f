"""
Keras' own tests of its layers and ops, with the reference in the place of their backend.

The installed package carries them. One-dimensional calls are made with one row; three-dimensional ones stay Keras'.
"""

import importlib
import unittest
from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
import pytest

import reference
from reference.conventions import laid
from reference.floats import Array

# Imported by name: Keras reads KERAS_BACKEND when it is imported.
keras = pytest.importorskip("keras", reason="the package keras is not installed: tox -e peers installs it")
if keras.backend.backend() != "numpy":
    pytest.skip("KERAS_BACKEND is not numpy: tox -e peers sets it", allow_module_level=True)

MODULES = (
    "keras.src.layers.convolutional.conv_test",
    "keras.src.layers.convolutional.conv_transpose_test",
    "keras.src.layers.pooling.max_pooling_test",
    "keras.src.layers.pooling.average_pooling_test",
    "keras.src.layers.regularization.dropout_test",
    "keras.src.ops.nn_test",
)
NAMES = ("conv", "pool", "dropout")  # of the tests that are run: the others never reach these ops

# Of each test of Keras that fails on the reference, why. One that passes after all fails the test.
DISAGREEMENTS: dict[str, str] = {}

LAYOUTS = {"channels_last": "NHWC", "channels_first": "NCHW", None: "NHWC"}


def rows(array: Array, data_format: str | None) -> Array:
    """Return an image with one row where it has none."""
    if array.ndim == 4:
        return array
    return array[:, :, None] if data_format == "channels_first" else array[:, None]


def pair(value: int | Sequence[int], image: Array) -> list[int]:
    """Return a number for rows and one for columns; an image without rows has 1 there."""
    numbers = [value] if isinstance(value, int) else list(value)
    return [1, numbers[-1]] if image.ndim == 3 else [numbers[0], numbers[-1]]


def conv(
    inputs: Array,
    kernel: Array,
    strides: Any = 1,  # noqa: ANN401 -- an integer or several
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,  # noqa: ANN401 -- likewise
) -> Array:
    """Convolve as keras.ops.conv does."""
    filters = kernel if kernel.ndim == 4 else kernel[None]
    steps, gaps = pair(strides, inputs), pair(dilation_rate, inputs)
    layout = LAYOUTS[data_format]
    out = reference.conv2d(rows(inputs, data_format), filters, steps, padding.upper(), layout, gaps)
    if out.size == 0 and inputs.size:
        raise ValueError("The convolution operation resulted in an empty output.")  # which Keras refuses in these words
    return out if inputs.ndim == 4 else np.squeeze(out, layout.index("H"))


def conv_transpose(
    inputs: Array,
    kernel: Array,
    strides: Any = 1,  # noqa: ANN401 -- an integer or several
    padding: str = "valid",
    output_padding: Any = None,  # noqa: ANN401 -- likewise
    data_format: str | None = None,
    dilation_rate: Any = 1,  # noqa: ANN401 -- likewise
) -> Array:
    """Apply a transposed convolution as keras.ops.conv_transpose does."""
    image, filters, layout = (
        rows(inputs, data_format),
        kernel if kernel.ndim == 4 else kernel[None],
        LAYOUTS[data_format],
    )
    steps, gaps = pair(strides, inputs), pair(dilation_rate, inputs)
    high, columns = layout.index("H"), output_padding if isinstance(output_padding, int | None) else output_padding[-1]
    more = [None if inputs.ndim == 3 or columns is None else pair(output_padding, inputs)[0], columns]
    places = zip(image.shape[high : high + 2], filters.shape[:2], steps, gaps, strict=True)
    said = [{"padding": padding, "output_padding": number} for number in more]
    sizes = [laid("keras", "conv2d_transpose", *p, words=w).size for p, w in zip(places, said, strict=True)]
    out = reference.conv2d_transpose(image, filters, sizes, steps, padding.upper(), layout, gaps)
    return out if inputs.ndim == 4 else np.squeeze(out, high)


def pooled(pool: Callable[..., Array]) -> Callable[..., Array]:
    """Return a pool as keras.ops.max_pool and average_pool are called."""

    def call(
        inputs: Array,
        pool_size: Any,  # noqa: ANN401 -- an integer or several
        strides: Any = None,  # noqa: ANN401 -- likewise
        padding: str = "valid",
        data_format: str | None = None,
    ) -> Array:
        ksize, layout = pair(pool_size, inputs), LAYOUTS[data_format]
        steps = ksize if strides is None else pair(strides, inputs)
        out = pool(rows(inputs, data_format), ksize, steps, padding.upper(), layout)
        return out if inputs.ndim == 4 else np.squeeze(out, layout.index("H"))

    return call


def dropout(inputs: Array, rate: float, noise_shape: Any = None, seed: Any = None) -> Array:  # noqa: ANN401
    """Drop as keras.random.dropout does, by one of its seeds."""
    drawn = importlib.import_module("keras.src.random.seed_generator").draw_seed(seed)
    return reference.stateless_dropout(inputs, rate, [int(part) for part in drawn], "philox", noise_shape)


REPLACED: dict[str, dict[str, Callable[..., Array]]] = {
    "nn": {
        "conv": conv,
        "conv_transpose": conv_transpose,
        "max_pool": pooled(reference.max_pool),
        "average_pool": pooled(reference.avg_pool),
    },
    "random": {"dropout": dropout},
}


def replacing(
    name: str, original: Callable[..., Any], ours: Callable[..., Array], asked: Counter[str]
) -> Callable[..., Any]:
    """Return the reference's function where it has one for the call, and Keras' own elsewhere."""

    @wraps(original)
    def call(inputs: Any, *others: Any, **words: Any) -> Any:  # noqa: ANN401 -- the arguments of Keras
        image = np.asarray(inputs)
        known = image.dtype.name in {"float16", "bfloat16", "float32", "float64"}
        if not known or (image.ndim not in {3, 4} and ours is not dropout):
            return original(inputs, *others, **words)
        asked[name] += 1
        return ours(image, *(np.asarray(other) if hasattr(other, "__array__") else other for other in others), **words)

    return call


def put_in(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Put the reference into Keras' backend; return how often each function is asked, counted on."""
    counted: Counter[str] = Counter()
    for name, functions in REPLACED.items():
        module = importlib.import_module(f"keras.src.backend.numpy.{name}")
        for function, ours in functions.items():
            monkeypatch.setattr(module, function, replacing(function, getattr(module, function), ours, counted))
    return counted


def failures() -> tuple[int, dict[str, str]]:
    """Run Keras' tests of these ops; return how many there are, and of each that fails the last line."""
    result = unittest.TestResult()
    for module in MODULES:
        for suite in unittest.defaultTestLoader.loadTestsFromName(module):
            chosen = (test for test in suite if any(name in test.id().lower() for name in NAMES))  # type: ignore[union-attr]
            unittest.TestSuite(chosen).run(result)
    failed = (*result.failures, *result.errors)
    return result.testsRun, {test.id(): text.strip().splitlines()[-1] for test, text in failed}


@pytest.mark.filterwarnings("ignore")  # Keras'
def test_keras_passes_its_own_tests(
    monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """Those that it passes by itself on NumPy, but for what is listed; and what is listed does fail."""
    number, by_itself = failures()
    asked = put_in(monkeypatch)
    _, on_ours = failures()

    failed = {test: why for test, why in on_ours.items() if test not in by_itself}
    record_property("tests", number - len(by_itself))
    record_property("asked", dict(asked))
    assert {test: why for test, why in failed.items() if test not in DISAGREEMENTS} == {}
    assert failed.keys() == DISAGREEMENTS.keys()
    assert asked.keys() == {name for functions in REPLACED.values() for name in functions}
