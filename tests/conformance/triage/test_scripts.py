"""A finding's script: 0 where what the target calls is right, 1 where a fault of the finding's kind is planted."""

import builtins
import importlib.util
import math
import os
import subprocess
import symtable
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import ops
from conformance.judge.allowed import Allowed, AnyMask, AnyOf, Refused, Unspecified, allowed
from conformance.model import DISAGREEMENTS, Array, Case, Json, TimedOut, Verdict
from conformance.ops import OPS, case_from_json
from conformance.run.trials import Outcome, Panel
from conformance.targets.profile import Profile
from conformance.targets.registry import find
from conformance.targets.target import Target
from conformance.targets.tensorflow.routes import ROUTES
from conformance.targets.transport.process import Limits
from conformance.triage.clusters import Cluster
from conformance.triage.files import files
from conformance.triage.scripts.comparison import numbers, plain
from conformance.triage.scripts.script import script
from conformance.triage.scripts.source import definitions
from tests.conformance.triage.lines import code_lines

REAL = pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed")


@pytest.mark.parametrize("function", [name for ways in ROUTES.values() for name in ways.values()])
def test_every_route_has_its_source(function: str) -> None:
    """What TensorFlow does not offer itself is defined in the script, the function among what it calls."""
    text = "\n".join(definitions(function))

    assert function.startswith("tf.") != (f"def {function}(" in text)


def asked_for(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that functions of a source, and those inside them, take from outside of it."""
    for inner in table.get_children():
        yield from (symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global())
        yield from asked_for(inner)


@pytest.mark.parametrize("function", [name for ways in ROUTES.values() for name in ways.values()])
def test_the_source_of_a_route_needs_what_a_script_imports(function: str) -> None:
    """NumPy and TensorFlow; every other name is Python's own or defined there."""
    table = symtable.symtable("\n".join(definitions(function)), "script", "exec")
    defined = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}

    assert {*asked_for(table)} - defined - {*dir(builtins)} <= {"np", "tf"}


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


def test_many_numbers_are_written_in_short_lines() -> None:
    """As lists, and as the rows of an argument; the numbers are those of the array."""
    array = np.arange(400.0, dtype=np.float32).reshape(4, 100)

    for text, shape in ((plain(array), (4, 100)), (numbers(array), (400,))):
        assert max(map(len, text.splitlines())) <= 120
        values = eval(text, {"np": np})  # noqa: S307 -- our own text
        assert np.array_equal(values, array.reshape(shape))


def test_complex_numbers_are_written_as_pairs() -> None:
    """JSON has no words for them: 1 - 2i and 3 are the float32 numbers 1, -2, 3, 0."""
    values = np.array([1 - 2j, 3], np.complex64)

    text = plain(values)

    assert text == "np.array([1.0, -2.0, 3.0, 0.0], 'float32').reshape([4]).view('complex64').reshape([2])"
    assert eval(text, {"np": np}).tolist() == values.tolist()  # noqa: S307 -- what a user runs


def one(op: str, arrays: dict[str, tuple[list[int], str]], **attributes: Json) -> Case:
    """Return a case of small integers."""
    specs: dict[str, Json] = {name: {"shape": list(shape), "dtype": dtype} for name, (shape, dtype) in arrays.items()}
    data = {"op": op, "arrays": specs, "attributes": attributes, "regime": "lattice", "seed": 0, "breaks": None}
    return case_from_json(data)


def written(
    case: Case, target: Target, kind: str, route: str, limits: Limits | None = None, sets: Allowed | None = None
) -> str:
    """Return the script of a case; what it may give is worked out unless given."""
    arguments = ops.arguments(case)
    return script(case, arguments, sets or allowed(case, arguments), target, route, kind, limits)


def ended(folder: Path, text: str, plant: str = "", path: str = "") -> tuple[int, str]:
    """Return the exit code of a script and what it prints, with other functions planted in TensorFlow."""
    file = folder / "repro.py"
    file.write_text(text.replace("import tensorflow as tf\n", f"import tensorflow as tf\n{plant}\n", 1))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(  # noqa: S603 -- our own script
        [sys.executable, file], capture_output=True, text=True, check=False, timeout=120, cwd=folder, env=environment
    )
    assert code_lines(text) <= 75
    assert "expected" in done.stdout, done.stderr
    assert "got" in done.stdout
    return done.returncode, done.stdout


