"""Networks tried on targets: at random weights, and LeNet-5 taught to read digits, its features led back to pixels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conformance.model import Array
from conformance.networks.comparing import end_to_end, judged, layer_by_layer
from conformance.networks.deconvolution import pictures
from conformance.networks.digits import TESTED, digits
from conformance.networks.known import LENET, MNIST
from conformance.networks.layers import Network
from conformance.networks.results import Lesson, Shown, Trial, shown
from conformance.networks.running import NotOfferedError, Parameters, Runner, initialised, run_reference
from conformance.networks.training import Recipe, predictions, stepped, trained
from conformance.targets.registry import Target
from reference.bounds import ARITHMETICS, Arithmetic

__all__ = ["Taught", "attempted", "examined", "led_back", "taught", "tried"]

TRAINED = (LENET.name, MNIST.name)  # the networks whose training step is tried, too
BATCH = 8  # images of that step
DIGITS, FEATURES = 2, 3  # that are led back: of so many images, the strongest


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """LeNet-5 with weights that were trained, and digits that it has not seen."""

    teacher: str  # the target that trained it
    weights: Mapping[str, Parameters]
    images: Array  # N, 28, 28, 1
    labels: Array  # N


def arithmetic_of(target: Target) -> Arithmetic:
    """Return what a target declares of float32, the dtype of the networks."""
    return ARITHMETICS[target.arithmetic.get("float32", "float32")]


def tried(network: Network, target: Target, runner: Runner, seed: int, known: Taught | None = None) -> Trial:
    """
    Run a network on a target; of LeNet-5 a training step, too.

    known: trained weights and real images; without it both are drawn at random from `seed`.
    """
    stream = np.random.Generator(np.random.Philox(seed))
    if known:
        weights, images, labels = known.weights, known.images[:BATCH], known.labels[:BATCH]
    else:
        weights = initialised(network, seed)
        images = stream.random((BATCH if network.name in TRAINED else 1, *network.input), np.float32)
        labels = stream.integers(10, size=len(images))
    arithmetic = arithmetic_of(target)
    # A mask from another generator, which the specification leaves open, is no reason to compare nothing after it.
    masks = seed if "stateless_dropout" not in target.own_masks else None
    dropped = any(layer.op == "dropout" for layer in network.layers)
    step = stepped(network, images, labels, weights, masks) if network.name in TRAINED else []
    return Trial(
        target=target.name,
        network=network.name,
        weights=f"trained by {known.teacher}" if known else "drawn at random",
        judged=tuple(layer_by_layer(network, images[:1], weights, runner, masks, arithmetic)),
        apart=tuple(end_to_end(network, images[:1], weights, runner, masks, arithmetic)),
        gradients=tuple(judged(one, runner, arithmetic) for one in step),
        note="Dropout is left out: the target draws masks of its own." if dropped and masks is None else "",
    )


def attempted(network: Network, target: Target, runner: Runner, seed: int) -> Trial:
    """Run a network at random weights on a target that may not offer all of its ops: the note then says which."""
    try:
        return tried(network, target, runner, seed)
    except NotOfferedError as error:
        weights = "drawn at random"
        return Trial(
            target=target.name, network=network.name, weights=weights, judged=(), apart=(), note=f"Not run: {error}."
        )


def taught(target: Target, runner: Runner, recipe: Recipe | None = None) -> Taught:
    """Train LeNet-5 on a target, with dropout, on all digits but the last ones."""
    images, labels = digits()
    weights = trained(MNIST, images[:-TESTED], labels[:-TESTED], runner, recipe)
    return Taught(teacher=target.name, weights=weights, images=images[-TESTED:], labels=labels[-TESTED:])


def examined(known: Taught, target: Target, runner: Runner) -> Lesson:
    """Hold a target's predictions for digits that were not trained on against the reference's, by the same weights."""
    mine, theirs = (predictions(MNIST, known.images, known.weights, one) for one in (run_reference, runner))
    return Lesson(
        teacher=known.teacher,
        target=target.name,
        network=MNIST.name,
        tested=len(known.images),
        right=int((theirs == known.labels).sum()),
        other=tuple(np.flatnonzero(mine != theirs).tolist()),
    )


def led_back(target: Target, runner: Runner, known: Taught) -> list[Shown]:
    """Lead the strongest features of the first unseen digits back to pixels, on the target and on the reference."""
    arithmetic = arithmetic_of(target)
    return [
        shown(target.name, MNIST.name, int(known.labels[number]), picture)
        for number in range(DIGITS)
        for picture in pictures(MNIST, known.images[[number]], known.weights, runner, FEATURES, arithmetic)
    ]
