"""Features of a network led back to pixels, and the script that shows them."""

from pathlib import Path

import numpy as np
import pytest

from conformance.cases.network import Network, Parameters, Runner
from conformance.networks.known import MNIST, conv, pool
from conformance.networks.running import initialised
from conformance.ops.arguments import run_reference
from conformance.targets.target import Target
from examples import features_to_pixels, running
from examples.features_to_pixels import features, pictures
from examples.lenet_reads import Recipe, Taught
from examples.pictures import SIGNATURE

PLAIN = Target(name="plain", about="declares float32")

IMAGES = np.random.default_rng(0).random((2, 28, 28, 1)).astype(np.float32)


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

    (picture,) = pictures(network, image, weights, run_reference, PLAIN, 1)

    assert (picture.feature, picture.place, picture.strength) == (0, (1, 0), 10.0)
    assert np.argwhere(picture.reference).tolist() == [[2, 1, 0]]
    assert picture.reference[2, 1, 0] == 20
    assert not any(stage.measured for stage in picture.stages)


@pytest.mark.tensorflow
def test_tensorflow_leads_features_back_within_the_bounds(tensorflow: Runner) -> None:
    """Every stage conforms on the reference's activations, and stays within its bound on its own."""
    for picture in pictures(MNIST, IMAGES[:1], initialised(MNIST, 0), tensorflow, PLAIN, 2):
        assert picture.reference.any()
        assert not picture.wrong


def test_the_script_shows_the_strongest_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two digits, one feature each: the reference against itself, three pictures a feature."""

    def untaught(teacher: str, _: Runner, recipe: Recipe) -> Taught:
        weights = initialised(MNIST, recipe.seed)
        return Taught(teacher=teacher, losses=(), weights=weights, images=IMAGES, labels=np.array([3, 8]))

    monkeypatch.setattr(features_to_pixels, "taught", untaught)
    monkeypatch.setattr(features_to_pixels, "digits", lambda: None)
    out = tmp_path / "page.html"

    code = running.run(
        features_to_pixels.features_to_pixels, ["--target", "reference", "--strongest", "1", "--out", str(out)]
    )

    assert code == 0
    assert out.read_text().count("data:image/png;base64,") == 6


def test_a_picture_has_three_files() -> None:
    """PNG: the image, and what reference and target lead back."""
    (picture,) = pictures(MNIST, IMAGES[:1], initialised(MNIST, 0), run_reference, PLAIN, 1)

    assert [file.startswith(SIGNATURE) for file in picture.files] == [True] * 3