UNPOOLED = {"input": ([2, 1, 5, 4], "float32"), "argmax": ([2, 1, 5, 4], "int64")}
POOLED = {"input": ([1, 2, 4, 3], "float32")}
GRADIENT = {"grad": ([3], "float32"), "kept": ([3], "bool")}
SHRUNK: dict[str, Json] = {"ksize": [3, 2], "strides": 2, "padding": "SAME", "data_format": "NCHW"}
RIGHT = [
    ("scatter_nd", "tf-cpu-eager", one("max_unpool", UNPOOLED, output_shape=[2, 1, 8, 4])),
    ("argmax", "tf-cpu-graph", one("max_unpool", UNPOOLED, output_shape=[2, 1, 8, 4])),
    ("raw", "tf-cpu-xla", one("avg_unpool", POOLED, output_shape=[1, 2, 7, 5], **SHRUNK)),
    ("scatter_nd", "tf-cpu-graph-dynamic", one("max_unpool", UNPOOLED, output_shape=[2, 1, 8, 4])),
    ("raw", "tf-cpu-graph-dynamic", one("avg_unpool", POOLED, output_shape=[1, 2, 7, 5], **SHRUNK)),
    ("argmax+argmax", "tf-cpu-graph", one("max_unpool", UNPOOLED, output_shape=[2, 1, 8, 4])),
    ("tape", "tf-cpu-eager", one("dropout_grad", GRADIENT, rate=0.25)),
    ("nn", "tf-cpu-xla", one("dropout", {"x": ([30], "bfloat16")}, rate=0.25)),
]


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize(("route", "target", "case"), RIGHT, ids=[f"{route}-{target}" for route, target, _ in RIGHT])
def test_a_script_of_what_is_right_exits_with_0(tmp_path: Path, route: str, target: str, case: Case) -> None:
    """It prints what is expected and what came."""
    assert ended(tmp_path, written(case, find(target), "wrong-value", route))[0] == 0


CONVOLUTION = one(
    "conv2d", {"input": ([1, 2, 2, 1], "float32"), "filters": ([1, 1, 1, 1], "float32")}, strides=1, padding="VALID"
)
ARGMAX = one("max_pool_with_argmax", {"input": ([1, 2, 2, 1], "float32")}, ksize=2, strides=2, padding="VALID")
EMPTY = one("max_pool", {"input": ([0, 2, 2, 1], "float32")}, ksize=2, strides=2, padding="VALID")
SEEDED = one("dropout", {"x": ([30], "float32")}, rate=0.25, global_seed=7, seed=5)
INVALID = replace(CONVOLUTION, attributes={"strides": 0, "padding": "VALID"}, breaks="conv2d.R3")
LIMITS = Limits(seconds=3.0, memory=1 << 30)

# What is planted in place of a function `true`, by kind of finding.
WIDER = "true = tf.nn.conv2d\ntf.nn.conv2d = lambda *a, **k: tf.cast(true(*a, **k), tf.float64)"
LARGER = "true = tf.nn.conv2d\ntf.nn.conv2d = lambda *a, **k: true(*a, **k) + 1"
FLATTER = "true = tf.nn.conv2d\ntf.nn.conv2d = lambda *a, **k: true(*a, **k)[0]"
FEWER = "true = tf.nn.max_pool_with_argmax\ntf.nn.max_pool_with_argmax = lambda *a, **k: true(*a, **k)[:1]"
# Zeros have one sign, then the other.
SIGNS = """true, signs = tf.nn.dropout, iter((1.0, -1.0))
def signed(*a, **k):
    y = true(*a, **k)
    return tf.where(y == 0, y * next(signs), y)
tf.nn.dropout = signed"""
SLOW = "import time\ntrue = tf.nn.max_pool\ntf.nn.max_pool = lambda *a, **k: (time.sleep(5), true(*a, **k))[1]"
LARGE = "true = tf.nn.conv2d\ntf.nn.conv2d = lambda *a, **k: (np.empty(2 << 30, 'int8'), true(*a, **k))[1]"
EXHAUSTED = """def exhausted(*a, **k):
    raise tf.errors.ResourceExhaustedError(None, None, "OOM")
tf.nn.conv2d = exhausted"""
DEADLY = "tf.nn.conv2d = lambda *a, **k: os.abort()"
LENIENT = "tf.nn.conv2d = lambda input, *a, **k: input"
STRICT = "tf.nn.conv2d = lambda *a, **k: 1 / 0"

