"""The table of targets: what is found by name, what can run where, what each declares."""

import json
import sys

import pytest

from conformance.errors import UsageError
from conformance.model import ArraySpec, Case, Json
from conformance.ops import OPS
from conformance.ops.support import unsupported
from conformance.targets import machine, registry
from conformance.targets.tensorflow.routes import ROUTES

AVX2 = frozenset({"sse4_1", "avx", "avx2"})
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512vl", "avx512dq"}


GIVEN: dict[str, dict[str, Json]] = {
    "conv2d": {"strides": 1, "padding": "SAME"},
    "conv2d_transpose": {"strides": 1, "padding": "SAME", "output_shape": [1, 4, 4, 4]},
    "dropout": {"rate": 0.5},
}
POOL: dict[str, Json] = {"ksize": 2, "strides": 2, "padding": "VALID"}
BETWEEN: Json = [1, 1, 1, 2]  # ksize and strides of a pool between channels


def case(op: str, dtype: str = "float32", **attributes: Json) -> Case:
    """Return a call of an op: image 1x4x4x4, filters 3x3x4x4, pools of 2x2, as far as the op has them."""
    arrays = {name: ArraySpec((1, 4, 4, 4), dtype) for name in OPS[op].operands}
    if "filters" in arrays:
        arrays["filters"] = ArraySpec((3, 3, 4, 4), dtype)
    given = {**GIVEN.get(op, POOL), **attributes}
    return Case(op=op, arrays=arrays, attributes=given, regime="lattice", seed=0)


def test_each_target_is_named_as_in_the_table() -> None:
    """A name in the table is the target's own."""
    assert all(target.name == name for name, target in registry.BUILT_IN.items())


def test_each_route_belongs_to_an_op() -> None:
    """TensorFlow's routes cover every op, each by at least one way."""
    assert set(ROUTES) == set(OPS)
    assert all(ROUTES.values())


def test_a_built_in_target_is_found_by_name() -> None:
    """The table's entry, as it is on this machine."""
    assert registry.find("tf-cpu-xla").options == {"mode": "xla"}


def test_a_namespace_is_found_by_its_place() -> None:
    """module:object, a module alone, and dotted ones are left to the worker to import."""
    for place in ("package.module:object", "module", "a.b:c.d"):
        assert registry.find(place).options == {"object": place}


def test_a_command_is_split_as_a_shell_would() -> None:
    """Quotes hold words together; no shell runs."""
    assert registry.find("command:./harness --flag 'two words'").command == ("./harness", "--flag", "two words")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tf-cpu-eagr", "did you mean tf-cpu-eager"),
        ("no/such:thing", "there are tf-cpu-eager"),
        ("", "there are"),
        ("module:", "there are"),
        (":object", "there are"),
        ("command:", "no command"),
        ("command: 'unclosed", "No closing quotation"),
    ],
)
def test_a_name_of_no_target_is_the_users_error(text: str, message: str) -> None:
    """One line that says what was asked for and what there is."""
    with pytest.raises(UsageError, match=message) as caught:
        registry.find(text)

    assert "\n" not in str(caught.value)


