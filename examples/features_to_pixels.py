"""
What a trained network's features answer to, led back to the pixels that caused them.

    python examples/features_to_pixels.py --target tf-cpu-eager

LeNet-5 learns to read digits. Then a digit goes forward by convolution, relu and max pooling with argmax; of the last
pool's activations all but one feature's strongest are set to zero; and back by unpooling at the argmax, relu and
transposed convolution with the same filters. The target does so beside the reference, each stage judged.

Source: Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from conformance.cases.network import Network, Parameters, Runner, Step
from conformance.model import Array
from conformance.networks.comparing import Distance, Judged, carried, distance, judged
from conformance.networks.known import MNIST, mirrored
from conformance.networks.running import step
from conformance.ops.arguments import run_reference
from conformance.targets.target import Target
from examples import running
from examples.digits import TESTED, digits
from examples.lenet_reads import Recipe, taught
from examples.pages import page
from examples.pictures import bright, png, signed

__all__ = ["Picture", "features", "features_to_pixels", "pictures", "visualised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One feature led back to pixels, by the reference and by a target."""

    feature: int  # channel of the last pool
    place: tuple[int, int]  # row, column of its strongest activation
    strength: float
    image: Array  # H, W, C: what the network was shown
    reference: Array  # H, W, C
    target: Array  # H, W, C
    judged: tuple[Judged, ...]  # each layer of the target, there and back, on the reference's activations
    stages: tuple[Distance, ...]  # of the target's own activations from the reference's

    @property
    def wrong(self) -> bool:
        """Whether an element is not allowed, or further away than its bound."""
        return any(one.outside for one in self.judged) or any(one.used > 1 for one in self.stages)

    @property
    def files(self) -> tuple[bytes, bytes, bytes]:
        """PNG files of image, reference and target: both reconstructions on the reference's scale, zero in grey."""
        largest = float(abs(self.reference).max(initial=0.0))
        return (
            png(bright(self.image)),
            png(signed(self.reference, largest)),
            png(signed(self.target, largest)),
        )


def features(network: Network) -> Network:
    """Return what lies before the first fully connected layer, its pools with argmax."""
    layers = []
    for layer in network.layers:
        if layer.op not in ("conv2d", "max_pool") or layer.taps == (0, 0):
            break
        layers.append(replace(layer, op="max_pool_with_argmax") if layer.op == "max_pool" else layer)
    return replace(network, name=f"{network.name}-features", layers=tuple(layers))


def pictures(
    network: Network,
    image: Array,
    weights: Mapping[str, Parameters],
    runner: Runner,
    target: Target,
    count: int = 4,
) -> list[Picture]:
    """Lead the strongest features of one image [1, H, W, C] back to pixels, on the reference and on a target."""
    there = features(network)
    both = mirrored(there, network.title, network.source)
    last = visualised(both, image, weights, run_reference, None)[len(there.layers) - 1].output
    strongest = last.max((0, 1, 2)).argsort()[::-1][:count]
    return [pictured(both, image, weights, runner, target, last, int(feature)) for feature in strongest]


def pictured(
    both: Network,
    image: Array,
    weights: Mapping[str, Parameters],
    runner: Runner,
    target: Target,
    last: Array,
    feature: int,
) -> Picture:
    """Lead one feature back on both sides, and compare them stage by stage."""
    row, column = (int(one) for one in np.unravel_index(last[0, :, :, feature].argmax(), last.shape[1:3]))
    kept = np.zeros(last.shape, bool)
    kept[0, row, column, feature] = True
    mine, other = (visualised(both, image, weights, one, kept) for one in (run_reference, runner))
    bound = np.zeros(image.shape)
    stages: list[Distance] = []
    for one, two in zip(mine, other, strict=True):
        before = np.where(kept, bound, 0.0) if len(stages) == len(mine) // 2 else bound
        bound = carried(one, two, before, weights, target)
        stages.append(distance(one, two, bound))
    return Picture(
        feature=feature,
        place=(row, column),
        strength=float(last[0, row, column, feature]),
        image=image[0],
        reference=mine[-1].output[0],
        target=other[-1].output[0],
        judged=tuple(judged(one, runner, target) for one in mine),
        stages=tuple(stages),
    )


def visualised(
    both: Network, image: Array, weights: Mapping[str, Parameters], runner: Runner, kept: Array | None
) -> list[Step]:
    """Run there and back; halfway all activations but the kept ones are set to zero (None: none)."""
    steps: list[Step] = []
    argmax: dict[str, Array] = {}
    for number, layer in enumerate(both.layers):
        if number == len(both.layers) // 2 and kept is not None:
            image = np.where(kept, image, np.zeros((), image.dtype))
        steps.append(step(layer, image, weights, argmax, runner))
        image = steps[-1].output
        if layer.op == "max_pool_with_argmax":
            argmax[layer.name] = steps[-1].results[1]
    return steps


def features_to_pixels(
    target: Annotated[str | None, typer.Option(help="Who computes; the first TensorFlow here by default.")] = None,
    images: Annotated[int, typer.Option(min=1, max=TESTED, help="Digits that are shown.")] = 2,
    strongest: Annotated[int, typer.Option(min=1, max=64, help="Features of each that are led back.")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Times that every digit is shown in training.")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of weights, order and dropout.")] = 0,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("reports/features_to_pixels.html"),
) -> int:
    """Lead the strongest features of a trained LeNet-5 back to the pixels that caused them."""
    digits()  # they may not be installed: said before anything is started
    running.writable(out)
    with running.target(target) as (found, runner):
        known = taught(found.name, runner, Recipe(epochs=epochs, seed=seed))
        shown = [
            (int(known.labels[n]), one)
            for n in running.watched(range(images), "Features are led back", images)
            for one in pictures(MNIST, known.images[[n]], known.weights, runner, found, strongest)
        ]
    out.write_text(page("features_to_pixels.html", target=found.name, shown=shown))
    wrong = sum(one.wrong for _, one in shown)
    typer.echo(f"{len(shown)} features led back on {found.name}, {wrong} of them wrong. The page: {out}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(running.run(features_to_pixels))
