"""A finding's script, of every op and route: it calls what the target calls, and exits with 0 where that is right."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conformance import cases
from conformance.allowed import allowed
from conformance.cases import case_from_json
from conformance.model import Array, Json
from conformance.repro import CALLS, plain, script
from conformance.targets.registry import ROUTES, find


def test_every_route_has_its_call() -> None:
    """Each way of the TensorFlow targets to compute an op, and no other."""
    assert set(CALLS) == {(op, way) for op, ways in ROUTES.items() for way in ways}


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([1, 2], np.int8), "np.array([1, 2], 'int8').reshape([2])"),
        (np.zeros((0, 3), np.float32), "np.array([], 'float32').reshape([0, 3])"),
        (np.full((2, 3), np.inf), "np.full([2, 3], inf, 'float64')"),
        (np.array([True, True]), "np.full([2], True, 'bool')"),
        (np.array([0.0, -0.0]), "np.array([0.0, -0.0], 'float64').reshape([2])"),
    ],
)
def test_an_array_is_written_exactly(array: Array, text: str) -> None:
    """Where all elements have the same bits, once; zeros of two signs have not."""
    assert plain(array) == text


UNPOOLED: dict[str, Json] = {"input": {"shape": [2, 1, 5, 4], "dtype": "float32"}}
AT: dict[str, Json] = {"argmax": {"shape": [2, 1, 5, 4], "dtype": "int64"}}
POOLED: dict[str, Json] = {"input": {"shape": [1, 2, 4, 3], "dtype": "float32"}}
RIGHT: list[tuple[str, str, str, dict[str, Json], dict[str, Json]]] = [
    ("max_unpool", "scatter_nd", "tf-cpu-eager", UNPOOLED | AT, {"output_shape": [2, 1, 8, 4]}),
    ("max_unpool", "argmax", "tf-cpu-graph", UNPOOLED | AT, {"output_shape": [2, 1, 8, 4]}),
    (
        "avg_unpool",
        "raw",
        "tf-cpu-xla",
        POOLED,
        {"ksize": [3, 2], "strides": 2, "padding": "SAME", "output_shape": [1, 2, 7, 5], "data_format": "NCHW"},
    ),
    (
        "dropout_grad",
        "tape",
        "tf-cpu-eager",
        {"grad": {"shape": [3], "dtype": "float32"}, "kept": {"shape": [3], "dtype": "bool"}},
        {"rate": 0.25},
    ),
    ("dropout", "nn", "tf-cpu-xla", {"x": {"shape": [30], "dtype": "bfloat16"}}, {"rate": 0.25}),
]


@pytest.mark.tensorflow
@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")
@pytest.mark.parametrize(("op", "route", "target", "arrays", "attributes"), RIGHT, ids=[entry[1] for entry in RIGHT])
def test_a_script_of_what_is_right_exits_with_0(
    tmp_path: Path, op: str, route: str, target: str, arrays: dict[str, Json], attributes: dict[str, Json]
) -> None:
    """It prints what is expected and what came."""
    data = {"op": op, "arrays": arrays, "attributes": attributes, "regime": "lattice", "seed": 0, "breaks": None}
    case = case_from_json(data)
    arguments = cases.arguments(case)
    path = tmp_path / "repro.py"
    path.write_text(script(case, arguments, allowed(case, arguments), find(target), route, "wrong-value"))

    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 -- our own script

    assert (done.returncode, len(path.read_text().splitlines()) <= 40) == (0, True), done.stderr
    assert "expected" in done.stdout
    assert "got" in done.stdout
