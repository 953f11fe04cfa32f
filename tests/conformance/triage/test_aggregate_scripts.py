"""The scripts of what only a whole run shows: exit code 0 on TensorFlow as it is, 1 on one with the fault."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance import ops
from conformance.judge.fingerprints import Measured, named
from conformance.model import Case
from conformance.ops import case_from_json
from conformance.targets.registry import find
from conformance.triage.scripts.aggregate import ceiling, of_arithmetic, of_masks
from reference.bounds import within
from reference.ops.conv2d import forward
from tests.conformance.triage.lines import code_lines

REAL = pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")


def convolution() -> Case:
    """Return a convolution of 64 channels, 576 products a sum, of normal data."""
    arrays: dict[str, Any] = {
        "input": {"shape": [1, 8, 8, 64], "dtype": "float32"},
        "filters": {"shape": [3, 3, 64, 4], "dtype": "float32"},
    }
    attributes: dict[str, Any] = {"strides": 1, "padding": "VALID"}
    data = {"op": "conv2d", "arrays": arrays, "attributes": attributes, "regime": "normal", "seed": 0, "breaks": None}
    return case_from_json(data)


def dropout(op: str, **attributes: Any) -> Case:  # noqa: ANN401 -- of any case
    """Return a dropout of a quarter of 30 numbers."""
    arrays: dict[str, Any] = {"x": {"shape": [30], "dtype": "float32"}}
    given = {"rate": 0.25} | attributes
    return case_from_json(
        {"op": op, "arrays": arrays, "attributes": given, "regime": "normal", "seed": 0, "breaks": None}
    )


def exit_code(folder: Path, script: str, plant: str = "") -> int:
    """Return how a script ends, with other functions planted in TensorFlow."""
    path = folder / "repro.py"
    path.write_text(script.replace("import tensorflow as tf", f"import tensorflow as tf\n{plant}", 1))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 -- our own script
    assert code_lines(script) <= 60
    assert "expected" in done.stdout, done.stderr
    return done.returncode


@pytest.mark.parametrize("n", [9, 576])
def test_the_ceiling_is_where_the_name_changes(n: int) -> None:
    """A hundredth below it the errors are float32's, a hundredth above no longer."""
    most = ceiling("conv2d", "float32", "float32", 1 / n)
    plain = Measured(elements=10**9, mean=0.0, rms=most, inverse=1 / n)

    assert named("float32", replace(plain, rms=most * 0.99)) == "float32"
    assert named("float32", replace(plain, rms=most * 1.01)) == "bf16x3"


NARROWED = """true = tf.nn.conv2d
tf.nn.conv2d = lambda input, filters, **k: true(tf.cast(tf.cast(input, tf.bfloat16), tf.float32), filters, **k)
"""


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize(("plant", "code"), [("", 0), (NARROWED, 1)])
def test_narrowed_operands_show_in_the_errors_of_one_call(tmp_path: Path, plant: str, code: int) -> None:
    """An input rounded to bfloat16, within the bound of 576 products or not, errs 2^15 times too much."""
    case = convolution()
    arguments = ops.arguments(case)
    result = within(forward(arguments["input"], arguments["filters"], 1, "VALID"))

    script = of_arithmetic(case, arguments, result, find("tf-cpu-eager"), "nn", "float32")

    assert exit_code(tmp_path, script, plant) == code


# The rate and one hundredth; every second number that of its neighbour; one mask for all seeds.
STATELESS = "true = tf.nn.experimental.stateless_dropout\ntf.nn.experimental.stateless_dropout = "
MORE = STATELESS + "lambda x, rate, **k: true(x, rate * 1.01, **k)"
ALIKE = STATELESS + "lambda x, rate, **k: tf.repeat(true(x[:, ::2], rate, **k), 2, axis=1)"
SAME = STATELESS + "lambda x, rate, seed, **k: true(x, rate, [1, 1], **k)"
ANY = STATELESS + "lambda x, rate, **k: tf.nn.dropout(x, rate)"


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize(("plant", "code"), [("", 0), (MORE, 1), (ALIKE, 1), (SAME, 1), (ANY, 1)])
def test_uneven_masks_show_over_many_seeds(tmp_path: Path, plant: str, code: int) -> None:
    """A rate of 0.2525, pairs alike, one mask for all seeds, two masks of one seed."""
    script = of_masks(dropout("stateless_dropout", seed=[1, 2], rng_alg="philox"), find("tf-cpu-eager"), "nn")

    assert exit_code(tmp_path, script, plant) == code


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize("target", ["tf-cpu-graph", "tf-cpu-xla"])
def test_masks_of_graphs_are_fair(tmp_path: Path, target: str) -> None:
    """Each seed traces its own; XLA's dropout has no seed that it minds."""
    assert exit_code(tmp_path, of_masks(dropout("dropout", seed=1), find(target), "nn")) == 0
