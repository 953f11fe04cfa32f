"""TensorFlow itself, in its workers: every mode and route gives the numbers of the worked examples."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from conformance.model import Array, ArraySpec, Case, Json, Raised, Returned, Unsupported
from conformance.ops.support import unsupported
from conformance.targets import registry
from conformance.targets.target import NAMESPACE
from conformance.targets.tensorflow.routes import ROUTES
from conformance.targets.transport.messages import Argument, Call
from conformance.targets.transport.pool import Worker

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="TensorFlow is not installed"),
]

MODES = ("tf-cpu-eager", "tf-cpu-graph", "tf-cpu-graph-dynamic", "tf-cpu-xla")
IMAGE = np.arange(1.0, 10.0, dtype=np.float32).reshape(1, 3, 3, 1)
ONES = np.ones((3, 3, 1, 1), np.float32)
# worked-examples.md: zeros in between, one on each side, one more on the left and top.
EVEN = [
    [1, 1, 3, 2, 5, 3],
    [1, 1, 3, 2, 5, 3],
    [5, 5, 12, 7, 16, 9],
    [4, 4, 9, 5, 11, 6],
    [11, 11, 24, 13, 28, 15],
    [7, 7, 15, 8, 17, 9],
]


@pytest.fixture(scope="module", params=MODES)
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    """Give a warm worker of each mode in turn."""
    with Worker(registry.find(request.param).start()) as one:
        yield one


def result(worker: Worker, op: str, route: str = "", **arguments: Argument) -> Array:
    """Return what the op returns."""
    observed = worker.run(Call(op=op, arguments=arguments, route=route, repeat=True))
    assert isinstance(observed, Returned), observed
    assert observed.repeatable is registry.find(worker.start.name).repeats(op)
    return observed.arrays[0]


def test_the_founding_case(worker: Worker) -> None:
    """A 3x3 image grows to 6x6 with its extra zero on the left and top."""
    out = result(worker, "conv2d_transpose", input=IMAGE, filters=ONES, output_shape=[1, 6, 6, 1], strides=2)

    assert out[0, :, :, 0].tolist() == EVEN


@pytest.mark.parametrize("route", ["nn+filters", "nn+input+filters"])
def test_arrays_may_be_constants_of_a_graph(worker: Worker, route: str) -> None:
    """The founding case again, and with other filters another result: no graph of other constants is taken."""
    out = result(worker, "conv2d_transpose", route, input=IMAGE, filters=ONES, output_shape=[1, 6, 6, 1], strides=2)
    twice = result(
        worker, "conv2d_transpose", route, input=IMAGE, filters=2 * ONES, output_shape=[1, 6, 6, 1], strides=2
    )

    assert out[0, :, :, 0].tolist() == EVEN
    assert (twice / 2).tolist() == out.tolist()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_constants_of_another_dtype_are_others(worker: Worker, dtype: str) -> None:
    """Zeros of two dtypes have the same bytes, and each result is of its own."""
    out = result(
        worker, "avg_pool", "nn+input", input=np.zeros((1, 1, 1, 1), dtype), ksize=1, strides=1, padding="VALID"
    )

    assert out.dtype == dtype


@pytest.mark.parametrize("route", ["raw", "tape"])
def test_the_input_gradient_is_the_transposed_convolution(worker: Worker, route: str) -> None:
    """Both routes give the founding case."""
    out = result(
        worker,
        "conv2d_backprop_input",
        route,
        input_sizes=[1, 6, 6, 1],
        filters=ONES,
        out_backprop=IMAGE,
        strides=[2, 2],
        padding="SAME",
    )

    assert out[0, :, :, 0].tolist() == EVEN


def test_the_tape_takes_height_and_width_alone(worker: Worker) -> None:
    """The batch is that of out_backprop, the channels are the filters' depth: in NCHW they stand first."""
    asked: dict[str, Argument] = {"input_sizes": [6, 6], "filters": ONES, "strides": [2, 2], "padding": "SAME"}

    out = result(worker, "conv2d_backprop_input", "tape", out_backprop=IMAGE, **asked)

    assert out[0, :, :, 0].tolist() == EVEN


