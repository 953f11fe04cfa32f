"""
Sparse maps by continuation: an auxiliary x takes the penalty, and is held ever nearer to z, which explains the image.

    Q(x, z) = weight/2 |apply(z) - image|^2 + beta/2 |z - x|^2 + sum of |x|^p,    p = 1 or 1/2

x by closed-form shrinkage and z by conjugate gradients in turn, each the minimum of Q given the other; beta grows.

Sources: Zeiler, Krishnan, Taylor and Fergus, Deconvolutional networks, CVPR 2010; Xu, Chang, Xu and Zhang, L1/2
regularization: a thresholding representation theory and a fast solver, IEEE Trans. Neural Netw. Learn. Syst. 23(7),
2012 (the shrinkage for p = 1/2).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.model import Array
from examples.sparse_coding import Linear, Prox, soft, squared

__all__ = ["Split", "continuation", "shrunk"]


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
    """Yield x and z for one beta after the other, from z on."""
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
        values = [objective(linear, image, weight, p, beta, *pair) for pair in (before, between, (x, z))]
        yield Split(beta, x, z, (values[0], values[1], values[2]))


def objective(linear: Linear, image: Array, weight: float, p: float, beta: float, x: Array, z: Array) -> float:
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
