"""
Deconvolutional networks: images taken apart into a few features of their own, in one layer and in two.

    python examples/deconvolutional_network.py --target tf-cpu-eager

Every convolution is a call of the target. Filters are learnt on handwritten digits and on pieces of photographs; the
maps of one image are inferred in several ways, and their optimum is certified; a second layer is learnt through the
pools of the first; and all ways of inference are run in lockstep with the reference, every call judged.

The parts, which name their sources: `sparse_coding` and `continuation` (one layer), `adaptive_deconvolution` (pools),
`two_layers` (what is learnt), `lockstep` (judging and drift).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from conformance.cases.network import Runner
from conformance.model import Array
from conformance.targets.target import Target
from examples import lockstep, running
from examples.adaptive_deconvolution import sparse_pools
from examples.charts import lines
from examples.continuation import continuation
from examples.digits import small_digits
from examples.lockstep import Lockstep, Problem
from examples.pages import page
from examples.pictures import png, signed
from examples.sample_pictures import pieces
from examples.sparse_coding import (
    Certificate,
    Linear,
    certificate,
    deconvolution,
    filtering,
    fista,
    ista,
    limited,
    objective,
    soft,
    squared,
)
from examples.two_layers import Data, Layers, cut, learnt

__all__ = ["deconvolutional_network"]

SLOW, FAST = 400, 1000  # steps of ISTA, and of FISTA, whose maps are certified
IN_STEP = 30  # steps of ISTA in lockstep
ALIKE = np.repeat(2.0 ** np.arange(10), 10).tolist()  # betas of the continuation for p = 1, in weights
SPARSE = np.repeat(10 * 2.0 ** np.arange(8), 4).tolist()  # for p = 1/2, from the optimum for p = 1
SHOWN = 6  # images beside what they are made of


@dataclass(frozen=True, slots=True)
class Inferred:
    """The maps of one image, inferred in several ways."""

    above: dict[str, list[float]]  # of ISTA and FISTA: C after each step, less the certified lower bound
    certificate: Certificate
    ways: list[tuple[str, float, float, int, float]]  # name, p, C, elements that are not zero, relative error
    steps: int  # of ISTA, FISTA and the continuation
    rises: int  # those in which C, or Q, rose


def deconvolutional_network(
    target: Annotated[str | None, typer.Option(help="Who computes; the first TensorFlow here by default.")] = None,
    images: Annotated[int, typer.Option(min=SHOWN, max=1797, help="Digits, and pieces of photographs, each.")] = 12,
    epochs: Annotated[int, typer.Option(min=1, help="Of learning, for each layer.")] = 20,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of filters and pieces.")] = 0,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("reports/deconvolutional_network.html"),
) -> int:
    """Learn deconvolutional networks of one layer and two, certify what they infer, and judge every convolution."""
    several = datasets(images, seed)
    running.writable(out)
    with running.target(target) as (found, runner):
        layers = [learnt(data, epochs, seed, runner) for data in several]
        inferred = [inferences(each, runner) for each in running.watched(layers, "Inference, certified")]
        judging = (run for each in layers for run in in_lockstep(each, runner, found))
        runs = list(running.watched(judging, "In lockstep with the reference", 4 * len(layers)))
        pictures = [drawn(each, runner) for each in layers]
    rises = sum(risen(each) for each in layers) + sum(each.rises for each in inferred)
    wrong = rises > 0 or any(run.wrong for _, run in runs)
    out.write_text(
        page(
            "deconvolutional_network.html",
            target=found.name,
            chapters=list(zip(layers, inferred, pictures, map(charts, layers, inferred), strict=True)),
            runs=[(name, run, list(lockstep.tallied(run.judged)), drifting(run)) for name, run in runs],
            rises=rises,
            steps=sum(map(counted, layers)) + sum(each.steps for each in inferred),
            wrong=wrong,
        )
    )
    calls = sum(len(run.judged) for _, run in runs)
    typer.echo(
        f"{calls} calls of {found.name} judged in lockstep, {sum(run.wrong for _, run in runs)} of {len(runs)} runs "
        f"wrong; the objective rose in {rises} steps. The page: {out}"
    )
    return 1 if wrong else 0


def datasets(images: int, seed: int) -> list[Data]:
    """Return digits, and pieces of photographs."""
    digits, _ = small_digits()
    return [
        Data("handwritten digits", digits[:images, :, :, None] / 16, (5, 12), (3, 8), 10.0),
        Data("pieces of photographs", pieces(images, 34, seed), (7, 12), (5, 16), 3.0),
    ]


def risen(layers: Layers) -> int:
    """Count the steps in which C rose by more than its sums of float64 may round: n u for n terms."""
    several = (
        (layers.first_values, layers.first.maps.size),
        (layers.pools_values, layers.first.maps.size),
        (layers.second_values, layers.second.maps.size),
    )
    return sum(
        later > earlier * (1 + terms * 2.0**-53) for values, terms in several for earlier, later in pairwise(values)
    )


def counted(layers: Layers) -> int:
    """Return the number of steps of learning and inference."""
    return sum(map(len, (layers.first_values, layers.pools_values, layers.second_values)))


def inferences(layers: Layers, runner: Runner) -> Inferred:
    """Infer the maps of the first image by ISTA, FISTA and continuation, and certify FISTA's."""
    image, weight = layers.data.images[:1], layers.data.weight
    linear = deconvolution(layers.first.filters, image.shape[1:3], runner)
    start = np.zeros_like(layers.first.maps[:1])
    slow, slow_values = followed(ista(linear, image, weight, start), SLOW, linear, image, weight)
    best, best_values = followed(fista(linear, image, weight, start), FAST, linear, image, weight)
    sure = certificate(linear, image, weight, best)
    alike = list(continuation(linear, image, weight, 1.0, start, [weight * beta for beta in ALIKE]))
    sparse = list(continuation(linear, image, weight, 0.5, best, [weight * beta for beta in SPARSE]))

    def way(name: str, p: float, z: Array) -> tuple[str, float, float, int, float]:
        error = squared(linear.apply(z) - image) / squared(image)
        return name, p, objective(linear, image, weight, z, p), int(np.count_nonzero(z)), error

    falls = [slow_values, best_values, *(turn.values for turn in (*alike, *sparse))]
    slack = 1 + start.size * 2.0**-53
    return Inferred(
        above={
            name: [value - best_values[-1] + sure.gap for value in found]
            for name, found in (("ISTA", slow_values), ("FISTA", best_values))
        },
        certificate=sure,
        ways=[
            way("ISTA", 1.0, slow),
            way("FISTA, certified", 1.0, best),
            way("continuation", 1.0, alike[-1].x),
            way("FISTA's maps for p = 1", 0.5, best),
            way("continuation from there", 0.5, sparse[-1].x),
        ],
        steps=sum(len(found) - 1 for found in falls),
        rises=sum(later > earlier * slack for found in falls for earlier, later in pairwise(found)),
    )


