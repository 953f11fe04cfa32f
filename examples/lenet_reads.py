"""
LeNet-5 taught to read handwritten digits by a target, and examined beside the reference.

    python examples/lenet_reads.py --target tf-cpu-eager

Every convolution, pool, dropout and gradient of the training is a call of the target. What the trained network
predicts for digits that it has not seen is then computed by the reference with the same weights, too, and each of its
layers, and each gradient of one more training step, is judged element by element.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from conformance.cases.network import Network, Parameters, Runner
from conformance.model import Array
from conformance.networks.backward import backward, loss
from conformance.networks.known import MNIST
from conformance.networks.results import NetworkRun
from conformance.networks.running import initialised, run
from conformance.networks.trying import Sample, tried
from conformance.ops.arguments import run_reference
from examples import running
from examples.charts import lines
from examples.digits import TESTED, digits
from examples.pages import page
from examples.pictures import bright, png, signed

__all__ = ["Recipe", "Taught", "descent", "examined", "lenet_reads", "taught"]

SHOWN = 8  # unseen digits on which layers and gradients are judged
MISREAD = 24  # digits that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained: by stochastic gradient descent with momentum."""

    epochs: int = 4
    batch: int = 50
    rate: float = 0.02  # of learning
    momentum: float = 0.9
    seed: int = 0  # of weights, order and dropout


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """LeNet-5 with weights that were trained, and digits that it has not seen."""

    teacher: str  # the target that trained it
    losses: Sequence[float]  # of each batch
    weights: Mapping[str, Parameters]
    images: Array  # N, 28, 28, 1
    labels: Array  # N

    @property
    def sample(self) -> Sample:
        """The weights, with a few of the digits: what is judged layer by layer."""
        origin = f"trained by {self.teacher}"
        return Sample(origin=origin, weights=self.weights, images=self.images[:SHOWN], labels=self.labels[:SHOWN])


def descent(
    network: Network, images: Array, labels: Array, runner: Runner, recipe: Recipe
) -> Iterator[tuple[float, dict[str, Parameters]]]:
    """
    Train a network from weights drawn at random; yield the loss of each batch, and the weights after it.

    images [N, H, W, C], labels [N]. v <- momentum v - rate gradient; w <- w + v.
    """
    weights = initialised(network, recipe.seed)
    velocity = {name: combined(one, 0.0, one, 0.0) for name, one in weights.items()}
    for number, chosen in enumerate(batches(len(images), recipe)):
        steps = run(network, images[chosen], weights, runner, seed=recipe.seed + number)
        mean, slope = loss(steps[-1].output, labels[chosen])
        for name, gradient in backward(steps, slope, runner)[1].items():
            velocity[name] = combined(velocity[name], recipe.momentum, gradient, -recipe.rate)
            weights[name] = combined(weights[name], 1.0, velocity[name], 1.0)
        yield mean, weights


def batches(count: int, recipe: Recipe) -> Iterator[Array]:
    """Yield the images of each step: every epoch in another order."""
    stream = np.random.Generator(np.random.Philox(recipe.seed))
    for _ in range(recipe.epochs):
        order = stream.permutation(count)
        for first in range(0, count - recipe.batch + 1, recipe.batch):
            yield order[first : first + recipe.batch]


def combined(one: Parameters, share: float, other: Parameters, other_share: float) -> Parameters:
    """Return a weighted sum of two layers' parameters."""
    bias = None
    if one.bias is not None and other.bias is not None:
        bias = share * one.bias + other_share * other.bias
    return Parameters(share * one.filters + other_share * other.filters, bias)


def predictions(
    network: Network, images: Array, weights: Mapping[str, Parameters], runner: Runner, batch: int = 100
) -> Array:
    """Return the class that a network gives each image: [N]."""
    parts = [images[first : first + batch] for first in range(0, len(images), batch)]
    return np.concatenate([run(network, part, weights, runner)[-1].output.argmax(3).ravel() for part in parts])


def taught(teacher: str, runner: Runner, recipe: Recipe) -> Taught:
    """Train LeNet-5, with dropout, on all digits but the last ones."""
    images, labels = digits()
    learning = descent(MNIST, images[:-TESTED], labels[:-TESTED], runner, recipe)
    count = recipe.epochs * ((len(images) - TESTED) // recipe.batch)
    steps = list(running.watched(learning, f"LeNet-5 learns on {teacher}", count))
    return Taught(
        teacher=teacher,
        losses=[mean for mean, _ in steps],
        weights=steps[-1][1],
        images=images[-TESTED:],
        labels=labels[-TESTED:],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the trained network reads in the digits that it has not seen: classes [N]."""

    labels: Array
    target: Array
    reference: Array

    @property
    def right(self) -> int:
        """The digits that the target reads rightly."""
        return int((self.target == self.labels).sum())

    @property
    def other(self) -> int:
        """The digits that the reference, with the same weights, takes for another than the target does."""
        return int((self.target != self.reference).sum())


def examined(known: Taught, runner: Runner) -> Examined:
    """Read the digits on the target and on the reference, by the same weights."""
    target, reference = (predictions(MNIST, known.images, known.weights, one) for one in (runner, run_reference))
    return Examined(labels=known.labels, target=target, reference=reference)


def lenet_reads(
    target: Annotated[str | None, typer.Option(help="Who computes; the first TensorFlow here by default.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times that every digit is shown.")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of weights, order and dropout.")] = 0,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("reports/lenet_reads.html"),
) -> int:
    """Teach LeNet-5 to read handwritten digits, and examine it beside the reference."""
    digits()  # they may not be installed: said before anything is started
    running.writable(out)
    with running.target(target) as (found, runner):
        known = taught(found.name, runner, Recipe(epochs=epochs, seed=seed))
        exam = examined(known, runner)
        trial = tried(MNIST, found, runner, seed, known.sample)
    out.write_text(told(known, exam, trial))
    typer.echo(
        f"Of {len(exam.labels)} digits that it has not seen LeNet-5, taught by {found.name}, reads {exam.right} "
        f"rightly; the reference reads {exam.other} of them otherwise. The page: {out}"
    )
    return 1 if exam.other or trial.wrong else 0


def told(known: Taught, exam: Examined, trial: NetworkRun) -> str:
    """Return the page."""
    filters = known.weights["conv1"].filters
    return page(
        "lenet_reads.html",
        exam=exam,
        trial=trial,
        losses=lines({"loss": known.losses}, "batch", "cross entropy"),
        filters=[png(signed(filters[..., k], float(abs(filters).max()))) for k in range(filters.shape[3])],
        misread=[
            (png(bright(known.images[n])), int(exam.labels[n]), int(exam.target[n]))
            for n in np.flatnonzero(exam.target != exam.labels)[:MISREAD]
        ],
    )


if __name__ == "__main__":
    sys.exit(running.run(lenet_reads))
