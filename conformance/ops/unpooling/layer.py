"""max_unpool as a layer of a network, and its gradient at such a layer."""

import numpy as np

from conformance.cases.network import Arguments, AtLayer, Call, Inputs, Layer, LayerKind, Results, Runner, Step
from conformance.model import Array
from conformance.ops.layers import nothing
from reference.arithmetic import Counts, Image, Pair
from reference.engine.precision import Arithmetic

__all__ = ["UNPOOLING", "UNPOOLING_GRADIENT"]


def count(layer: Layer, image: Image) -> Counts:
    """Count an unpooling, which only moves elements."""
    return nothing((*layer.size, image[2]))


def call(layer: Layer, inputs: Inputs) -> Call:
    """Call max_unpool."""
    shape = [len(inputs.image), *layer.size, inputs.image.shape[3]]
    return {"input": inputs.image, "argmax": inputs.argmax, "output_shape": shape}


def bound(step: Step, other: Step, before: Array, _arithmetic: Arithmetic) -> Array:
    """
    Move a bound to where max_unpool puts the values.

    Where the two runs unpool a value at different places, each place holds it in one of them alone, and may differ by
    all of it. Whether the other place is allowed is judged where the argmax is made.
    """
    shape, where, there = step.arguments["output_shape"], step.arguments["argmax"], other.arguments["argmax"]
    mine, theirs = (np.abs(one.arguments["input"].astype(np.float64)) for one in (step, other))
    moved = np.zeros((shape[0], shape[1] * shape[2] * shape[3]))
    images = np.arange(shape[0])[:, None]
    for places, values in (
        (where, np.where(where == there, before, mine)),
        (there, np.where(where == there, 0, theirs)),
    ):
        np.add.at(moved, (images, places.reshape(shape[0], -1)), values.reshape(shape[0], -1))
    return moved.reshape(shape)


def described(layer: Layer, _taps: Pair) -> str:
    """Say an unpooling with the pool that it undoes."""
    return f"{layer.op} at {layer.shares}"


def call_gradient(arguments: Arguments, _results: Results, gradient: Array, _runner: Runner) -> Call:
    """Call max_unpool_grad."""
    return {"grad": gradient, "argmax": arguments["argmax"]}


UNPOOLING = LayerKind(count=count, call=call, bound=bound, described=described, takes_argmax=True)
UNPOOLING_GRADIENT = AtLayer(call=call_gradient, gradient=True)