@pytest.mark.parametrize("route", ["raw", "tape"])
def test_the_filter_gradient(worker: Worker, route: str) -> None:
    """Under a gradient of ones and VALID padding, each tap's gradient is the sum of the 2x2 elements it met."""
    grad = np.ones((1, 2, 2, 1), np.float32)
    out = result(
        worker,
        "conv2d_backprop_filter",
        route,
        input=IMAGE,
        filter_sizes=[2, 2, 1, 1],
        out_backprop=grad,
        strides=1,
        padding="VALID",
    )

    # 1+2+4+5, 2+3+5+6, 4+5+7+8, 5+6+8+9
    assert out.ravel().tolist() == [12, 16, 24, 28]


def test_explicit_padding_reaches_the_raw_gradient(worker: Worker) -> None:
    """One row on top, one column on the left: the gradient of ones under one 2x2 filter of ones counts windows."""
    out = result(
        worker,
        "conv2d_backprop_input",
        "raw",
        input_sizes=[1, 2, 2, 1],
        filters=np.ones((2, 2, 1, 1), np.float32),
        out_backprop=np.ones((1, 2, 2, 1), np.float32),
        strides=1,
        padding=[[0, 0], [1, 0], [1, 0], [0, 0]],
    )

    # Windows start at -1 and 0: element 0 is in both, element 1 in the second alone.
    assert out.ravel().tolist() == [4, 2, 2, 1]


@pytest.mark.parametrize("route", ["nn", "nn2d"])
def test_pools(worker: Worker, route: str) -> None:
    """2x2 windows of 1..9 with stride 1, VALID: the last element of each is its largest, its mean 2 less."""
    high = result(worker, "max_pool", route, input=IMAGE, ksize=2, strides=1, padding="VALID")
    mean = result(worker, "avg_pool", route, input=IMAGE, ksize=[2, 2], strides=[1, 1, 1, 1], padding="VALID")

    assert high.ravel().tolist() == [5, 6, 8, 9]
    assert mean.ravel().tolist() == [3, 4, 6, 7]


@pytest.mark.parametrize("route", ["raw", "tape", "argmax"])
def test_the_gradient_of_max_pool_goes_to_the_largest(worker: Worker, route: str) -> None:
    """Each gradient is put where the window's largest element stood, added up where windows share it."""
    arguments = {
        "orig_input": IMAGE,
        "orig_output": np.array([5, 6, 8, 9], np.float32).reshape(1, 2, 2, 1),
        "grad": np.array([1, 2, 3, 4], np.float32).reshape(1, 2, 2, 1),
    }
    call = Call(op="max_pool_grad", route=route, arguments={**arguments, "ksize": 2, "strides": 1, "padding": "VALID"})

    observed = worker.run(call)

    if worker.start.name == "tf-cpu-xla" and route == "argmax":  # a declared limit
        assert isinstance(observed, Raised)
        return
    assert isinstance(observed, Returned)
    assert observed.arrays[0].ravel().tolist() == [0, 0, 0, 0, 1, 2, 0, 3, 4]


@pytest.mark.parametrize("route", ["raw", "tape"])
def test_the_gradient_of_avg_pool_is_shared_out(worker: Worker, route: str) -> None:
    """A gradient of 4 over 2x2 cells gives 1 to each; the middle cell gets it from all four windows."""
    grad = np.full((1, 2, 2, 1), 4, np.float32)
    out = result(
        worker,
        "avg_pool_grad",
        route,
        orig_input_shape=[1, 3, 3, 1],
        grad=grad,
        ksize=2,
        strides=1,
        padding="VALID",
    )

    assert out.ravel().tolist() == [1, 2, 1, 2, 4, 2, 1, 2, 1]