def followed(
    maps: Iterator[Array], steps: int, linear: Linear, image: Array, weight: float
) -> tuple[Array, list[float]]:
    """Return the last of so many maps, and C of each."""
    values = []
    for z in islice(maps, steps):
        values.append(objective(linear, image, weight, z))
    return z, values


def in_lockstep(layers: Layers, runner: Runner, target: Target) -> Iterator[tuple[str, Lockstep]]:
    """Run inference for the first image, and the learning of filters, in lockstep with the reference, in float32."""
    data, image = layers.data, layers.data.images[:1].astype(np.float32)
    filters = layers.first.filters.astype(np.float32)
    start = np.zeros_like(layers.first.maps[:1], np.float32)

    def one(runner: Runner) -> Linear:
        return deconvolution(filters, image.shape[1:3], runner)

    def both(runner: Runner) -> Linear:
        return layers.stack(runner, 1, "float32")[1]

    def by_filters(runner: Runner) -> Linear:
        maps = layers.first.maps.astype(np.float32)
        return filtering(maps, filters.shape, image.shape[1:3], runner)

    plain = Problem(one, image, data.weight, lambda _: soft)
    yield f"ISTA, {data.name}", lockstep.stepped(plain, start, IN_STEP, runner, target)
    norm = by_filters(runner).norm
    taught = Problem(by_filters, data.images.astype(np.float32), data.weight, lambda _: limited, lambda _: norm)
    begun = cut(data.images, *data.filters, np.random.default_rng(0)).astype(np.float32)
    yield f"Filters learnt, {data.name}", lockstep.stepped(taught, begun, IN_STEP, runner, target)
    betas = [data.weight * beta for beta in SPARSE[::4]]
    yield (
        f"Continuation, p = 1/2, {data.name}",
        lockstep.continued(filters, image, data.weight, start, betas, runner, target),
    )
    pooled = Problem(both, image, data.weight, sparse_pools)
    above = np.zeros_like(layers.second.maps[:1], np.float32)
    yield f"Two layers with pools, {data.name}", lockstep.stepped(pooled, above, IN_STEP, runner, target)


