"""Networks run: by the reference, by runners that round otherwise, and by TensorFlow."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.network import Network, Parameters, Runner
from conformance.errors import SuiteError
from conformance.model import Array
from conformance.networks.comparing import end_to_end, layer_by_layer, patterns
from conformance.networks.known import DQN, LENET, MNIST, contracting_and_expanding, conv, mirrored, pool, up
from conformance.networks.running import NotOfferedError, OnTarget, initialised, run
from conformance.networks.trying import tried
from conformance.ops.arguments import run_reference
from conformance.targets import registry
from conformance.targets.target import Target
from conformance.targets.transport.pool import Worker

PLAIN = Target(name="plain", about="declares float32")

SMALL = Network(
    name="small",
    title="",
    input=(8, 8, 2),
    layers=(conv("conv", 3, 3), pool("pool", op="max_pool_with_argmax")),
    source="",
)
MIRROR = mirrored(SMALL, "", "")
UNET = replace(SMALL, input=(5, 7, 1), layers=tuple(contracting_and_expanding((5, 7), (2, 3, 4))))


def image_of(network: Network, count: int = 1) -> Array:
    """Return images drawn at random."""
    return np.random.default_rng(0).standard_normal((count, *network.input)).astype(np.float32)


def faulty(op: str, arguments: Any) -> tuple[Array, ...]:  # noqa: ANN401 -- as of a runner
    """Return the reference's results, one element of each convolution off by 1."""
    results = run_reference(op, arguments)
    if op == "conv2d":
        results[0].flat[0] += 1
    return results


@pytest.mark.parametrize("network", [LENET, MNIST, DQN, MIRROR, UNET], ids=lambda network: network.name)
def test_the_reference_agrees_with_itself(network: Network) -> None:
    """No element is outside, and nothing of the bound is used, end to end either."""
    image, weights = image_of(network), initialised(network, 0)

    assert not any(
        layer.outside for layer in layer_by_layer(run(network, image, weights, run_reference), run_reference, PLAIN)
    )
    assert [after.measured for after in end_to_end(network, image, weights, run_reference, PLAIN)] == [0.0] * len(
        network.layers if network is not MNIST else network.layers[:-1]
    )


def test_a_layer_is_a_pattern_where_a_target_claims_it() -> None:
    """The convolution of two layers, with a bias and relu; not outside of graphs."""
    image, weights = image_of(SMALL), initialised(SMALL, 0)

    steps = run(SMALL, image, weights, run_reference)

    def spoilt(op: str, arguments: Any) -> tuple[Array, ...]:  # noqa: ANN401 -- as of a runner
        (result,) = run_reference(op, arguments)
        return (result - 1,)

    (right,) = patterns(steps, run_reference, PLAIN)
    (wrong,) = patterns(steps, spoilt, PLAIN)

    assert (right.layer, right.op, right.outside) == ("conv", "pattern", 0)
    assert wrong.outside == wrong.elements == 8 * 8 * 3
    assert not patterns(steps, run_reference, registry.BUILT_IN["tf-cpu-eager"])


def test_one_wrong_element_is_found_in_its_layer() -> None:
    """Every convolution of the faulty runner has one element outside; the pools have none."""
    found = layer_by_layer(run(LENET, image_of(LENET), initialised(LENET, 0), run_reference), faulty, PLAIN)

    assert [(layer.layer, layer.outside) for layer in found if layer.outside] == [
        ("c1", 1),
        ("c3", 1),
        ("c5", 1),
        ("f6", 1),
        ("output", 1),
    ]


def test_a_wrong_element_leaves_the_bound_end_to_end() -> None:
    """1 is far more than LeNet's first layer may round: used is above 1."""
    first = end_to_end(LENET, image_of(LENET), initialised(LENET, 0), faulty, PLAIN)[0]

    assert first.used > 1


@pytest.mark.parametrize(("activation", "last"), [("relu", 8), ("relu6", 6)])
def test_an_identity_layer_gives_its_image(activation: str, last: int) -> None:
    """One filter that is 2 at its centre, and relu: twice the positive part of the image; relu6 cuts it off at 6."""
    layer = conv("conv", 3, 1, activation=activation)
    network = Network(name="one", title="", input=(3, 3, 1), layers=(layer,), source="")
    filters = np.zeros((3, 3, 1, 1), np.float32)
    filters[1, 1] = 2
    image = np.arange(-4, 5, dtype=np.float32).reshape(1, 3, 3, 1)

    (step,) = run(network, image, {"conv": Parameters(filters, np.zeros(1, np.float32))}, run_reference)

    assert step.output.ravel().tolist() == [0, 0, 0, 0, 0, 2, 4, 6, last]