PLANTED = [
    ("wrong-value", CONVOLUTION, LARGER, "got"),
    ("wrong-shape", CONVOLUTION, FLATTER, "got"),
    ("wrong-shape", ARGMAX, FEWER, "int64"),
    ("wrong-dtype", CONVOLUTION, WIDER, "float64"),
    ("refused-valid", CONVOLUTION, STRICT, "ZeroDivisionError"),
    ("accepted-invalid", INVALID, LENIENT, "an error"),
    ("nondeterministic", SEEDED, SIGNS, "-0."),
    ("crashed", CONVOLUTION, DEADLY, "SIGABRT"),
    ("hung", EMPTY, SLOW, "SIGALRM"),
    ("out-of-memory", CONVOLUTION, LARGE, "MemoryError"),
    ("out-of-memory", INVALID, EXHAUSTED, "ResourceExhaustedError"),
]
IDS = [f"{kind}-{number}" for number, (kind, *_) in enumerate(PLANTED)]


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize(("kind", "case", "plant", "told"), PLANTED, ids=IDS)
def test_a_planted_fault_of_each_kind_ends_a_script_with_1(
    tmp_path: Path, kind: str, case: Case, plant: str, told: str
) -> None:
    """
    What came is printed.

    Slow is 5 s of 3, far less than any import takes beside; large is 2 GiB of 1, never written to.
    """
    text = written(case, find("tf-cpu-eager"), kind, "nn", LIMITS)

    code, printed = ended(tmp_path, text, plant)

    assert code == 1
    assert told in printed


MENDED = [
    ("wrong-dtype", "tf-cpu-eager", CONVOLUTION),
    ("wrong-shape", "tf-cpu-eager", ARGMAX),
    ("accepted-invalid", "tf-cpu-graph", INVALID),
    ("nondeterministic", "tf-cpu-eager", SEEDED),
    ("nondeterministic", "tf-cpu-graph", SEEDED),
    ("crashed", "tf-cpu-eager", INVALID),
    ("hung", "tf-cpu-xla", EMPTY),
    ("out-of-memory", "tf-cpu-eager", CONVOLUTION),
]


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize(("kind", "target", "case"), MENDED, ids=[f"{kind}-{name}" for kind, name, _ in MENDED])
def test_a_script_of_each_kind_exits_with_0_once_its_fault_is_mended(
    tmp_path: Path, kind: str, target: str, case: Case
) -> None:
    """Where the call is invalid, it is refused; what compiles has a minute, since other work may hold it up."""
    limits = replace(LIMITS, seconds=60.0)

    assert ended(tmp_path, written(case, find(target), kind, "nn", limits))[0] == 0


UNKNOWN = (
    "true = tf.nn.conv2d\ntf.nn.conv2d = lambda input, *a, **k: true(input, *a, **k) + float(input.shape[1] is None)"
)
UNWRITTEN = "true = tf.nn.conv2d\ntf.nn.conv2d = lambda *a, **k: true(*a, **k) + np.empty(1 << 18, 'f4')[-1]"


@REAL
@pytest.mark.tensorflow
@pytest.mark.parametrize(("target", "plant"), [("tf-cpu-graph-dynamic", UNKNOWN), ("tf-cpu-eager", UNWRITTEN)])
def test_a_script_calls_as_its_target_does(tmp_path: Path, target: str, plant: str) -> None:
    """
    Without the sizes, where the target knows none; where memory that is handed out is filled.

    1 MiB comes from the system, zeros, which glibc fills with 0x5A: 1.5e16.
    """
    text = written(CONVOLUTION, find(target), "wrong-value", "nn")

    assert ended(tmp_path, text, plant)[0] == 1


