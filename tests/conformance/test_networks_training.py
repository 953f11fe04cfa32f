"""Training by gradient ops, and features led back to pixels."""

from dataclasses import replace

import numpy as np
import pytest

from conformance.networks.comparing import judged
from conformance.networks.deconvolution import features, pictures
from conformance.networks.digits import TESTED, digits, enlarged
from conformance.networks.known import LENET, MNIST, conv, dense, pool
from conformance.networks.layers import Network
from conformance.networks.running import Parameters, Runner, initialised, run, run_reference
from conformance.networks.training import Recipe, backward, loss, predictions, trained

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


@pytest.mark.parametrize("name", ["conv1", "conv2", "fc"])
def test_gradients_are_those_of_the_loss(name: str) -> None:
    """Central differences of the loss by 1e-6 agree to their own error, 1e-8, for every filter element and bias."""
    stream = np.random.default_rng(0)
    image, labels = stream.standard_normal((2, 6, 6, 1)), np.array([0, 2])
    weights = initialised(SMALL, 0, "float64")
    steps = run(SMALL, image, weights, run_reference)
    _, found = backward(steps, loss(steps[-1].output, labels)[1], run_reference)

    def lossy(changed: Parameters) -> float:
        return loss(run(SMALL, image, weights | {name: changed}, run_reference)[-1].output, labels)[0]

    for part in ("filters", "bias"):
        own = getattr(weights[name], part)
        for index in list(np.ndindex(own.shape))[:8]:
            change = np.zeros(own.shape)
            change[index] = 1e-6
            up, down = (lossy(replace(weights[name], **{part: own + sign * change})) for sign in (1, -1))
            assert getattr(found[name], part)[index] == pytest.approx((up - down) / 2e-6, abs=1e-8)


def test_digits_are_enlarged_three_times_with_a_margin() -> None:
    """8 * 3 + 2 * 2 = 28; the first element stands at rows and columns 2 to 4."""
    small = np.zeros((1, 8, 8))
    small[0, 0, 0] = 16

    large = enlarged(small)[0, :, :, 0]

    assert large.shape == (28, 28)
    assert large.sum() == 9
    assert (large[2:5, 2:5] == 1).all()


def test_features_end_before_what_is_fully_connected() -> None:
    """Two convolutions, two pools with argmax."""
    ops = [layer.op for layer in features(MNIST).layers]

    assert ops == ["conv2d", "max_pool_with_argmax"] * 2


def test_a_bright_pixel_is_led_back_to_where_it_stood() -> None:
    """One filter of one tap, one pool: the picture holds the strongest pixel, twice weighted, and nothing else."""
    network = Network(name="one", title="", input=(4, 4, 1), layers=(conv("conv", 1, 1), pool("pool")), source="")
    image = np.zeros((1, 4, 4, 1), np.float32)
    image[0, 2, 1, 0], image[0, 0, 0, 0] = 5, 3
    weights = {"conv": Parameters(np.full((1, 1, 1, 1), 2, np.float32), np.zeros(1, np.float32))}

    (picture,) = pictures(network, image, weights, run_reference, 1)

    assert (picture.feature, picture.place, picture.strength) == (0, (1, 0), 10.0)
    assert np.argwhere(picture.reference).tolist() == [[2, 1, 0]]
    assert picture.reference[2, 1, 0] == 20
    assert not any(stage.measured for stage in picture.stages)


@pytest.mark.tensorflow
@pytest.mark.parametrize("network", [LENET, MNIST], ids=lambda network: network.name)
def test_every_call_of_a_training_step_conforms(tensorflow: Runner, network: Network) -> None:
    """The gradients of every parameter, and of what lies between, on the reference's own values."""
    images = np.random.default_rng(1).random((4, *network.input)).astype(np.float32)
    steps = run(network, images, initialised(network, 1), run_reference, seed=1)
    calls, found = backward(steps, loss(steps[-1].output, np.arange(4))[1], run_reference)

    assert set(found) == {layer.name for layer in network.layers if layer.convolves}
    assert not any(judged(call, tensorflow).outside for call in calls)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_lenet_trained_in_tensorflow_predicts_the_same_in_the_reference(tensorflow: Runner) -> None:
    """Trained on real digits with dropout; the same class for every image of the test set, nearly all right."""
    pytest.importorskip("sklearn")
    images, labels = digits()

    weights = trained(MNIST, images[:-TESTED], labels[:-TESTED], tensorflow, Recipe(epochs=2))

    shown = images[-TESTED:]
    mine, theirs = (predictions(MNIST, shown, weights, runner) for runner in (run_reference, tensorflow))
    assert mine.tolist() == theirs.tolist()
    assert (mine == labels[-TESTED:]).mean() > 0.85
    for picture in pictures(MNIST, shown[:1], weights, tensorflow):
        assert picture.reference.any()
        assert max(stage.used for stage in picture.stages) <= 1