def test_what_stands_beside_comes_first() -> None:
    """Of 1 and 2, pooled to 2 and brought back as 4 and 4: a filter of 10 and 1 gives 10 * 1 + 4 and 10 * 2 + 4."""
    network = Network(
        name="skip",
        title="",
        input=(1, 2, 1),
        layers=(
            conv("own", 1, 1),
            pool("pool", padding="SAME"),
            up("up", 2, 1, 2, (1, 2), "SAME", ""),
            conv("both", 1, 1, beside="own"),
        ),
        source="",
    )
    filters = {"own": [[1]], "up": [[2]] * 4, "both": [[10, 1]]}
    shapes = {"own": (1, 1, 1, 1), "up": (2, 2, 1, 1), "both": (1, 1, 2, 1)}
    weights = {
        name: Parameters(np.array(filters[name], np.float32).reshape(shape), None) for name, shape in shapes.items()
    }

    last = run(network, np.array([1, 2], np.float32).reshape(1, 1, 2, 1), weights, run_reference)[-1]

    assert last.output.ravel().tolist() == [14, 24]


def test_the_bound_of_what_stands_beside_is_carried() -> None:
    """Factors cut to TF32 stay inside where that is declared, through both ways to the layer that they meet in."""
    found = end_to_end(UNET, image_of(UNET), initialised(UNET, 0), truncated, registry.find("tf-gpu-eager-tf32"))

    assert 0 < max(after.used for after in found) <= 1


def test_the_way_back_puts_maxima_where_they_stood() -> None:
    """With the identity as filter, convolution, pool, unpool and transpose keep each window's largest element."""
    network = mirrored(
        Network(
            name="one",
            title="",
            input=(2, 4, 1),
            layers=(conv("conv", 1, 1), pool("pool", op="max_pool_with_argmax")),
            source="",
        ),
        "",
        "",
    )
    image = np.array([[1, 2, 8, 7], [4, 3, 5, 6]], np.float32).reshape(1, 2, 4, 1)

    last = run(network, image, {"conv": Parameters(np.ones((1, 1, 1, 1), np.float32), None)}, run_reference)[-1]

    assert last.output[0, :, :, 0].tolist() == [[0, 0, 8, 0], [4, 0, 0, 0]]


def truncated(op: str, arguments: Any) -> tuple[Array, ...]:  # noqa: ANN401 -- as of a runner
    """Return the reference's results for factors cut to TF32's 11 bits, as a GPU has them."""
    cut = {
        name: (arguments[name].view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
        for name in ("input", "filters")
        if op == "conv2d"
    }
    return run_reference(op, {**arguments, **cut})


def test_a_gpu_is_held_to_the_arithmetic_that_it_declares() -> None:
    """DQN with factors in TF32: right for the target that declares it, wrong for the one that does not."""
    declared, plain = (tried(DQN, registry.find(f"tf-gpu-eager{more}"), truncated, 0) for more in ("-tf32", ""))

    assert not declared.wrong
    assert plain.wrong
    assert max(one.bound_used for one in declared.judged) > 0


def test_what_a_target_declares_not_to_implement_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """XLA has no max_pool_with_argmax, and raises; what a target that declares nothing raises is no such thing."""
    (tmp_path / "raising.py").write_text("def max_pool_with_argmax(**_):\n    raise ValueError('no kernel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    arguments = {"input": np.ones((1, 2, 2, 1), np.float32), "ksize": [2, 2], "strides": [2, 2], "padding": "VALID"}
    plain = registry.find("raising")
    declaring = replace(plain, limits=registry.find("tf-gpu-xla").limits)

    with Worker(plain.start()) as worker:
        with pytest.raises(NotOfferedError, match="MaxPoolWithArgmax has no XLA kernel"):
            OnTarget(worker, declaring)("max_pool_with_argmax", arguments)
        with pytest.raises(SuiteError, match="no kernel"):
            OnTarget(worker, plain)("max_pool_with_argmax", arguments)


@pytest.mark.tensorflow
def test_another_device_runs_a_network(second_cpu: Target) -> None:
    """A second logical CPU, as a GPU would be: layer by layer, end to end, and a training step."""
    with Worker(second_cpu.start()) as worker:
        assert worker.ready().about["device"] == "CPU:1"
        trial = tried(MNIST, second_cpu, OnTarget(worker, second_cpu), 0)

    assert not trial.wrong
    assert trial.gradients


@pytest.mark.tensorflow
def test_a_graph_tells_what_was_fused_at_a_layer() -> None:
    """LeNet's first convolution with its bias and relu: one op of the optimised graph."""
    target = registry.find("tf-cpu-graph")
    first, *_ = run(LENET, image_of(LENET, 2), initialised(LENET, 0), run_reference)
    with Worker(target.start()) as worker:
        (judged,) = patterns([first], OnTarget(worker, target), target)

    assert any(kernel.endswith("FusedConv2D BiasAdd+Relu") for kernel in judged.kernels)


@pytest.mark.tensorflow
@pytest.mark.parametrize("network", [LENET, MNIST, DQN, MIRROR, UNET], ids=lambda network: network.name)
def test_tensorflow_is_inside_the_bounds_of_every_layer(tensorflow: Runner, network: Network) -> None:
    """Element by element on the reference's activations, and end to end on its own."""
    image, weights = image_of(network, 2), initialised(network, 0)

    assert not any(
        layer.outside
        for layer in layer_by_layer(run(network, image, weights, run_reference, seed=1), tensorflow, PLAIN)
    )
    assert max(after.used for after in end_to_end(network, image, weights, tensorflow, PLAIN, seed=1)) <= 1
