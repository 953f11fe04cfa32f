"""
Sparse coding by deconvolution: an image is a sum of few features, each put where it belongs.

    image = sum over k of maps[k] convolved with filters[k], most elements of the maps being zero

    C(z) = weight/2 |apply(z) - image|^2 + sum of |z|^p,    0 < p <= 1

`apply` is conv2d_transpose; its adjoint is conv2d with the same filters. For p = 1 the maps z are inferred by proximal
gradient descent, `ista` and `fista`; how near the optimum they are is certified (`certificate`). The filters, none
longer than 1, are learnt by the same descent (`filtering`), in turn with the maps (`learning`).

Sources: Zeiler, Krishnan, Taylor and Fergus, Deconvolutional networks, CVPR 2010 (the model; how they infer z:
`continuation`); Beck and Teboulle, A fast iterative shrinkage-thresholding algorithm for linear inverse problems, SIAM
J. Imaging Sci. 2(1), 2009; O'Donoghue and Candes, Adaptive restart for accelerated gradient schemes, Found. Comput.
Math. 15(3), 2015.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, TypeAlias

import numpy as np

from conformance.cases.network import Runner
from conformance.model import Array

__all__ = [
    "IDENTITY",
    "Certificate",
    "Inference",
    "Learnt",
    "Linear",
    "Prox",
    "certificate",
    "chained",
    "deconvolution",
    "filtering",
    "fista",
    "gain",
    "grid",
    "ista",
    "learning",
    "limited",
    "objective",
    "soft",
    "squared",
]

Prox: TypeAlias = Callable[[Array, float], Array]  # v, step -> the z that minimises |z - v|^2 / 2 + step penalty(z)
ABOVE = 1 + 2.0**-20  # more than the transforms and singular values in `gain` can round


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear map from feature maps to images."""

    apply: Callable[[Array], Array]  # maps [N, MH, MW, K] -> images [N, H, W, C]
    adjoint: Callable[[Array], Array]  # images -> maps: sum of apply(z) * r = sum of z * adjoint(r)
    norm: float  # |apply(z)| <= norm |z|, Euclidean


IDENTITY = Linear(lambda values: values, lambda values: values, 1.0)
Inference: TypeAlias = Callable[[Linear, Array, float, Array], Iterator[Array]]  # ista, fista


def chained(first: Linear, second: Linear) -> Linear:
    """Return the product of two linear maps, the second of which is applied first."""
    return Linear(
        lambda values: first.apply(second.apply(values)),
        lambda values: second.adjoint(first.adjoint(values)),
        first.norm * second.norm,
    )


def laid(filters: Sequence[int]) -> dict[str, Any]:
    """Return strides and padding under which every filter that meets the image has a map element: FH, FW, C, K."""
    rows, columns = filters[0] - 1, filters[1] - 1
    return {"strides": [1, 1], "padding": [[0, 0], [rows, rows], [columns, columns], [0, 0]]}


def deconvolution(filters: Array, size: tuple[int, int], runner: Runner) -> Linear:
    """Return the sum of maps [N, H + FH - 1, W + FW - 1, K] convolved with filters [FH, FW, C, K], of this size."""

    def apply(maps: Array) -> Array:
        return deconvolved(maps, filters, size, runner)

    def adjoint(images: Array) -> Array:
        return runner("conv2d", {"input": images, "filters": filters, **laid(filters.shape)})[0]

    return Linear(apply, adjoint, gain(filters.transpose(2, 3, 0, 1), grid(filters.shape, size)))


def filtering(maps: Array, filters: Sequence[int], size: tuple[int, int], runner: Runner) -> Linear:
    """Return the same sum as a map of the filters, the maps being fixed; filters: their shape FH, FW, C, K."""

    def apply(values: Array) -> Array:
        return deconvolved(maps, values, size, runner)

    def adjoint(images: Array) -> Array:
        arguments = {"input": images, "filter_sizes": list(filters), "out_backprop": maps, **laid(filters)}
        return runner("conv2d_backprop_filter", arguments)[0]

    return Linear(apply, adjoint, gain(maps.transpose(0, 3, 1, 2), grid(filters, size)))


def deconvolved(maps: Array, filters: Array, size: tuple[int, int], runner: Runner) -> Array:
    """Return the sum of maps convolved with filters."""
    shape = [len(maps), *size, filters.shape[2]]
    arguments = {"input": maps, "filters": filters, "output_shape": shape, **laid(filters.shape)}
    return runner("conv2d_transpose", arguments)[0]


def grid(filters: Sequence[int], size: tuple[int, int]) -> tuple[int, int]:
    """Return a size at which the convolution of whole maps with filters of this shape does not wrap around."""
    return size[0] + 2 * (filters[0] - 1), size[1] + 2 * (filters[1] - 1)


def gain(kernels: Array, size: tuple[int, int]) -> float:
    """
    Bound the norm of convolving with kernels [outputs, inputs, rows, columns] and adding up over the inputs.

    On a grid that nothing wraps around, it is part of the cyclic convolution, which the Fourier transform takes apart
    into one matrix [outputs, inputs] a frequency: the largest of their norms.
    """
    matrices = np.moveaxis(np.fft.fft2(kernels.astype(np.float64), size), (0, 1), (2, 3))
    return ABOVE * float(np.linalg.norm(matrices, 2, (2, 3)).max())