@pytest.mark.parametrize("route", ["scatter_nd", "argmax"])
def test_max_unpooling_puts_values_at_their_argmax(worker: Worker, route: str) -> None:
    """Two images of 1x1 go to cell 3 of 2x2 each."""
    arguments: dict[str, Argument] = {
        "input": np.array([5, 6], np.float32).reshape(2, 1, 1, 1),
        "argmax": np.array([3, 3]).reshape(2, 1, 1, 1),
        "output_shape": [2, 2, 2, 1],
    }

    observed = worker.run(Call(op="max_unpool", route=route, arguments=arguments))

    if isinstance(observed, Raised | Unsupported):  # where a limit is declared
        one = (2, 1, 1, 1)
        arrays = {"input": ArraySpec(one, "float32"), "argmax": ArraySpec(one, "int64")}
        call = Case(op="max_unpool", arrays=arrays, attributes={"output_shape": [2, 2, 2, 1]}, regime="ties", seed=0)
        assert unsupported(registry.find(worker.start.name), call, route)
        return
    assert isinstance(observed, Returned)
    assert observed.arrays[0].ravel().tolist() == [0, 0, 0, 5, 0, 0, 0, 6]


def test_average_unpooling_fills_each_window(worker: Worker) -> None:
    """SAME over three columns with windows of two: the second window covers one cell, and fills it whole."""
    pooled = np.array([8, 5], np.float32).reshape(1, 1, 2, 1)
    out = result(
        worker,
        "avg_unpool",
        input=pooled,
        ksize=[1, 1, 2, 1],
        strides=[1, 1, 2, 1],
        padding="SAME",
        output_shape=[1, 1, 3, 1],
    )

    assert out.ravel().tolist() == [8, 8, 5]


def test_dropout_after_a_global_seed_is_the_first_call_each_time(worker: Worker) -> None:
    """The same global seed gives the same mask in every call (except in XLA, which ignores it); survivors double."""
    ones = np.ones(64, np.float32)

    masks = [result(worker, "dropout", x=ones, rate=0.5, global_seed=seed) for seed in (1, 2, 1)]

    assert set(masks[0].tolist()) == {0.0, 2.0}
    assert masks[0].tolist() != masks[1].tolist()
    assert (masks[0].tolist() == masks[2].tolist()) is registry.find(worker.start.name).repeats("dropout")


def test_dropout_by_its_own_seed_is_the_first_call_each_time(worker: Worker) -> None:
    """A global seed of an earlier call is forgotten: the seed alone gives the same mask in every call."""
    ones = np.ones(64, np.float32)
    seeds: tuple[dict[str, Argument], ...] = ({"seed": 1}, {"seed": 1, "global_seed": 5}, {"seed": 1})

    masks = [result(worker, "dropout", route="", x=ones, rate=0.5, **given).tolist() for given in seeds]

    assert (masks[0] == masks[2] != masks[1]) is registry.find(worker.start.name).repeats("dropout")


@pytest.mark.parametrize("rate", [1.0, 1.5])
def test_the_gradient_of_dropout_keeps_what_was_kept_at_any_rate(worker: Worker, rate: float) -> None:
    """A tensor rate of 1.5 makes a scale of -2; the route's uniform numbers are above and below every rate."""
    out = result(
        worker,
        "dropout_grad",
        grad=np.array([4, np.inf], np.float32),
        kept=np.array([True, True]),
        rate={"array": rate, "dtype": "float32"},
    )

    assert out.tolist() == ([-8, -np.inf] if rate > 1 else [np.inf, np.inf])