def test_what_a_user_has_set_for_tensorflow_does_not_reach_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA_FLAGS or TF_ENABLE_ONEDNN_OPTS in the user's shell do not change what is judged; PATH stays."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")

    environment = registry.find("tf-cpu-eager").start().environment

    assert "XLA_FLAGS" not in environment
    assert environment["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert "PATH" in environment


def test_another_interpreter_can_be_the_worker() -> None:
    """The worker is started by the interpreter that is named, with the target's adapter."""
    command = registry.find("reference").start("/opt/other/bin/python").command

    assert command[:3] == ("/opt/other/bin/python", "-m", "conformance.targets.transport.worker")
    assert json.loads(command[3])["options"] == {"object": "reference"}
    assert registry.find("reference").start().command[0] == sys.executable


def test_the_reference_can_always_run() -> None:
    """It needs nothing."""
    assert registry.available(registry.find("reference")) is None


def test_what_is_missing_is_said() -> None:
    """An ISA level names the flags that the processor lacks; a module that is not installed is named."""
    assert registry.available(registry.BUILT_IN["tf-cpu-eager-avx512"], AVX2) in {
        "the processor has no avx512bw, avx512dq, avx512f, avx512vl",
        "tensorflow is not installed",
    }
    assert machine.lacks("no_such_module", AVX2) == "no_such_module is not installed"
    assert machine.lacks("program:no-such-program", AVX2) == "there is no program no-such-program"
    assert machine.lacks("file:/no/such/file", AVX2) == "there is no /no/such/file: `npm ci --prefix /no/such` makes it"


def test_a_level_is_a_target_of_its_own_only_below_the_processors() -> None:
    """Held to AVX2, a processor without more computes what it computes anyway."""
    assert not registry.builtin(AVX2)["tf-cpu-eager-avx2"].default
    assert registry.builtin(AVX512)["tf-cpu-eager-avx2"].default


def test_flags_are_read_from_cpuinfo() -> None:
    """The first processor's line, split at blanks; none without such a line."""
    assert machine.cpu_flags("processor : 0\nflags\t\t: fpu avx2\nprocessor : 1\nflags : fpu") == {"fpu", "avx2"}
    assert machine.cpu_flags("") == frozenset()


@pytest.mark.parametrize(("dtype", "flag"), [("bfloat16", "avx512f"), ("float16", "avx512_fp16")])
def test_onednn_serves_16_bits_where_the_processor_does(dtype: str, flag: str) -> None:
    """So NCHW in such a dtype is a limit on an AVX2 processor, and none on one with the flag."""
    call = case("conv2d", dtype, data_format="NCHW")

    assert unsupported(registry.builtin(AVX2)["tf-cpu-eager"], call)
    assert not unsupported(registry.builtin(AVX2 | {flag})["tf-cpu-eager"], call)


def test_onednn_has_no_average_pools_of_float16() -> None:
    """They are NHWC only on every processor; those of bfloat16 are not, nor are largest elements."""
    target = registry.builtin(AVX512 | {"avx512_fp16"})["tf-cpu-eager"]

    assert unsupported(target, case("avg_pool", "float16", data_format="NCHW"))
    assert not unsupported(target, case("avg_pool", "bfloat16", data_format="NCHW"))
    assert not unsupported(target, case("max_pool", "float16", data_format="NCHW"))


def test_outside_of_graphs_a_pattern_is_claimed_where_it_is_one_call() -> None:
    """tf.nn.separable_conv2d is; a convolution and its bias are two, which only a graph has together."""
    separable = {"dtype": "float32", "first": "depthwise_conv2d", "pointwise": "first"}
    eager, graph = (registry.BUILT_IN[name] for name in ("tf-cpu-eager", "tf-cpu-graph"))

    assert eager.unsupported("pattern", separable, "separable") is None
    assert eager.routes["pattern"] == ("separable",)
    assert eager.unsupported("pattern", {**separable, "pointwise": "no"}, "separable") == "no separable convolution"
    assert graph.unsupported("pattern", separable, "nn") is None


def test_a_level_that_cannot_serve_a_head_cannot_serve_its_patterns() -> None:
    """A depthwise convolution of float16 with oneDNN held below the processor, alone or in a separable one."""
    held = registry.builtin(AVX512 | {"avx512_fp16"})["tf-cpu-eager-avx512"]
    separable = {"dtype": "float16", "first": "depthwise_conv2d", "pointwise": "first"}

    assert held.unsupported("depthwise_conv2d", {"dtype": "float16"})
    assert held.unsupported("pattern", separable, "separable")
    assert held.unsupported("pattern", {**separable, "dtype": "float32"}, "separable") is None


def test_a_level_without_float16_cannot_serve_it_on_a_processor_that_can() -> None:
    """With AVX512-FP16, oneDNN held below is given float16 convolutions; average pools are no oneDNN's."""
    fp16 = registry.builtin(AVX512 | {"avx512_fp16"})

    assert unsupported(fp16["tf-cpu-eager-avx512"], case("conv2d", "float16"))
    assert not unsupported(fp16["tf-cpu-eager-avx512-fp16"], case("conv2d", "float16"))
    assert not unsupported(fp16["tf-cpu-eager-avx2"], case("avg_pool", "float16"))
    assert not unsupported(registry.builtin(AVX512)["tf-cpu-eager-avx2"], case("conv2d", "float16"))


def test_a_level_without_bfloat16_cannot_serve_it_on_a_processor_that_can() -> None:
    """TensorFlow asks the processor: with AVX-512, oneDNN held to AVX2 is given bfloat16; float32 it serves."""
    held = registry.builtin(AVX512)["tf-cpu-eager-avx2"]

    assert unsupported(held, case("conv2d", "bfloat16"))
    assert not unsupported(held, case("conv2d"))
    assert not unsupported(held, case("max_pool_with_argmax", "bfloat16"))
    assert not unsupported(registry.builtin(AVX2)["tf-cpu-eager-sse41"], case("conv2d", "bfloat16"))
    assert not unsupported(registry.builtin(AVX512)["tf-cpu-eager-avx512"], case("conv2d", "bfloat16"))


EXPLICIT: Json = [[0, 0], [1, 1], [1, 1], [0, 0]]
INT32: dict[str, Json] = {"array": [1, 4, 4, 8], "dtype": "int32"}  # two groups of the filters' depth


@pytest.mark.parametrize(
    ("target", "call", "covered"),
    [
        ("tf-cpu-eager", case("conv2d", data_format="NCHW"), False),
        ("tf-cpu-eager", case("conv2d", "float64", data_format="NCHW"), True),
        ("tf-cpu-eager-nodnn", case("conv2d", data_format="NCHW"), True),
        ("tf-cpu-eager", case("conv2d_transpose", dilations=[1, 2]), False),
        ("tf-cpu-eager", case("conv2d_transpose", dilations=[1, 2], padding=EXPLICIT), True),
        ("tf-cpu-eager", case("conv2d_transpose", "float64", dilations=2), True),
        ("tf-cpu-eager", case("conv2d_transpose", "float64", dilations=[1, 1, 1, 1]), False),
        ("tf-cpu-eager", case("conv2d_transpose", "float64", output_shape=[1, 4, 4, 8]), True),
        ("tf-cpu-eager", case("conv2d_transpose", "float64", output_shape=[1, 4, 4, 4]), False),
        ("tf-cpu-eager", case("conv2d_transpose", "float64", output_shape=INT32), True),
        ("tf-cpu-eager", case("conv2d_transpose", output_shape=INT32), False),
        ("tf-cpu-eager", case("conv2d_transpose", output_shape={**INT32, "dtype": "int64"}), True),
        ("tf-cpu-eager", case("conv2d_transpose", "float64", output_shape=[4, 4]), False),
        ("tf-cpu-xla", case("conv2d_transpose", output_shape=[4, 4]), True),
        ("tf-cpu-eager", case("max_pool_grad", ksize=BETWEEN, strides=BETWEEN), True),
        ("tf-cpu-eager", case("max_pool_grad", ksize=2), False),
        ("tf-cpu-xla", case("max_pool_grad", ksize=BETWEEN, strides=BETWEEN), False),
        ("tf-cpu-xla", case("max_pool", padding=EXPLICIT), True),
        ("tf-cpu-xla", case("conv2d", padding=EXPLICIT), False),
        ("tf-cpu-xla", case("max_pool_with_argmax"), True),
        ("tf-cpu-graph-dynamic", case("dropout", noise_shape=[None, 1, 1, 1]), True),
        ("tf-cpu-graph", case("dropout", noise_shape=[None, 1, 1, 1]), False),
        ("tf-gpu-eager", case("max_pool", "int32"), True),
        ("reference", case("conv2d", "float64", data_format="NCHW"), False),
    ],
)
def test_a_limit_covers_what_it_says_and_no_more(target: str, call: Case, covered: bool) -> None:
    """Each limit beside the nearest call that it does not cover."""
    assert bool(unsupported(registry.builtin(AVX2)[target], call)) is covered


def test_a_limit_of_a_route_covers_that_route() -> None:
    """max_pool_grad by max_pool_with_argmax is NHWC only; a call without a route means the first."""
    target = registry.builtin(AVX2)["tf-cpu-xla"]
    call = case("max_pool_grad", data_format="NCHW")

    assert unsupported(target, call, "argmax")
    assert not unsupported(target, call, "raw")
    assert not unsupported(target, call)
