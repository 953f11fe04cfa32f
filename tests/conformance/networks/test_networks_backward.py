"""The gradients of a network's loss by the gradient ops."""

from dataclasses import replace

import numpy as np
import pytest

from conformance.cases.network import Network, Parameters, Runner, Step
from conformance.networks.backward import activation_gradient, backward, loss
from conformance.networks.comparing import judged
from conformance.networks.known import LENET, MNIST, conv, dense, pool, up
from conformance.networks.running import initialised, run
from conformance.ops.arguments import run_reference
from conformance.targets.target import Target

PLAIN = Target(name="plain", about="declares float32")

# LeNet's layers, in float64 and small, so that differences of the loss show its gradient.
SMALL = Network(
    name="small",
    title="",
    input=(6, 6, 1),
    layers=(
        conv("conv1", 3, 2, activation="tanh"),
        pool("pool1", op="avg_pool"),
        conv("conv2", 2, 3, padding="VALID", activation="tanh"),
        pool("pool2"),
        dense("fc", 3, ""),
    ),
    source="",
)


def test_the_loss_of_equal_chances_is_the_logarithm_of_their_number() -> None:
    """Ten equal logits: log 10, and a gradient of 0.1, less 1 at the label."""
    mean, gradient = loss(np.zeros((1, 1, 1, 10)), np.array([3]))

    assert mean == pytest.approx(np.log(10), rel=1e-15)
    assert gradient[0, 0, 0, 3] == pytest.approx(-0.9)
    assert gradient[0, 0, 0, 0] == pytest.approx(0.1)


def test_the_gradient_passes_relu6_between_its_ends() -> None:
    """Of outputs 0, 3 and 6 the one that is cut off at neither end lets 7 through."""
    output = np.array([0, 3, 6], np.float32).reshape(1, 1, 3, 1)
    layer = conv("conv", 1, 1, activation="relu6")
    step = Step(layer=layer, op="conv2d", arguments={}, results=(output,), output=output)

    assert activation_gradient(step, np.full_like(output, 7)).ravel().tolist() == [0, 7, 0]


# What the first convolution gives stands beside what the second one does.
SKIPPING = replace(
    SMALL,
    layers=(
        conv("conv1", 3, 2, activation="tanh"),
        conv("conv2", 3, 3, activation="tanh"),
        conv("conv3", 3, 2, activation="tanh", beside="conv1"),
        dense("fc", 3, ""),
    ),
)


# U-Net's: a pool undone by a transposed convolution, beside what was pooled; logits of pixels.
EXPANDING = replace(
    SMALL,
    layers=(
        conv("conv1", 3, 2, activation="tanh"),
        pool("pool1"),
        up("up1", 2, 2, 2, (6, 6), "SAME", "tanh"),
        conv("output", 1, 3, activation="", beside="conv1"),
    ),
)


@pytest.mark.parametrize(
    ("network", "name"),
    [
        *((SMALL, name) for name in ("conv1", "conv2", "fc")),
        (SKIPPING, "conv1"),
        *((EXPANDING, name) for name in ("conv1", "up1", "output")),
    ],
)
def test_gradients_are_those_of_the_loss(network: Network, name: str) -> None:
    """Central differences of the loss by 1e-6 agree to their own error, 1e-8, for every filter element and bias."""
    stream = np.random.default_rng(0)
    image, labels = stream.standard_normal((2, *network.input)), np.array([0, 2])
    weights = initialised(network, 0, "float64")
    steps = run(network, image, weights, run_reference)
    _, found = backward(steps, loss(steps[-1].output, labels)[1], run_reference)

    def lossy(changed: Parameters) -> float:
        return loss(run(network, image, weights | {name: changed}, run_reference)[-1].output, labels)[0]

    for part in ("filters", "bias"):
        own = getattr(weights[name], part)
        for index in list(np.ndindex(own.shape))[:8]:
            change = np.zeros(own.shape)
            change[index] = 1e-6
            up, down = (lossy(replace(weights[name], **{part: own + sign * change})) for sign in (1, -1))
            assert getattr(found[name], part)[index] == pytest.approx((up - down) / 2e-6, abs=1e-8)


@pytest.mark.tensorflow
@pytest.mark.parametrize("network", [LENET, MNIST], ids=lambda network: network.name)
def test_every_call_of_a_training_step_conforms(tensorflow: Runner, network: Network) -> None:
    """The gradients of every parameter, and of what lies between, on the reference's own values."""
    images = np.random.default_rng(1).random((4, *network.input)).astype(np.float32)
    steps = run(network, images, initialised(network, 1), run_reference, seed=1)
    calls, found = backward(steps, loss(steps[-1].output, np.arange(4))[1], run_reference)

    assert set(found) == {layer.name for layer in network.layers if layer.outputs}
    assert not any(judged(call, tensorflow, PLAIN).outside for call in calls)
