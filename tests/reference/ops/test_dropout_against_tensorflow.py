"""The reference's dropout and TensorFlow's, bit for bit. TensorFlow runs in one child process."""

import importlib.util
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference.floats import FORMATS, Array, format_of
from reference.ops.dropout import dropout, kept_mask, stateless_dropout
from reference.ops.dropout_grad import dropout_grad
from reference.random_bits import stateless_uniform

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
]

Case = dict[str, Any]
SHAPES: list[tuple[list[int], list[int | None] | None]] = [
    ([], None),
    ([9], None),
    ([0, 3], None),
    ([3, 5, 7], None),
    ([4, 5, 6], [4, 1, 6]),
    ([4, 5, 6], [None, 1, None]),
    ([4, 5, 6], [6]),
    ([4, 5, 6], []),
]
TRACED = ([4, 1, 6], [None, 1, None])
RATES: list[float] = [0, 0.5, 0.1, 1 / 3, 0.999]
TENSOR_RATES: list[float] = [0, 0.3, 1, 2, -1, float("nan")]
SEEDS = [[1, 2], [-5, 2**40], [2**63 - 1, -(2**63)]]
GLOBAL_SEEDS = [(0, None), (3, 9), (0, 0), (-7, 2**40), (2**31 - 1, -1)]
PROGRAM = """
import json, sys
import numpy as np
import tensorflow as tf

def drop(case, x, seed):
    rate = tf.constant(case["rate"], x.dtype) if case["tensor"] else case["rate"]
    if "global_seed" in case:
        return tf.nn.dropout(x, rate, case["noise_shape"], seed=case["seed"])
    return tf.nn.experimental.stateless_dropout(x, rate, seed, case["rng_alg"], case["noise_shape"])

def observed(case):
    x = tf.constant(np.resize(case["values"], case["shape"]).astype(tf.as_dtype(case["dtype"]).as_numpy_dtype))
    seed = None if "global_seed" in case else tf.constant(case["seed"], tf.int64)
    if "global_seed" in case:  # only then: it also empties the cache of kernels
        tf.random.set_seed(case["global_seed"])
    if case["mode"] == "gradient":
        with tf.GradientTape() as tape:
            tape.watch(x)
            out = drop(case, x, seed)
        return tape.gradient(out, x, output_gradients=x)
    if case["mode"] == "eager":
        return drop(case, x, seed)
    return tf.function(lambda x, s: drop(case, x, s), jit_compile=case["mode"] == "xla")(x, seed)

results = [observed(case).numpy() for case in json.load(sys.stdin)]
np.savez(sys.argv[1], *[np.atleast_1d(result).view(np.uint8) for result in results])
"""


def eager_cases() -> list[Case]:
    """Return calls of stateless_dropout in eager mode."""
    return [
        {"mode": "eager", "rng_alg": alg, "rate": rate, "tensor": tensor, "seed": seed}
        for alg, seed in zip(("philox", "auto_select", "auto_select"), SEEDS, strict=True)
        for tensor, rates in ((False, RATES), (True, TENSOR_RATES))
        for rate in rates
    ]


def traced_cases() -> list[Case]:
    """Return calls of stateless_dropout in the other modes: fewer, since each has to be traced and compiled."""
    return [
        {"mode": mode, "rng_alg": alg, "rate": 1 / 3, "tensor": False, "seed": SEEDS[1]}
        for mode, alg in [
            ("graph", "philox"),
            ("gradient", "philox"),
            ("xla", "philox"),
            ("xla", "threefry"),
            ("xla", "auto_select"),
        ]
    ]


def stateful_cases() -> list[Case]:
    """Return first calls of dropout after a global seed was set."""
    return [
        {"mode": "eager", "rate": rate, "tensor": False, "global_seed": global_seed, "seed": seed}
        for global_seed, seed in GLOBAL_SEEDS
        for rate in (0.5, 0.1)
    ]


VALUES = [1.5, -2.0, -0.0, float("nan"), float("inf"), 0.3, -7.0, 1e-3, 11.0, -float("inf"), 3.0]
CASES: list[Case] = [
    {**case, "dtype": dtype, "shape": shape, "noise_shape": noise_shape, "values": VALUES}
    for dtype in FORMATS
    for shape, noise_shape in SHAPES
    for case in eager_cases() + stateful_cases() + (traced_cases() if noise_shape in TRACED else [])
]


def specified(case: Case) -> Array:
    """Return the reference's result of a case."""
    dtype = format_of(case["dtype"]).dtype
    x = np.resize(case["values"], case["shape"]).astype(dtype)
    rate = np.array(case["rate"]).astype(dtype) if case["tensor"] else case["rate"]
    if "global_seed" in case:
        return dropout(x, rate, case["noise_shape"], case["seed"], global_seed=case["global_seed"])
    if case["mode"] == "gradient":
        return dropout_grad(
            x, kept_mask(x, rate, partial(stateless_uniform, seed=case["seed"]), case["noise_shape"]), rate
        )
    compiled = case["mode"] == "xla"
    return stateless_dropout(x, rate, case["seed"], case["rng_alg"], case["noise_shape"], compiled=compiled)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Run all cases in TensorFlow, in one child process, and return the bytes of each result."""
    file = Path(tmp_path_factory.mktemp("tensorflow")) / "results.npz"
    command = [sys.executable, "-c", PROGRAM, str(file)]
    subprocess.run(command, input=json.dumps(CASES), text=True, check=True, timeout=300)  # noqa: S603 -- this program
    with np.load(file) as results:
        return [results[f"arr_{index}"].tobytes() for index in range(len(CASES))]


def without_nan_payloads(data: bytes, dtype: str) -> bytes:
    """Give every NaN the same bits: which NaN comes out is nobody's promise."""
    values = np.frombuffer(data, format_of(dtype).dtype)
    return np.where(np.isnan(values), values.dtype.type(np.nan), values).tobytes()


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("mode", ["eager", "graph", "gradient", "xla"])
def test_tensorflow_gives_the_same_bits(observed: list[bytes], mode: str, dtype: str) -> None:
    """Every case of a mode and dtype: same elements kept, same values, same zeros."""
    judged = [
        (case, data)
        for case, data in zip(CASES, observed, strict=True)
        if (case["mode"], case["dtype"]) == (mode, dtype)
    ]

    different = [
        case
        for case, data in judged
        if without_nan_payloads(data, dtype) != without_nan_payloads(specified(case).tobytes(), dtype)
    ]

    assert judged
    assert different == []
