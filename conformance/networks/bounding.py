"""
How far two conforming runs of a network may be apart: a bound of every activation, carried from layer to layer.

Let the activations that enter a layer differ by at most E, element by element. For a sum of products y = sum of x_k w_k
in precision u, with one run rounding the exact sum once and the other summing in any order,

    |y' - y| <= sum of E_k |w_k| + (n + 1) u sum of (|x_k| + E_k) |w_k| + what underflow takes

The first term is the op run on E and |w|; the second one its bound (`reference.bounds`) at the largest operands that
the target may have; a target that narrows its operands, as TF32 does, adds what `reference.precision.narrowing` says. A
maximum moves by no more than its largest operand, relu and tanh by no more than theirs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.model import Array
from conformance.networks.running import Parameters, Step
from reference.engine.exact import SumOfProducts
from reference.engine.precision import ARITHMETICS, Arithmetic, narrow_format, narrowing
from reference.floats import format_of
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_transpose import backward
from reference.ops.pools import pool

__all__ = ["carried"]

TANH = 4  # NumPy's tanh is right to so many units in the last place


def carried(
    step: Step,
    other: Step,
    before: Array,
    parameters: Mapping[str, Parameters],
    arithmetic: Arithmetic = ARITHMETICS["float32"],
) -> Array:
    """
    Return the bound after a layer; step is the reference's, other the target's, both with dropout's same seed.

    before: the bound of the activations that enter, in their shape; arithmetic: the target's. -> the bound of
    `step.output`, float64.
    """
    fmt = format_of(step.output.dtype)
    bound = _of_op(step, other, before, arithmetic)
    weights = parameters.get(step.layer.shares or step.layer.name)
    if step.layer.bias and weights is not None and weights.bias is not None:
        # Both runs round the sum with the bias.
        bound = bound + 2 * fmt.u * (np.abs(step.results[0].astype(np.float64)) + np.abs(weights.bias) + bound)
    return bound + (2 * TANH * 2 * fmt.u if step.layer.activation == "tanh" else 0.0)


def _of_op(step: Step, other: Step, before: Array, arithmetic: Arithmetic) -> Array:
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
    return _of_sum(_as_sum(step), before, arithmetic)


def _of_sum(call: SumOfProducts, before: Array, arithmetic: Arithmetic) -> Array:
    """Return the bound after a sum of products."""
    fmt = format_of(call.dtype)
    left, right = (np.abs(side.astype(np.float64)) for side in call.finite)
    count = call.count()
    narrow = narrow_format(arithmetic, fmt)
    relative, growth = narrowing(arithmetic, narrow) if narrow else (0.0, 1.0)
    rounded = ((count + 1) * fmt.u * growth + relative) * call.contract(left + before, right)
    lost = 2 * count * fmt.smallest_normal
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
    """
    Move the bound to where the values go.

    Where the two runs unpool a value at different places, each place holds it in one of them alone, and may differ by
    all of it. Whether the other place is allowed is judged where the argmax is made, by `comparing.layer_by_layer`.
    """
    shape, where, there = step.arguments["output_shape"], step.arguments["argmax"], other.arguments["argmax"]
    mine, theirs = (np.abs(one.arguments["input"].astype(np.float64)) for one in (step, other))
    bound = np.zeros((shape[0], shape[1] * shape[2] * shape[3]))
    images = np.arange(shape[0])[:, None]
    for places, values in (
        (where, np.where(where == there, before, mine)),
        (there, np.where(where == there, 0, theirs)),
    ):
        np.add.at(bound, (images, places.reshape(shape[0], -1)), values.reshape(shape[0], -1))
    return bound.reshape(shape)