@pytest.mark.parametrize("route", ["nn", "nn+filters+bias"])
def test_a_pattern_is_its_ops_in_turn(worker: Worker, route: str) -> None:
    """The image 1 to 9, padded by a row, under one tap of 2, less 10, and relu: other weights give other numbers."""
    for weight, last in ((2.0, 8.0), (3.0, 17.0)):
        out = result(
            worker,
            "pattern",
            route,
            input=IMAGE,
            filters=np.full((1, 1, 1, 1), weight, np.float32),
            bias=np.array([-10], np.float32),
            stages=["pad", "conv2d", "bias_add", "relu"],
            paddings=[[0, 0], [1, 0], [0, 0], [0, 0]],
            strides=[1, 1, 1, 1],
            padding="VALID",
        )

        assert out.shape == (1, 4, 3, 1)
        assert out[0, 0].ravel().tolist() == [0, 0, 0]
        assert out[0, 3, 2, 0] == last


def test_a_separable_convolution_stands_for_a_depthwise_and_a_pointwise_one(worker: Worker) -> None:
    """2 and 3, by 1 and by 10 each, mixed by 1 0 0 1 is 32, and the bias of -2 leaves 30; other patterns have none."""
    given: dict[str, Argument] = {
        "input": np.array([2, 3], np.float32).reshape(1, 1, 1, 2),
        "filters": np.array([1, 10, 1, 10], np.float32).reshape(1, 1, 2, 2),
        "pointwise_filter": np.array([1, 0, 0, 1], np.float32).reshape(1, 1, 4, 1),
        "bias": np.array([-2], np.float32),
        "strides": [1, 1, 1, 1],
        "padding": "VALID",
    }
    stages: list[Json] = ["depthwise_conv2d", "pointwise_conv2d", "bias_add"]

    out = result(worker, "pattern", "separable", **given, stages=stages)
    other = Call(op="pattern", arguments={**given, "stages": [*stages[::2], stages[1]]}, route="separable")

    assert out.item() == 30
    assert isinstance(worker.run(other), Unsupported)


def test_unpooling_takes_its_shape_as_a_tensor(worker: Worker) -> None:
    """An int64 tensor, in a graph a constant: one window of two gets 7 twice."""
    out = result(
        worker,
        "avg_unpool",
        input=np.full((1, 1, 1, 1), 7, np.float32),
        ksize=[1, 2],
        strides=[1, 2],
        padding="VALID",
        output_shape={"array": [1, 1, 2, 1], "dtype": "int64"},
    )

    assert out.ravel().tolist() == [7, 7]


@pytest.mark.parametrize("route", ["scatter_nd", "argmax"])
def test_unpooling_takes_no_unsigned_shape(worker: Worker, route: str) -> None:
    """Shapes of TensorFlow are int32 or int64: a tensor of uint32 is refused, whatever the indices are."""
    arguments: dict[str, Argument] = {"input": np.ones((1, 1, 1, 1), np.float32), "argmax": np.full((1, 1, 1, 1), -5)}
    arguments["output_shape"] = {"array": [1, 2, 2, 1], "dtype": "uint32"}

    assert isinstance(worker.run(Call(op="max_unpool", arguments=arguments, route=route)), Raised | Unsupported)


def test_average_unpooling_stretches_no_input_to_its_shape(worker: Worker) -> None:
    """A scalar is no image of windows: refused, not multiplied out."""
    arguments: dict[str, Argument] = {"ksize": 1, "strides": 1, "padding": "VALID", "output_shape": [1, 2, 2, 1]}

    observed = worker.run(Call(op="avg_unpool", arguments={"input": np.ones((), np.float32), **arguments}))

    assert isinstance(observed, Raised)


def test_average_unpooling_leaves_a_far_too_large_output_to_the_op(worker: Worker) -> None:
    """One window, and an output of 2**31 - 1 columns: TensorFlow refuses it, before anything is made of that size."""
    arguments: dict[str, Argument] = {"ksize": [1, 2], "strides": 1, "padding": "VALID"}
    arguments |= {"input": np.ones((1, 1, 1, 1), np.float32), "output_shape": [1, 1, 2**31 - 1, 1]}

    observed = worker.run(Call(op="avg_unpool", arguments=arguments))

    assert isinstance(observed, Raised)
    assert observed.type.startswith("tensorflow.")


