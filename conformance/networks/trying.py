"""Networks tried on targets: judged layer by layer, measured end to end; of some a training step, too."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conformance.cases.network import Network, Parameters, Runner
from conformance.model import Array
from conformance.networks.backward import stepped
from conformance.networks.comparing import end_to_end, judged, layer_by_layer, patterns
from conformance.networks.known import LENET, MNIST, UNET
from conformance.networks.results import NetworkRun
from conformance.networks.running import NotOfferedError, initialised, run
from conformance.ops import OPS
from conformance.ops.arguments import run_reference
from conformance.targets.target import Target

__all__ = ["Sample", "attempted", "drawn", "tried"]

TRAINED = {LENET.name: 8, MNIST.name: 8, UNET.name: 1}  # networks whose training step is tried, too: on so many images


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a network is run with."""

    origin: str  # of the weights: "drawn at random", or by whom they were trained
    weights: Mapping[str, Parameters]
    images: Array  # N, H, W, C; the first is run forward, all of them are a training step
    labels: Array  # N


def drawn(network: Network, seed: int) -> Sample:
    """Draw weights, images and labels at random."""
    stream = np.random.Generator(np.random.Philox(seed))
    images = stream.random((TRAINED.get(network.name, 1), *network.input), np.float32)
    return Sample(
        origin="drawn at random",
        weights=initialised(network, seed),
        images=images,
        labels=stream.integers(network.layers[-1].outputs, size=len(images)),
    )


def tried(network: Network, target: Target, runner: Runner, seed: int, sample: Sample | None = None) -> NetworkRun:
    """
    Run a network on a target; of those in TRAINED a training step, too.

    seed: of dropout, and of the sample where none is given.
    """
    sample = sample or drawn(network, seed)
    weights, image = sample.weights, sample.images[:1]
    # A mask from another generator, which the specification leaves open, is no reason to compare nothing after it.
    random = {layer.op for layer in network.layers if OPS[layer.op].random}
    masks = None if any(map(target.draws_own, random)) else seed
    step = stepped(network, sample.images, sample.labels, weights, masks) if network.name in TRAINED else []
    layers = run(network, image, weights, run_reference, masks)
    return NetworkRun(
        target=target.name,
        network=network.name,
        weights=sample.origin,
        judged=tuple(layer_by_layer(layers, runner, target)),
        apart=tuple(end_to_end(network, image, weights, runner, target, masks)),
        patterns=tuple(patterns(layers, runner, target)),
        gradients=tuple(judged(one, runner, target) for one in step),
        note="Dropout is left out: the target draws masks of its own." if masks is None else "",
    )


def attempted(network: Network, target: Target, runner: Runner, seed: int) -> NetworkRun:
    """Run a network at random weights on a target that may not offer all of its ops: the note then says which."""
    try:
        return tried(network, target, runner, seed)
    except NotOfferedError as error:
        weights = "drawn at random"
        return NetworkRun(
            target=target.name, network=network.name, weights=weights, judged=(), apart=(), note=f"Not run: {error}."
        )