@dataclass(frozen=True, slots=True)
class Pictures:
    """PNG files."""

    filters: list[bytes]  # of layer 1
    maps: list[bytes]  # of layer 1, for the first image
    made: list[tuple[bytes, ...]]  # an image, what layer 1 makes of it, what both layers make
    features: list[list[bytes]]  # of each map of layer 2: its strongest elements, led to pixels by their own switches


def drawn(layers: Layers, runner: Runner) -> Pictures:
    """Draw filters, maps, images and features."""
    first, second, images = layers.first, layers.second, layers.data.images
    one = deconvolution(first.filters, images.shape[1:3], runner).apply(first.maps)
    two = layers.stack(runner, len(images))[1].apply(second.maps)
    return Pictures(
        filters=[picture(first.filters[..., k]) for k in range(first.filters.shape[3])],
        maps=[picture(first.maps[0, ..., [k]].transpose(1, 2, 0)) for k in range(first.maps.shape[3])],
        made=[tuple(picture(each[n], images[n]) for each in (images, one, two)) for n in range(SHOWN)],
        features=[features(layers, k, runner) for k in range(second.maps.shape[3])],
    )


def picture(values: Array, like: Array | None = None) -> bytes:
    """Draw [H, W, 1] on its own scale, or on that of another: zero in grey."""
    return png(signed(values, float(np.abs(values if like is None else like).max(initial=0.0))))


def features(layers: Layers, number: int, runner: Runner) -> list[bytes]:
    """Draw what the strongest element of one map of layer 2 adds to an image: to the images where it is strongest."""
    maps = layers.second.maps
    strength = np.abs(maps[..., number]).max((1, 2))
    alone = np.zeros_like(maps)
    for n in range(len(maps)):
        row, column = np.unravel_index(np.abs(maps[n, ..., number]).argmax(), maps.shape[1:3])
        alone[n, row, column, number] = maps[n, row, column, number]
    led = layers.stack(runner, len(maps))[1].apply(alone)
    return [picture(led[n]) for n in strength.argsort()[::-1][:3] if strength[n]]


def charts(layers: Layers, inferred: Inferred) -> dict[str, str]:
    """Draw the curves of one chapter."""
    return {
        "first": lines({"C": layers.first_values}, "step", "C", log=True),
        "second": lines({"C": layers.second_values}, "step", "C", log=True),
        "optimum": lines(inferred.above, "step", "C less a lower bound", log=True),
    }


def drifting(run: Lockstep) -> str:
    """Draw how far the two runs are apart, beside the bound."""
    return lines(
        {"bound": [one.bound for one in run.drifts], "measured": [one.measured for one in run.drifts]},
        "step",
        "distance of z",
        log=True,
    )


if __name__ == "__main__":
    sys.exit(running.run(deconvolutional_network))