def test_the_gradient_of_dropout_keeps_what_was_kept(worker: Worker) -> None:
    """A gradient of 1 at rate 0.75 is 4 where kept, 0 elsewhere."""
    kept = np.array([True, False, True])
    out = result(worker, "dropout_grad", grad=np.ones(3, np.float32), kept=kept, rate=0.75)

    assert out.tolist() == [4, 0, 4]


def test_a_wrong_call_is_refused_by_a_named_error(worker: Worker) -> None:
    """An output of 9x9 does not shrink to 3x3: eager raises from the kernel, the graph modes while tracing."""
    call = Call(
        op="conv2d_transpose",
        arguments={"input": IMAGE, "filters": ONES, "output_shape": [1, 9, 9, 1], "strides": 2},
    )

    observed = worker.run(call)

    assert isinstance(observed, Raised)
    assert observed.type.startswith(("tensorflow.python.framework.errors_impl.", "builtins.ValueError"))


def test_the_routes_declared_are_those_offered(worker: Worker) -> None:
    """The registry, which does not import TensorFlow, knows the adapter's functions."""
    assert worker.ready().about["routes"] == {op: list(ways) for op, ways in ROUTES.items()}


def test_a_declared_limit_is_one(worker: Worker) -> None:
    """What a target declares not to implement is refused; where it declares nothing, pools in NCHW return."""
    target = registry.find(worker.start.name)
    for dtype in ("float32", "float64"):
        image = np.ones((1, 2, 4, 4), dtype)
        attributes: dict[str, Json] = {"ksize": 2, "strides": 2, "padding": "VALID", "data_format": "NCHW"}
        case = Case(
            op="max_pool", arrays={"input": ArraySpec(image.shape, dtype)}, attributes=attributes, regime="", seed=0
        )

        observed = worker.run(Call(op="max_pool", arguments={"input": image, **attributes}))

        assert isinstance(observed, Raised if unsupported(target, case) else Returned)


def test_a_logical_device_takes_the_calls() -> None:
    """Placement on a device that is not the first: what a GPU target does, without one."""
    eager = registry.find("tf-cpu-eager")
    with Worker(replace(eager, options={"mode": "xla", "device": "CPU:1"}).start()) as one:
        out = result(one, "conv2d_transpose", input=IMAGE, filters=ONES, output_shape=[1, 6, 6, 1], strides=2)

    assert out[0, :, :, 0].tolist() == EVEN


def test_operands_may_lie_elsewhere_at_each_call() -> None:
    """Whatever stands before them in their memory: the same numbers, in a width of 4 bytes and one of 2."""
    eager = registry.find("tf-cpu-eager")
    with Worker(replace(eager, options={**eager.options, "moved": True}).start()) as one:
        outs = [
            result(
                one,
                "conv2d_transpose",
                input=IMAGE.astype(dtype),
                filters=ONES.astype(dtype),
                output_shape=[1, 6, 6, 1],
                strides=2,
            )
            for dtype in ("float32", "float16") * 2
        ]

    assert all(out[0, :, :, 0].tolist() == EVEN for out in outs)


def test_memory_is_handed_out_full_of_a_pattern() -> None:
    """Under the environment of the TensorFlow targets, what is never written reads as 0x5A, not as zero."""
    eager = registry.find("tf-cpu-eager")
    empty = replace(eager, adapter=NAMESPACE, options={"object": "numpy"})
    with Worker(empty.start()) as one:
        observed = one.run(Call(op="empty", arguments={"shape": [5000], "dtype": "uint8"}))

    assert isinstance(observed, Returned)
    assert set(observed.arrays[0].tolist()) == {0x5A}