PLUGIN = """import numpy as np
import reference
class space:
    class inner:
        conv2d = staticmethod(lambda **a: {conv2d})
        max_pool_with_argmax = staticmethod(lambda **a: {argmax})
        dropout = staticmethod(lambda **a: {dropout})
conv2d = space.inner.conv2d
"""
AS_IT_IS = {
    "conv2d": "reference.conv2d(**a)",
    "argmax": "reference.max_pool_with_argmax(**a)",
    "dropout": "reference.dropout(**a)",
}
NARROW = one(
    "conv2d", {"input": ([1, 2, 2, 1], "bfloat16"), "filters": ([1, 1, 1, 1], "bfloat16")}, strides=1, padding="VALID"
)
DROPPED = one("dropout", {"x": ([4, 60], "float32")}, rate=0.25, noise_shape=[1, 60], seed=3)
HALVED = one("dropout", {"x": ([400], "float32")}, rate=0.5, seed=3)
FOREIGN = [
    ("wrong-value", CONVOLUTION, "conv2d", "-reference.conv2d(**a) + 9"),
    ("wrong-dtype", NARROW, "conv2d", "reference.conv2d(**a).astype('float32')"),
    ("wrong-shape", ARGMAX, "argmax", "reference.max_pool_with_argmax(**a)[:1]"),
    ("refused-valid", CONVOLUTION, "conv2d", "exit()"),
    ("hung", CONVOLUTION, "conv2d", "__import__('time').sleep(60)"),
    ("crashed", CONVOLUTION, "conv2d", "__import__('os').abort()"),
    ("out-of-memory", CONVOLUTION, "conv2d", "np.empty(2 << 30, 'int8')"),
    ("nondeterministic", SEEDED, "dropout", "reference.dropout(**{**a, 'seed': None, 'global_seed': None})"),
    ("wrong-value", HALVED, "dropout", "a['x'] * 2"),
    ("wrong-value", DROPPED, "dropout", "reference.dropout(**{**a, 'noise_shape': None})"),
    ("wrong-value", DROPPED, "dropout", "reference.dropout(**a) * 2"),
]


@pytest.mark.parametrize(("kind", "case", "name", "fault"), FOREIGN)
def test_a_script_of_a_plugin_calls_the_users_module(
    tmp_path: Path, kind: str, case: Case, name: str, fault: str
) -> None:
    """It needs no TensorFlow; it exits with 1 under the fault, with 0 without. Any fair mask is right."""
    text = written(case, find("mine:space.inner"), kind, "", Limits(seconds=1.0, memory=1 << 30))
    module, root = tmp_path / "mine.py", str(Path(__file__).parents[3])

    module.write_text(PLUGIN.format(**AS_IT_IS | {name: fault}))
    faulty = ended(tmp_path, text, path=root)
    module.write_text(PLUGIN.format(**AS_IT_IS))
    mended = ended(tmp_path, text, path=root)

    assert (faulty[0], mended[0]) == (1, 0), faulty[1] + mended[1]
    assert "tensorflow" not in text


@pytest.mark.parametrize("profile", [None, Profile()], ids=["without a profile", "with one"])
@pytest.mark.parametrize("name", ["mine", "mine:space.inner"])
def test_a_plugin_is_a_module_or_an_object_in_one(tmp_path: Path, name: str, profile: Profile | None) -> None:
    """By its dotted path; the script finds the module in the folder that it is started in, whatever it claims."""
    (tmp_path / "mine.py").write_text(PLUGIN.format(**AS_IT_IS))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    file = folder / "repro.py"
    file.write_text(written(CONVOLUTION, replace(find(name), profile=profile), "wrong-value", ""))

    done = subprocess.run(  # noqa: S603 -- our own script
        [sys.executable, file],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )

    assert done.returncode == 0


@pytest.mark.parametrize(("name", "more"), [("command:./mine", set()), ("mine", {"repro.py"})])
def test_a_target_that_speaks_the_wire_protocol_has_no_script(name: str, more: set[str]) -> None:
    """It is a program, without a function to call: its case and its arrays are stored."""
    hang = Verdict(outcome="disagrees", kind="hung")
    cluster = Cluster(
        op="conv2d",
        target=name,
        route="",
        verdict=hang,
        case=CONVOLUTION,
        predicate={},
        shared_by={name: "hung"},
        not_shared_by=(),
        cases=1,
        shown=Outcome(CONVOLUTION, name, "", TimedOut(10.0), hang),
    )

    assert set(files(cluster, Panel({name: find(name)}), {}, {})) == {"case.json", "arrays.npz", "issue.md"} | more


