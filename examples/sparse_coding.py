"""
Sparse coding by deconvolution: an image is a sum of few features, each put where it belongs.

    image = sum over k of maps[k] convolved with filters[k], most elements of the maps being zero

    C(z) = weight/2 |apply(z) - image|^2 + sum of |z|^p,    0 < p <= 1

`apply` is conv2d_transpose; its adjoint is conv2d with the same filters. Three ways to infer the maps z:

- `ista` and `fista`, p = 1: proximal gradient descent; how near the optimum they are is certified (`certificate`).
- `continuation`, p = 1 or 1/2: an auxiliary x, near z, takes the penalty; x by closed-form shrinkage and z by conjugate
  gradients in turn, while beta, which holds them together, grows.

The filters are learnt by projected gradient descent (`filter_step`), in turn with the maps (`learning`).

Sources: Zeiler, Krishnan, Taylor and Fergus, Deconvolutional networks, CVPR 2010; Beck and Teboulle, A fast iterative
shrinkage-thresholding algorithm for linear inverse problems, SIAM J. Imaging Sci. 2(1), 2009; O'Donoghue and Candes,
Adaptive restart for accelerated gradient schemes, Found. Comput. Math. 15(3), 2015; Xu, Chang, Xu and Zhang, L1/2
regularization: a thresholding representation theory and a fast solver, IEEE Trans. Neural Netw. Learn. Syst. 23(7),
2012 (the shrinkage for p = 1/2).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from conformance.model import Array
from conformance.networks.steps import Runner

__all__ = [
    "IDENTITY",
    "Certificate",
    "Inference",
    "Learnt",
    "Linear",
    "Prox",
    "Split",
    "certificate",
    "chained",
    "continuation",
    "deconvolution",
    "filter_step",
    "fista",
    "gain",
    "grid",
    "ista",
    "learning",
    "objective",
    "shrunk",
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
        shape = [len(maps), *size, filters.shape[2]]
        arguments = {"input": maps, "filters": filters, "output_shape": shape, **laid(filters.shape)}
        return runner("conv2d_transpose", arguments)[0]

    def adjoint(images: Array) -> Array:
        return runner("conv2d", {"input": images, "filters": filters, **laid(filters.shape)})[0]

    return Linear(apply, adjoint, gain(filters.transpose(2, 3, 0, 1), grid(filters, size)))


def grid(filters: Array, size: tuple[int, int]) -> tuple[int, int]:
    """Return a size at which the convolution of whole maps with filters does not wrap around."""
    return size[0] + 2 * (filters.shape[0] - 1), size[1] + 2 * (filters.shape[1] - 1)


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


def half(v: Array, step: float) -> Array:
    """
    Return the z that minimises (z - v)^2 / 2 + step |z|^(1/2): zero up to |v| = 3/2 step^(2/3), and beyond it s^2.

    s, the square root of |z|, is the largest root of s^3 - |v| s + step / 2, by Viete's cosine.
    """
    size = np.abs(v.astype(np.float64))
    beyond = size > 1.5 * step ** (2 / 3)
    size = np.where(beyond, size, 1.5 * step ** (2 / 3))  # where the cosine is defined
    s = 2 * np.sqrt(size / 3) * np.cos(np.arccos(-0.75 * np.sqrt(3) * step * size**-1.5) / 3)
    return np.where(beyond, np.sign(v) * s * s, 0.0).astype(v.dtype)


SHRINKAGES: Mapping[float, Prox] = {1.0: soft, 0.5: half}


def shrunk(v: Array, step: float, p: float) -> Array:
    """
    Return the z that minimises |z - v|^2 / 2 + step (sum of |z|^p).

    Raises:
        ValueError: no closed form is known here for this p.
    """
    if p not in SHRINKAGES:
        raise ValueError(f"p = {p}: the shrinkage has a closed form here for p of {', '.join(map(str, SHRINKAGES))}")
    return SHRINKAGES[p](v, step)


def ista(linear: Linear, image: Array, weight: float, z: Array, prox: Prox = soft) -> Iterator[Array]:
    """
    Yield z after each step of proximal gradient descent.

        z <- prox(z - step weight adjoint(apply(z) - image), step),    step = 1 / (weight norm^2)

    At this step C lies below a parabola that touches it at z and that the new z minimises: C never rises.
    """
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
class Split:
    """One turn of the continuation."""

    beta: float
    x: Array  # sparse
    z: Array  # near x, and nearer to the image
    values: tuple[float, float, float]  # Q before the turn, with the new x, with the new z: they fall


def continuation(
    linear: Linear, image: Array, weight: float, p: float, z: Array, betas: Sequence[float]
) -> Iterator[Split]:
    """
    Yield x and z for one beta after the other, which grow: each is the minimum of Q given the other.

        Q(x, z) = weight/2 |apply(z) - image|^2 + beta/2 |z - x|^2 + sum of |x|^p
    """
    x = z
    right = weight * linear.adjoint(image)
    for beta in betas:
        before = x, z
        x = shrunk(z, 1 / beta, p)
        between = x, z
        z = solved(
            lambda v, beta=beta: weight * linear.adjoint(linear.apply(v)) + beta * v,  # type: ignore[misc]
            (right + beta * x).astype(z.dtype),
            z,
        )
        values = [split_objective(linear, image, weight, p, beta, *pair) for pair in (before, between, (x, z))]
        yield Split(beta, x, z, (values[0], values[1], values[2]))


def split_objective(linear: Linear, image: Array, weight: float, p: float, beta: float, x: Array, z: Array) -> float:
    """Return Q(x, z), in float64."""
    data = weight / 2 * squared(linear.apply(z) - image)
    return data + beta / 2 * squared(z - x) + float((np.abs(x.astype(np.float64)) ** p).sum())


def solved(operator: Callable[[Array], Array], right: Array, z: Array, iterations: int = 60) -> Array:
    """
    Solve operator(z) = right by conjugate gradients from z; the operator is symmetric and positive definite.

    Ends where the residual is as small, next to the right-hand side, as the dtype can make it.
    """
    residual = right - operator(z)
    direction, size = residual, squared(residual)
    least = (4 * np.finfo(z.dtype).eps) ** 2 * squared(right)
    for _ in range(iterations):
        if size <= least:
            break
        image = operator(direction)
        length = size / dot(direction, image)
        z = z + z.dtype.type(length) * direction
        residual = residual - z.dtype.type(length) * image
        before, size = size, squared(residual)
        direction = residual + z.dtype.type(size / before) * direction
    return z


def dot(one: Array, other: Array) -> float:
    """Return the sum of products, in float64."""
    return float((one.astype(np.float64) * other).sum())


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
    layer = chained(below, deconvolution(filters, size, runner))
    while True:
        inferred = list(islice(infer(layer, images, weight, maps), steps))
        values = [objective(layer, images, weight, each) for each in inferred]
        maps = inferred[-1]
        for _ in range(steps):
            filters = filter_step(filters, maps, layer.apply(maps) - images, below, runner)
            layer = chained(below, deconvolution(filters, size, runner))
            values.append(objective(layer, images, weight, maps))
        yield Learnt(filters, maps, tuple(values))


def filter_step(filters: Array, maps: Array, difference: Array, below: Linear, runner: Runner) -> Array:
    """
    Return the filters after a step of gradient descent on |difference|^2, none of them longer than 1.

    The gradient is conv2d_backprop_filter of the difference and the maps. As a map of the filters, deconvolution has
    the norm of convolving with the maps; filters of length up to 1 are a convex set: at step 1 / norm^2 nothing rises.
    """
    back = below.adjoint(difference)
    arguments = {"input": back, "filter_sizes": list(filters.shape), "out_backprop": maps, **laid(filters.shape)}
    (gradient,) = runner("conv2d_backprop_filter", arguments)
    norm = below.norm * gain(maps.transpose(0, 3, 1, 2), grid(filters, back.shape[1:3]))
    return limited(filters - gradient / norm**2 if norm else filters)


def limited(filters: Array) -> Array:
    """Return filters [FH, FW, C, K], those longer than 1 shortened to it."""
    return np.asarray(filters / np.maximum(np.sqrt((filters**2).sum((0, 1, 2))), 1.0))
