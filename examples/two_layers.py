"""What is learnt of images: a layer of features, pools over it, and a second layer that is learnt through them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from conformance.cases.network import Runner
from conformance.model import Array
from examples import running
from examples.adaptive_deconvolution import Switches, sparse_pools, switched, unpooling
from examples.sparse_coding import Learnt, Linear, chained, deconvolution, ista, learning, objective

__all__ = ["Data", "Layers", "cut", "learnt"]


@dataclass(frozen=True, slots=True)
class Data:
    """Images, and the sizes of the layers that they are taken apart into."""

    name: str
    images: Array  # N, H, W, 1; float64
    filters: tuple[int, int]  # taps along each side, number: of layer 1
    above: tuple[int, int]  # of layer 2
    weight: float  # of the image's error beside the penalty


@dataclass(frozen=True, slots=True)
class Layers:
    """What was learnt of the data."""

    data: Data
    first: Learnt
    first_values: Sequence[float]  # C after every step
    pools_values: Sequence[float]  # C of layer 1, inferred with pools
    switches: Switches
    second: Learnt
    second_values: Sequence[float]

    def stack(self, runner: Runner, count: int, dtype: str = "float64") -> tuple[Linear, Linear]:
        """Return layer 1 with its pools, and both layers, for the first so many images."""
        argmax = self.switches.argmax[:count]
        switches = Switches(argmax, (count, *self.switches.shape[1:]))
        first = deconvolution(self.first.filters.astype(dtype), self.data.images.shape[1:3], runner)
        below = chained(first, unpooling(switches, runner))
        return below, chained(below, deconvolution(self.second.filters.astype(dtype), argmax.shape[1:3], runner))


def learnt(data: Data, epochs: int, seed: int, runner: Runner) -> Layers:
    """Learn layer 1, infer it with pools, and learn layer 2 through their switches."""
    size, stream = data.images.shape[1:3], np.random.default_rng(seed)
    filters = cut(data.images, *data.filters, stream)
    epochs_1 = learning(data.images, filters, zeros(data.images.shape, filters), data.weight, runner)
    first = list(running.watched(islice(epochs_1, epochs), f"Layer 1 of {data.name}", epochs))
    layer = deconvolution(first[-1].filters, size, runner)
    pooled = ista(layer, data.images, data.weight, np.zeros_like(first[-1].maps), sparse_pools(runner))
    maps = list(islice(pooled, 2 * epochs))
    switches = switched(maps[-1], runner)
    below = chained(layer, unpooling(switches, runner))
    above = cut(switches.pooled(maps[-1]), *data.above, stream)
    infer = partial(ista, prox=sparse_pools(runner))
    epochs_2 = learning(data.images, above, zeros(switches.argmax.shape, above), data.weight, runner, infer, below)
    second = list(running.watched(islice(epochs_2, epochs), f"Layer 2 of {data.name}", epochs))
    return Layers(
        data=data,
        first=first[-1],
        first_values=[value for epoch in first for value in epoch.values],
        pools_values=[objective(layer, data.images, data.weight, each) for each in maps],
        switches=switches,
        second=second[-1],
        second_values=[value for epoch in second for value in epoch.values],
    )


def cut(images: Array, taps: int, count: int, stream: np.random.Generator) -> Array:
    """
    Return filters to begin with, [taps, taps, C, count], each of length 1: pieces of images [N, H, W, C].

    Of twice as many, drawn at random and none twice, those of most content.
    """
    places = len(images), images.shape[1] - taps + 1, images.shape[2] - taps + 1
    drawn = stream.choice(math.prod(places), min(2 * count, math.prod(places)), replace=False)
    found = [
        images[number, row : row + taps, column : column + taps]
        for number, row, column in zip(*np.unravel_index(drawn, places), strict=True)
    ]
    lengths = np.sqrt((np.array(found) ** 2).sum((1, 2, 3)))
    chosen = lengths.argsort()[::-1][:count]
    return np.stack([found[n] / max(lengths[n], np.finfo(np.float64).tiny) for n in chosen], axis=3)


def zeros(images: Sequence[int], filters: Array) -> Array:
    """Return maps of zeros for images [N, H, W, C] and filters [FH, FW, C, K]."""
    n, h, w = images[:3]
    return np.zeros((n, h + filters.shape[0] - 1, w + filters.shape[1] - 1, filters.shape[3]), filters.dtype)