TIED = one(
    "max_pool_grad",
    {
        "orig_input": ([1, 1, 2, 1], "float32"),
        "orig_output": ([1, 1, 1, 1], "float32"),
        "grad": ([1, 1, 1, 1], "float32"),
    },
    ksize=[1, 2],
    strides=1,
    padding="VALID",
)


@pytest.mark.parametrize(("credited", "code"), [([2, 0], 0), ([0, 2], 0), ([1, 1], 0), ([2, 2], 1), ([0, 0], 1)])
def test_tied_cells_share_a_gradient_as_they_like(tmp_path: Path, credited: list[int], code: int) -> None:
    """Two equal cells under one window, whose gradient is 2: what they get adds up to 2."""
    image, top, grad = np.ones((1, 1, 2, 1), "f4"), np.ones((1, 1, 1, 1), "f4"), np.full((1, 1, 1, 1), 2, "f4")
    arguments: dict[str, Any] = {"orig_input": image, "orig_output": top, "grad": grad, **TIED.attributes}
    (tmp_path / "mine.py").write_text(
        f"import numpy as np\nmax_pool_grad = lambda **a: np.array({credited}, 'f4').reshape(1, 1, 2, 1)\n"
    )

    text = script(TIED, arguments, allowed(TIED, arguments), find("mine"), "", "wrong-value")

    assert ended(tmp_path, text)[0] == code


def drawn(op: str) -> Case:
    """Return the smallest of some valid cases of an op."""
    valid = (case for case in ops.generate(op, 0, 0, 60) if not case.breaks)
    return min(valid, key=lambda case: sum(math.prod(spec.shape) for spec in case.arrays.values()))


REFUSED = Refused("rule", "why")
WAYS = [(op, route) for op in OPS for route in ROUTES[op]]


@pytest.mark.parametrize(("op", "route"), WAYS)
@pytest.mark.parametrize("name", ["tf-cpu-eager-avx2", "tf-gpu-eager-deterministic", "tf-cpu-xla", "mine:space"])
def test_no_script_is_longer_than_75_lines(op: str, route: str, name: str) -> None:
    """Of whatever kind, and whatever is allowed, but for the numbers of its arrays; each is a program."""
    case, target = drawn(op), find(name)
    arguments = ops.arguments(case)
    sets = allowed(case, arguments)
    options = sets.options if isinstance(sets, AnyOf) else (sets,)
    mask = [AnyMask(arguments["x"], arguments["rate"], None)] if op.endswith("dropout") else []
    several = (sets, REFUSED, AnyOf((*options, REFUSED)), AnyOf((REFUSED, Unspecified("empty"))), *mask)

    for kind, each in product(DISAGREEMENTS, several):
        text = script(case, arguments, each, target, route if target.routes else "", kind)
        compile(text, "repro.py", "exec")
        assert code_lines(text) <= 75, (kind, each)


def test_a_script_of_several_threads_has_them_and_checks_the_heap() -> None:
    """As the target does: on one thread, or without the check, the fault may not be there."""
    case = one("max_pool", {"input": ([1, 2, 2, 1], "float32")}, ksize=2, strides=2, padding="VALID")
    arguments = ops.arguments(case)
    text = script(case, arguments, allowed(case, arguments), find("tf-cpu-eager-threads"), "nn", "wrong-value")

    assert "tf.config.threading.set_intra_op_parallelism_threads(2)" in text
    assert 'os.environ["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"' in text


def test_a_script_of_a_library_calls_its_adapter_on_its_backend() -> None:
    """What it computes with is part of the script: Keras reads its backend from the environment."""
    case = one("max_pool", {"input": ([1, 2, 2, 1], "float32")}, ksize=2, strides=2, padding="VALID")
    arguments = ops.arguments(case)

    text = script(case, arguments, allowed(case, arguments), find("keras-torch"), "", "wrong-value")

    assert 'os.environ["KERAS_BACKEND"] = "torch"' in text
    assert "from conformance.targets.keras.adapter import load" in text
    assert "target.call('max_pool', '', **a)" in text
