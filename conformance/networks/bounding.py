"""
How far two conforming runs of a network may be apart: a bound of every activation, carried from layer to layer.

Let the activations that enter a layer differ by at most E, element by element. For a sum of products y = sum of x_k w_k
in precision u, with one run rounding the exact sum once and the other summing in any order,

    |y' - y| <= sum of E_k |w_k| + (n + 1) u sum of (|x_k| + E_k) |w_k| + what underflow takes

The first term is the op run on E and |w|; the second one its bound (`reference.bounds`) at the largest operands that
the target may have. A maximum moves by no more than its largest operand, relu and tanh by no more than theirs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.model import Array
from conformance.networks.running import Parameters, Step
from reference.avg_pool import average
from reference.conv2d import forward
from reference.conv2d_transpose import backward
from reference.exact import SumOfProducts
from reference.floats import format_of
from reference.pools import pool

__all__ = ["carried"]

TANH = 4  # NumPy's tanh is right to so many units in the last place


def carried(step: Step, other: Step, before: Array, parameters: Mapping[str, Parameters]) -> Array:
    """
    Return the bound after a layer; step is the reference's, other the target's, both with dropout's same seed.

    before: the bound of the activations that enter, in their shape. -> that of `step.output`, float64.
    """
    fmt = format_of(step.output.dtype)
    bound = _of_op(step, other, before)
    weights = parameters.get(step.layer.shares or step.layer.name)
    if step.layer.bias and weights is not None and weights.bias is not None:
        # Both runs round the sum with the bias.
        bound = bound + 2 * fmt.u * (np.abs(step.results[0].astype(np.float64)) + np.abs(weights.bias) + bound)
    return bound + (2 * TANH * 2 * fmt.u if step.layer.activation == "tanh" else 0.0)


def _of_op(step: Step, other: Step, before: Array) -> Array:
    """Return the bound after the op alone."""
    arguments = step.arguments
    if step.op == "stateless_dropout":
        scale = 1 / (1 - step.layer.rate)
        rounding = 2 * format_of(step.output.dtype).u
        size = np.abs(arguments["x"].astype(np.float64)) + before
        return np.where(step.results[0] == 0, 0.0, before * scale + rounding * size * scale)
    if step.op in ("max_pool", "max_pool_with_argmax"):
        _, geometry = pool("max_pool", arguments["input"], **_window(arguments), data_format="NHWC")
        return geometry.reduce(np.maximum, before, 0.0)
    if step.op == "max_unpool":
        return _unpooled(step, other, before)
    return _of_sum(_as_sum(step), before, format_of(step.output.dtype).u)


def _of_sum(call: SumOfProducts, before: Array, u: float) -> Array:
    """Return the bound after a sum of products."""
    left, right = (np.abs(side.astype(np.float64)) for side in call.finite)
    count = call.count()
    rounded = (count + 1) * u * call.contract(left + before, right)
    lost = 2 * count * format_of(call.dtype).smallest_normal
    divisor = call.divisor()
    return (call.contract(before, right) + rounded) / (1.0 if divisor is None else divisor) + lost


def _as_sum(step: Step) -> SumOfProducts:
    """Return a layer's call as the reference sees it."""
    given = dict(step.arguments)
    if step.op == "conv2d":
        return forward(**given)
    if step.op == "avg_pool":
        return average(**given)
    shape, filters, image = (given.pop(name) for name in ("output_shape", "filters", "input"))
    return backward("conv2d_transpose", shape, filters, image, **given)


def _window(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what lays a pool's windows."""
    return {name: arguments[name] for name in ("ksize", "strides", "padding")}


def _unpooled(step: Step, other: Step, before: Array) -> Array:
    """Move the bound to where the values go; where the two runs unpool at different places nothing is bounded."""
    shape, where = step.arguments["output_shape"], step.arguments["argmax"]
    if not np.array_equal(where, other.arguments["argmax"]):
        return np.full(shape, np.inf)
    bound = np.zeros((shape[0], shape[1] * shape[2] * shape[3]))
    for image, places, values in zip(bound, where, before, strict=True):
        np.add.at(image, places.ravel(), values.ravel())
    return bound.reshape(shape)
