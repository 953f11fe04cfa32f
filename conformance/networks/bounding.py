"""
How far two conforming runs of a layer may be apart: a bound of every element of its result, from that of its input.

Let the activations that enter a layer differ by at most E, element by element. For a sum of products y = sum of x_k w_k
in precision u, with one run rounding the exact sum once and the other summing in any order,

    |y' - y| <= sum of E_k |w_k| + (n + 1) u sum of (|x_k| + E_k) |w_k| + what underflow takes

The first term is the op run on E and |w|; the second one its bound (`reference.bounds`) at the largest operands that
the target may have; a target that narrows its operands, as TF32 does, adds what `reference.engine.precision.narrowing`
says. A maximum moves by no more than its largest operand.

Each function takes the step of the reference, that of the target (both with dropout's same seed), the bound E of the
activations that enter, in their shape, and the target's arithmetic; it returns the bound of the op's result, float64.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from conformance.model import Array
from conformance.networks.steps import Step
from reference.engine.exact import SumOfProducts
from reference.engine.precision import Arithmetic, narrow_format, narrowing
from reference.floats import format_of
from reference.ops.avg_pool import average
from reference.ops.conv2d import forward
from reference.ops.conv2d_transpose import backward
from reference.ops.pools import pool

__all__ = ["Bound", "of_average", "of_convolution", "of_dropout", "of_maximum", "of_transposition", "of_unpooling"]

Bound: TypeAlias = Callable[[Step, Step, Array, Arithmetic], Array]


def of_convolution(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through conv2d."""
    return _of_sum(forward(**step.arguments), before, arithmetic)


def of_transposition(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through conv2d_transpose."""
    rest = dict(step.arguments)
    shape, filters, image = (rest.pop(name) for name in ("output_shape", "filters", "input"))
    return _of_sum(backward("conv2d_transpose", shape, filters, image, **rest), before, arithmetic)


def of_average(step: Step, _other: Step, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through avg_pool."""
    return _of_sum(average(**step.arguments), before, arithmetic)


def _of_sum(call: SumOfProducts, before: Array, arithmetic: Arithmetic) -> Array:
    """Carry a bound through a sum of products."""
    fmt = format_of(call.dtype)
    left, right = (np.abs(side.astype(np.float64)) for side in call.finite)
    count = call.count()
    narrow = narrow_format(arithmetic, fmt)
    relative, growth = narrowing(arithmetic, narrow) if narrow else (0.0, 1.0)
    rounded = ((count + 1) * fmt.u * growth + relative) * call.contract(left + before, right)
    lost = 2 * count * fmt.smallest_normal
    divisor = call.divisor()
    return (call.contract(before, right) + rounded) / (1.0 if divisor is None else divisor) + lost


def of_maximum(step: Step, _other: Step, before: Array, _arithmetic: Arithmetic) -> Array:
    """Carry a bound through a max pool: the largest one of each window."""
    window = {name: step.arguments[name] for name in ("ksize", "strides", "padding")}
    _, geometry = pool("max_pool", step.arguments["input"], **window, data_format="NHWC")
    return geometry.reduce(np.maximum, before, 0.0)


def of_unpooling(step: Step, other: Step, before: Array, _arithmetic: Arithmetic) -> Array:
    """
    Move a bound to where max_unpool puts the values.

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


def of_dropout(step: Step, _other: Step, before: Array, _arithmetic: Arithmetic) -> Array:
    """Carry a bound through dropout under one mask: elements are scaled, and rounded twice, or 0 in both runs."""
    scale = 1 / (1 - step.layer.rate)
    rounding = 2 * format_of(step.output.dtype).u
    size = np.abs(step.arguments["x"].astype(np.float64)) + before
    return np.where(step.results[0] == 0, 0.0, before * scale + rounding * size * scale)
