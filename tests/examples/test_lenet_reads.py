"""LeNet-5 taught to read: the data, the descent, the examination and the script."""

from pathlib import Path

import numpy as np
import pytest

from conformance.cases.network import Arguments, Network, Runner
from conformance.model import Array
from conformance.networks.known import MNIST, conv, dense
from conformance.networks.running import initialised
from conformance.ops.arguments import run_reference
from examples import lenet_reads, running
from examples.digits import enlarged
from examples.lenet_reads import Recipe, Taught, descent, examined, taught

SMALL = Network(name="small", title="", input=(4, 4, 1), layers=(conv("conv", 3, 2), dense("fc", 2, "")), source="")


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> tuple[Array, Array]:
    """Replace the digits by 54 images, of which the last four are for testing."""
    stream = np.random.default_rng(0)
    found = stream.random((54, 28, 28, 1), np.float32), stream.integers(10, size=54)
    monkeypatch.setattr(lenet_reads, "digits", lambda: found)
    monkeypatch.setattr(lenet_reads, "TESTED", 4)
    return found


def test_digits_are_enlarged_three_times_with_a_margin() -> None:
    """8 * 3 + 2 * 2 = 28; the first element stands at rows and columns 2 to 4."""
    small = np.zeros((1, 8, 8))
    small[0, 0, 0] = 16

    large = enlarged(small)[0, :, :, 0]

    assert large.shape == (28, 28)
    assert large.sum() == 9
    assert (large[2:5, 2:5] == 1).all()


def test_descent_learns_what_is_separable() -> None:
    """Bright and dark images, two classes: each epoch's last loss is below the first."""
    images = np.repeat(np.array([0.0, 1.0], np.float32), 8)[:, None, None, None] * np.ones((16, 4, 4, 1), np.float32)
    labels = np.repeat([0, 1], 8)

    losses = [mean for mean, _ in descent(SMALL, images, labels, run_reference, Recipe(epochs=6, batch=16, rate=0.1))]

    assert len(losses) == 6
    assert losses[-1] < losses[0] / 2


def reversed_classes(op: str, arguments: Arguments) -> tuple[Array, ...]:
    """Return the reference's results, the ten classes in reverse."""
    results = run_reference(op, arguments)
    return (results[0][..., ::-1],) if results[0].shape[-1] == 10 else results


def test_predictions_that_differ_are_counted(few_digits: tuple[Array, Array]) -> None:
    """No class of ten is its own mirror: all four predictions differ."""
    images, labels = few_digits
    weights = initialised(MNIST, 0)
    known = Taught(teacher="t", losses=(), weights=weights, images=images[-4:], labels=labels[-4:])

    same, other = (examined(known, one) for one in (run_reference, reversed_classes))

    assert (same.other, other.other) == (0, 4)


@pytest.mark.usefixtures("few_digits")
def test_the_script_trains_examines_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reference teaches itself one step: it agrees with itself, and the page has filters and tables."""
    out = tmp_path / "new" / "page.html"

    code = running.run(lenet_reads.lenet_reads, ["--target", "reference", "--epochs", "1", "--out", str(out)])

    assert code == 0
    assert "the reference reads 0 of them otherwise" in capsys.readouterr().out
    page = out.read_text()
    assert page.count("data:image/png;base64,") >= 32  # the first layer's filters
    assert "conv2d_backprop_filter" in page


@pytest.mark.slow
@pytest.mark.tensorflow
def test_lenet_trained_in_tensorflow_predicts_the_same_in_the_reference(tensorflow: Runner) -> None:
    """Trained on real digits with dropout; the same class for every image of the test set, nearly all right."""
    pytest.importorskip("sklearn")

    exam = examined(taught("tf-cpu-eager", tensorflow, Recipe(epochs=2)), tensorflow)

    assert exam.other == 0
    assert exam.right > 0.85 * len(exam.labels)