def objective(linear: Linear, image: Array, weight: float, z: Array, p: float = 1.0) -> float:
    """Return C(z), in float64."""
    return weight / 2 * squared(linear.apply(z) - image) + float((np.abs(z.astype(np.float64)) ** p).sum())


def squared(values: Array) -> float:
    """Return the sum of squares, in float64."""
    return float((values.astype(np.float64) ** 2).sum())


def soft(v: Array, step: float) -> Array:
    """Return the z that minimises |z - v|^2 / 2 + step |z|_1: v, nearer to zero by step."""
    return np.asarray(np.sign(v) * np.maximum(np.abs(v) - v.dtype.type(step), 0))


def limited(filters: Array, _: float) -> Array:
    """Return filters [FH, FW, C, K], those longer than 1 shortened to it: the nearest of a convex set."""
    wide = filters.astype(np.float64)
    return np.asarray((wide / np.maximum(np.sqrt((wide**2).sum((0, 1, 2))), 1.0)).astype(filters.dtype))


def ista(linear: Linear, image: Array, weight: float, z: Array, prox: Prox = soft) -> Iterator[Array]:
    """
    Yield z after each step of proximal gradient descent: maps, or, for `filtering` and `limited`, filters.

        z <- prox(z - step weight adjoint(apply(z) - image), step),    step = 1 / (weight norm^2)

    At this step C lies below a parabola that touches it at z and that the new z minimises: C never rises.
    """
    if not linear.norm:  # of maps of zeros: no filters are better than others
        yield from repeat(z)
    scale = z.dtype.type(1 / linear.norm**2)
    while True:
        slope = linear.adjoint(linear.apply(z) - image)
        z = prox(z - scale * slope, 1 / (weight * linear.norm**2))
        yield z


def fista(linear: Linear, image: Array, weight: float, z: Array) -> Iterator[Array]:
    """
    Yield z after each step of accelerated ISTA for p = 1.

    A step that would raise C leaves z where it is, and the acceleration begins anew: the next step is one of ISTA.
    """
    scale, t, ahead, best = z.dtype.type(1 / linear.norm**2), 1.0, z, objective(linear, image, weight, z)
    while True:
        slope = linear.adjoint(linear.apply(ahead) - image)
        found = soft(ahead - scale * slope, 1 / (weight * linear.norm**2))
        value = objective(linear, image, weight, found)
        if value > best:
            t, ahead = 1.0, z
        else:
            following = (1 + math.sqrt(1 + 4 * t * t)) / 2
            ahead = found + z.dtype.type((t - 1) / following) * (found - z)
            z, best, t = found, value, following
        yield z


@dataclass(frozen=True, slots=True)
class Certificate:
    """How near z is to the minimum of C at p = 1, where C is convex."""

    violation: float  # largest distance of an element of the slope from the subgradients of |z|_1
    gap: float  # no z has a C smaller than this one's by more


def certificate(linear: Linear, image: Array, weight: float, z: Array) -> Certificate:
    """
    Certify z, by float64 operands.

    z is a minimum where s = weight adjoint(image - apply(z)) is a subgradient of |z|_1: sign(z) where z is not zero,
    anything from -1 to 1 where it is. Whatever z is, d = weight (image - apply(z)), scaled so that |adjoint(d)| <= 1,
    is a point of the dual problem, and its value, sum of d image - |d|^2 / (2 weight), is a lower bound of C.
    """
    d = weight * (image - linear.apply(z))
    s = linear.adjoint(d)
    apart = np.where(z != 0, np.abs(s - np.sign(z)), np.maximum(np.abs(s) - 1, 0))
    d = d / max(1.0, float(np.abs(s).max()))
    below = float((d * image).sum()) - squared(d) / (2 * weight)
    return Certificate(float(apart.max()), objective(linear, image, weight, z) - below)


@dataclass(frozen=True, slots=True)
class Learnt:
    """Filters and maps after an epoch."""

    filters: Array  # FH, FW, C, K
    maps: Array  # N, MH, MW, K
    values: tuple[float, ...]  # C after each step of the epoch


def learning(
    images: Array,
    filters: Array,
    maps: Array,
    weight: float,
    runner: Runner,
    infer: Inference = fista,
    below: Linear = IDENTITY,
    steps: int = 5,
) -> Iterator[Learnt]:
    """
    Learn filters [FH, FW, C, K], none longer than 1, and maps [N, MH, MW, K] of images.

    An epoch is so many steps for the maps, then as many for the filters.

    below: what leads from the sum of the convolved maps to the images, where that is more than nothing.
    """
    size = maps.shape[1] - filters.shape[0] + 1, maps.shape[2] - filters.shape[1] + 1
    while True:
        layer = chained(below, deconvolution(filters, size, runner))
        inferred = list(islice(infer(layer, images, weight, maps), steps))
        values = [objective(layer, images, weight, each) for each in inferred]
        maps = inferred[-1]
        learnt = chained(below, filtering(maps, filters.shape, size, runner))
        found = list(islice(ista(learnt, images, weight, filters, limited), steps))
        layers = [chained(below, deconvolution(each, size, runner)) for each in found]
        values += [objective(each, images, weight, maps) for each in layers]
        filters = found[-1]
        yield Learnt(filters, maps, tuple(values))
